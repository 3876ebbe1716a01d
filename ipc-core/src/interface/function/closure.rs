//! Closures as functions.

use std::marker::PhantomData;

use super::{Function, Returns};
use crate::interface::describe::{Argument, Method};
use crate::interface::dynamic::shaped;
use crate::interface::invocation::Invocation;
use crate::interface::schema::{Describe, Schema};
use crate::interface::value::Value;
use crate::interface::wire_type::Wire;
use crate::wire::block::{Probe, ValueProbe};
use crate::wire::codec::{self, MAX_VALUE};
use crate::wire::failure::{Failure, Fault, FaultKind};

/// A closure as a [`Function`]: `Args` is the tuple of its arguments, which are called `arg0`, `arg1`, ...
#[diagnostic::on_unimplemented(
    message = "this closure cannot be served",
    label = "an argument or the result cannot travel, or there are more than 6 arguments",
    note = "write out the types of the arguments, `|volts: f64, name: String| ..`: what serde can serialise and deserialise, without references",
    note = "it returns a number, a text, a list, a tuple or a map of these, or `Result<T, E>` with any `T` that can travel and an `E` that is an error, a `String` or a `&str`; for other types write `Result<T, String>`",
    note = "for `async`, references and names of arguments, write a `fn` with `#[remote]` on it, and serve `name::function()`"
)]
pub trait IntoFunction<Args>: Sized {
    /// Gives the closure a name.
    fn into_function(self, name: &str) -> Box<dyn Function>;
}

/// A closure whose arguments and result describe themselves, as a [`Function`] whose arguments have names.
#[diagnostic::on_unimplemented(
    message = "this closure cannot be served with a description of its arguments",
    label = "an argument or the result does not describe itself or cannot travel, or there are more than 6 arguments",
    note = "write out the types of the arguments, `|volts: f64, name: String| ..`, without references; put `#[remote]` on structs and enums of your own",
    note = "for types of other crates, `async` and references, write a `fn` with `#[remote]` on it, and serve `name::function()`"
)]
pub trait IntoDescribedFunction<Args>: IntoFunction<Args> {
    /// Gives the closure a name, and a parameter to each of its arguments.
    fn into_described_function(self, name: &str, parameters: Vec<Parameter>) -> Box<dyn Function>;
}

/// What callers are told of an argument of a closure.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Parameter {
    name: String,
    unit: Option<String>,
    default: Option<Value>,
}

impl Parameter {
    /// A parameter with this name, by which callers can give it.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            unit: None,
            default: None,
        }
    }

    /// The physical unit, such as `V`.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// The value if a caller by name leaves it out.
    pub fn default(mut self, value: impl Into<Value>) -> Self {
        self.default = Some(value.into());
        self
    }

    fn argument(&self, schema: Schema) -> Argument {
        Argument {
            name: self.name.clone(),
            schema,
            unit: self.unit.clone(),
            default: self.default.as_ref().map(Value::to_string),
            accepts: None,
        }
    }
}

impl From<&str> for Parameter {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

impl From<String> for Parameter {
    fn from(name: String) -> Self {
        Self::named(name)
    }
}

struct Closure<F, Args> {
    name: String,
    function: F,
    parameters: Vec<Parameter>,
    arguments: Vec<Schema>,
    result: Schema,
    types: PhantomData<fn(Args)>,
}

impl<F, Args> Closure<F, Args> {
    /// The next argument of a call, whose parameter has the number `index`.
    fn take<T: Wire>(
        parameters: &[Parameter],
        index: usize,
        invocation: &mut Invocation<'_>,
    ) -> Result<T, Failure> {
        let parameter = parameters.get(index);
        let Some(default) = parameter.and_then(|it| it.default.as_ref()) else {
            return invocation.argument();
        };
        match invocation.argument_if_given()? {
            Some(given) => Ok(given),
            None => default.clone().into_typed().map_err(|error| {
                let problem = format!("its default cannot be used: {error}");
                Failure::from(Fault::own(FaultKind::Unsendable, problem))
            }),
        }
    }

    /// Why the parameters do not fit the arguments, apart from their defaults.
    fn misnamed(&self) -> Option<String> {
        let (given, takes) = (self.parameters.len(), self.arguments.len());
        if given != takes {
            return Some(format!(
                "it takes {takes} arguments, and {given} are described"
            ));
        }
        let names = self.parameters.iter().map(|it| it.name.as_str());
        names.enumerate().find_map(|(index, name)| {
            let mut earlier = self.parameters.iter().take(index);
            let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            match is_name {
                false => Some(format!("`{name}` is not the name of an argument")),
                true if earlier.any(|it| it.name == name) => {
                    Some(format!("two of its arguments are called `{name}`"))
                }
                true => None,
            }
        })
    }

    /// Why the default of a parameter is no `T`.
    fn bad_default<T: Wire>(&self, index: usize) -> Option<String> {
        let Parameter { name, default, .. } = self.parameters.get(index)?;
        let error = default.clone()?.into_typed::<T>().err()?;
        Some(format!(
            "the default of `{name}` is of another type: {error}"
        ))
    }
}

/// The parameters with defaults that are what the arguments are, so that both ends of a call mean the same by them.
fn with_defaults_of(arguments: &[Schema], mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    for (parameter, schema) in parameters.iter_mut().zip(arguments) {
        let default = parameter.default.as_ref();
        if let Some(exact) = default.and_then(|it| shaped(it, schema, MAX_VALUE, usize::MAX)) {
            parameter.default = Some(exact);
        }
    }
    parameters
}

macro_rules! closures {
    ($($arg:ident)*) => {
        impl<F, R, $($arg),*> IntoFunction<($($arg,)*)> for F
        where
            F: FnMut($($arg),*) -> R + Send + 'static,
            R: Returns,
            $($arg: Wire,)*
        {
            fn into_function(self, name: &str) -> Box<dyn Function> {
                let arguments = vec![$(Schema::of_any::<$arg>()),*];
                let names = (0..arguments.len()).map(|index| Parameter::named(format!("arg{index}")));
                Box::new(Closure {
                    name: name.to_string(),
                    function: self,
                    parameters: names.collect(),
                    arguments,
                    result: Schema::of_any::<R::Value>(),
                    types: PhantomData::<fn(($($arg,)*))>,
                })
            }
        }

        impl<F, R, $($arg),*> IntoDescribedFunction<($($arg,)*)> for F
        where
            F: FnMut($($arg),*) -> R + Send + 'static,
            R: Returns<Value: Describe>,
            $($arg: Wire + Describe,)*
        {
            fn into_described_function(self, name: &str, parameters: Vec<Parameter>) -> Box<dyn Function> {
                let arguments = vec![$($arg::schema()),*];
                Box::new(Closure {
                    name: name.to_string(),
                    function: self,
                    parameters: with_defaults_of(&arguments, parameters),
                    arguments,
                    result: R::Value::schema(),
                    types: PhantomData::<fn(($($arg,)*))>,
                })
            }
        }

        impl<F, R, $($arg),*> Function for Closure<F, ($($arg,)*)>
        where
            F: FnMut($($arg),*) -> R + Send + 'static,
            R: Returns,
            $($arg: Wire,)*
        {
            fn method(&self) -> Method {
                let arguments = self.parameters.iter().zip(&self.arguments);
                let arguments = arguments.map(|(parameter, schema)| parameter.argument(schema.clone()));
                Method {
                    name: self.name.clone(),
                    arguments: arguments.collect(),
                    result: self.result.clone(),
                    error: R::error_name(),
                    ..Method::default()
                }
            }

            fn probe(&self) -> Probe {
                const { &[$(codec::probe::<$arg> as ValueProbe),*] }
            }

            fn mistake(&self) -> Option<String> {
                let checks: &[fn(&Self, usize) -> Option<String>] = &[$(Self::bad_default::<$arg>),*];
                let mut bad = checks.iter().enumerate().filter_map(|(index, check)| check(self, index));
                self.misnamed().or_else(|| bad.next())
            }

            #[allow(non_snake_case)]
            fn run(&mut self, invocation: &mut Invocation<'_>) -> Result<(), Failure> {
                let mut _index = 0..;
                $(let $arg = Self::take::<$arg>(&self.parameters, _index.next().unwrap_or_default(), invocation)?;)*
                invocation.finish_arguments()?;
                let result = (self.function)($($arg),*).into_result()?;
                invocation.succeed(result)
            }
        }
    };
}

closures!();
closures!(A);
closures!(A B);
closures!(A B C);
closures!(A B C D);
closures!(A B C D E);
closures!(A B C D E G);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::args::Args;
    use crate::interface::dynamic::DynamicServer;
    use crate::interface::local::Local;
    use crate::interface::registry::Registry;

    fn power(parameters: Vec<Parameter>) -> Box<dyn Function> {
        let power = |volts: f64, ohms: f64| volts * volts / ohms;
        power.into_described_function("power", parameters)
    }

    fn served(function: Box<dyn Function>) -> DynamicServer<Local> {
        let mut registry = Registry::new();
        registry.add_function(function).unwrap();
        DynamicServer::new(&Local::from(registry))
    }

    #[test]
    fn arguments_have_names_units_and_defaults() {
        let ohms = Parameter::named("ohms").unit("Ω").default(50.0);
        let server = served(power(vec!["volts".into(), ohms]));
        let call = |args| server.call("power", args).unwrap();
        assert_eq!(call(crate::args![10]), 2.0.into());
        assert_eq!(call(crate::args![ohms = 25.0, volts = 10]), 4.0.into());
        let help = server.description().unwrap().help_for("power").unwrap();
        assert!(
            help.contains("power(volts: f64, ohms: f64 = 50.0) -> f64"),
            "{help}"
        );
        assert!(help.contains("`ohms` is in Ω"), "{help}");
        let error = server.call("power", crate::args![volt = 1.0]).unwrap_err();
        assert!(
            error.to_string().contains("did you mean `volts`?"),
            "{error}"
        );
    }

    #[test]
    fn a_closure_without_names_knows_its_types() {
        let mirror = |text: String, often: u8| text.repeat(often.into());
        let server = served(mirror.into_function("mirror"));
        let error = server
            .call("mirror", Args::new().with(7).with(2))
            .unwrap_err();
        let text = "`mirror`: argument `arg0` must be of type `String`, but is 7";
        assert_eq!(error.to_string(), text);
        assert_eq!(
            server.call("mirror", crate::args!["ab", 2]),
            Ok("abab".into())
        );
    }

    /// Regression test: the client took 0.1 for the default, and the server 0.10000000149011612.
    #[test]
    fn a_default_is_what_the_argument_is() {
        let mirror = |x: f64| x;
        let narrow = Parameter::named("x").default(0.1_f32);
        let server = served(mirror.into_described_function("mirror", vec![narrow]));
        assert_eq!(
            server.call("mirror", crate::args![]),
            Ok(f64::from(0.1_f32).into())
        );
    }

    #[test]
    fn parameters_that_do_not_fit_are_refused() {
        let says = |parameters| {
            let added = Registry::new().add_function(power(parameters));
            added.unwrap_err().to_string()
        };
        let few =
            "the function `power` cannot be served: it takes 2 arguments, and 1 are described";
        assert_eq!(says(vec!["volts".into()]), few);
        let twice = says(vec!["volts".into(), "volts".into()]);
        assert!(
            twice.ends_with("two of its arguments are called `volts`"),
            "{twice}"
        );
        let odd = says(vec!["volts".into(), "the ohms".into()]);
        assert!(
            odd.ends_with("`the ohms` is not the name of an argument"),
            "{odd}"
        );
        let text = says(vec![
            "volts".into(),
            Parameter::named("ohms").default("many"),
        ]);
        assert!(
            text.contains("the default of `ohms` is of another type"),
            "{text}"
        );
    }
}
