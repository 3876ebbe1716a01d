//! The arguments of a dynamic call: which value is for which argument, and whether it fits.

use super::known::DynamicMethod;
use super::literal;
use super::write::{self, Misfit, shown};
use crate::error::{CallError, NotSent};
use crate::interface::args::Args;
use crate::interface::describe::Argument;
use crate::interface::similar::nearest;
use crate::interface::value::Value;
use crate::interface::{bounds, invocation};
use crate::wire::failure::Refusal;
use crate::wire::frame::CallFrame;

/// Appends the arguments of a method that is [known](DynamicMethod::is_known) to `frame`. Returns false if one was left out
/// whose default only the server knows.
pub(super) fn encode(
    method: &DynamicMethod,
    args: &Args,
    frame: &mut CallFrame,
) -> Result<bool, CallError> {
    let bound = bind(method, args)?;
    let CallFrame { head, blocks, .. } = frame;
    let mut is_complete = true;
    for (index, (argument, given)) in method.method.arguments.iter().zip(bound).enumerate() {
        let default;
        let value = match given {
            Some(value) => {
                check(method, index, argument, value)?;
                value
            }
            None => match left_out(method, argument)? {
                Some(value) => {
                    default = value;
                    &default
                }
                None => {
                    is_complete = false;
                    continue;
                }
            },
        };
        let written = write::write(value, &argument.schema, head, blocks);
        written.map_err(|misfit| refused(method, argument, value, misfit))?;
    }
    Ok(is_complete)
}

/// Checks what can be checked of the arguments of a method that is not known.
pub(super) fn check_all(method: &DynamicMethod, args: &Args) -> Result<(), CallError> {
    let bound = bind(method, args)?;
    for (index, (argument, given)) in method.method.arguments.iter().zip(bound).enumerate() {
        match given {
            Some(value) => check(method, index, argument, value)?,
            None => drop(left_out(method, argument)?),
        }
    }
    Ok(())
}

/// The value for each argument, as far as it was given.
fn bind<'a>(method: &DynamicMethod, args: &'a Args) -> Result<Vec<Option<&'a Value>>, CallError> {
    let arguments = &method.method.arguments;
    let (takes, given) = (arguments.len(), args.positional.len());
    if given > takes {
        let problem = format!("too many arguments: {given} given, {takes} taken");
        return Err(bad_call(method, problem));
    }
    let names = || arguments.iter().map(|argument| argument.name.as_str());
    if let Some(name) = args
        .named
        .keys()
        .find(|name| !names().any(|it| it == **name))
    {
        let hint = match nearest(name, names()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        return Err(bad_call(
            method,
            format!("it has no argument `{name}`{hint}"),
        ));
    }
    let bound = arguments.iter().enumerate().map(|(index, argument)| {
        let (place, name) = (args.positional.get(index), args.named.get(&argument.name));
        match (place, name) {
            (Some(_), Some(_)) => {
                let problem = format!("the argument `{}` was given twice", argument.name);
                Err(bad_call(method, problem))
            }
            (place, name) => Ok(place.or(name)),
        }
    });
    bound.collect()
}

/// The value of an argument that was left out, if it is known here.
fn left_out(method: &DynamicMethod, argument: &Argument) -> Result<Option<Value>, CallError> {
    match &argument.default {
        Some(default) => Ok(literal::value(default, &argument.schema)),
        None => Err(bad_call(
            method,
            format!("the argument `{argument}` is missing"),
        )),
    }
}

/// Refuses a value that is certainly not accepted, in the words of the server.
fn check(
    method: &DynamicMethod,
    index: usize,
    argument: &Argument,
    value: &Value,
) -> Result<(), CallError> {
    let Some(accepts) = &argument.accepts else {
        return Ok(());
    };
    let is_accepted = literal::is_accepted(accepts, value, &argument.schema) != Some(false);
    let given = format_args!("{}", shown(value));
    invocation::check(&method.method, &method.name, index, is_accepted, &given)?;
    Ok(())
}

fn refused(
    method: &DynamicMethod,
    argument: &Argument,
    value: &Value,
    misfit: Misfit,
) -> CallError {
    let name = method.name.clone();
    if let Misfit::Limit(error) = misfit {
        let reason = NotSent::Arguments(error);
        return CallError::NotSent {
            method: name,
            reason,
        };
    }
    let expected = match &argument.accepts {
        Some(accepts) => bounds::in_words_of(&argument.schema, accepts, argument.unit.as_deref()),
        None => match &argument.unit {
            Some(unit) => format!("of type `{}` in {unit}", argument.schema),
            None => format!("of type `{}`", argument.schema),
        },
    };
    let is_plain = misfit.is_of_the_whole() && invocation::is_plain_type(&argument.schema);
    let given = match is_plain {
        true => shown(value),
        false => format!("{} ({})", shown(value), misfit.text()),
    };
    CallError::Refused(Refusal::BadArgument {
        method: name,
        argument: argument.name.clone(),
        expected,
        given,
    })
}

pub(super) fn bad_call(method: &DynamicMethod, problem: String) -> CallError {
    CallError::Refused(Refusal::BadCall {
        method: method.name.clone(),
        problem,
        signature: method.signature(),
    })
}
