//! The model of an item, from which code is generated.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, Ident, Path, Type};

/// One method, getter, setter or free function.
pub(crate) struct Method {
    /// The name in the source.
    pub(crate) ident: Ident,
    /// The name of the method or property on the wire, without prefix.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) deprecated: Option<Attribute>,
    /// The lints that are allowed in the method, and in the code generated for it.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) output: Output,
    pub(crate) is_async: bool,
    pub(crate) idempotent: bool,
    /// It has no receiver; its first parameter, which is not among `inputs`, is the handle of its block.
    pub(crate) urgent: bool,
    /// Changes nothing that another client could notice.
    pub(crate) reads: bool,
    pub(crate) unit: Option<String>,
    /// The type that describes the result, if the author names one.
    pub(crate) schema: Option<Type>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Get,
    Set,
}

/// One input of a signature other than the receiver.
pub(crate) enum Input {
    /// `ctx: &CallContext`, which callers do not see.
    Context,
    Argument(Box<Argument>),
}

pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    /// The type in the signature.
    pub(crate) written: Type,
    /// The type that is decoded.
    pub(crate) owned: Type,
    pub(crate) passing: Passing,
    pub(crate) default: Option<Expr>,
    pub(crate) accepts: Option<Accepts>,
    pub(crate) unit: Option<String>,
    /// The type that describes the argument, if the author names one.
    pub(crate) schema: Option<Type>,
}

/// How an argument is made from the decoded value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// `T` from `T`
    Value,
    /// `&T` from its owned form
    Reference,
    /// `Option<&T>` from an option of the owned form of `str`, `[T]` or `Path`
    OptionDeref,
    /// `Option<&T>` from `Option<T>`
    OptionRef,
}

/// Which values of an argument are accepted.
pub(crate) enum Accepts {
    Range {
        low: Option<Expr>,
        high: Option<Expr>,
        inclusive: bool,
    },
    /// A constant that holds a range.
    Named(Expr),
    OneOf(Vec<Expr>),
    /// A constant that holds a list.
    NamedList(Expr),
}

/// The method that returns what the urgent methods of a block act on.
pub(crate) struct Handle {
    pub(crate) ident: Ident,
    /// Where its return type stands.
    pub(crate) place: Span,
}

/// What a method returns.
pub(crate) struct Output {
    /// The type in the signature; `()` if there is none.
    pub(crate) ty: Type,
    pub(crate) shape: Shape,
}

/// The shape of a return type, as far as the syntax shows it.
pub(crate) enum Shape {
    /// The type itself.
    Plain,
    /// A `Result`: its value, and its error type if it is written out.
    Fallible {
        value: Box<Type>,
        error: Option<Box<Type>>,
    },
    /// Only the compiler knows.
    Unknown,
}

/// The interface of a driver, a trait or a function.
pub(crate) struct Interface {
    pub(crate) krate: Path,
    /// The name of the driver's type or of the trait.
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    /// `#[cfg]` of the whole item.
    pub(crate) cfgs: Vec<Attribute>,
    /// The lints that are allowed in the whole item.
    pub(crate) lints: Vec<Attribute>,
    pub(crate) proxy: Ident,
    /// The generic parameter of the proxy for its caller.
    pub(crate) caller: Ident,
    pub(crate) vis: TokenStream,
    /// The generic parameters of the driver that its signatures mention, with their bounds.
    pub(crate) generics: syn::Generics,
    /// The names of all generic parameters of the driver.
    pub(crate) parameters: Vec<String>,
    pub(crate) methods: Vec<Method>,
}

impl Output {
    /// The type that callers get: the value of a `Result`, as far as the syntax shows it.
    pub(crate) fn value(&self) -> &Type {
        match &self.shape {
            Shape::Fallible { value, .. } => value,
            Shape::Plain | Shape::Unknown => &self.ty,
        }
    }

    /// True for `()` and `Result<(), E>`, as far as the syntax shows it.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.value(), Type::Tuple(tuple) if tuple.elems.is_empty())
    }
}

impl Method {
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Argument(argument) => Some(&**argument),
            Input::Context => None,
        })
    }

    /// The name on the wire for a driver without a prefix.
    pub(crate) fn wire_name(&self) -> String {
        match self.kind {
            Kind::Call => self.name.clone(),
            Kind::Get => format!("get_{}", self.name),
            Kind::Set => format!("set_{}", self.name),
        }
    }
}
