//! One signature, as callers see it.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, GenericParam, Generics, Ident, Pat, PatType, Receiver, ReceiverKind,
    ReturnType, Safety, Signature, Type, parse_quote,
};

use super::{accepts, arrays, attributes, effect, lints, passing};
use crate::errors::Errors;
use crate::model::{Argument, Input, Kind, Method, Output, Shape};
use crate::options::{Options, Place};
use crate::tokens;
use crate::types::{self, last_name, unwrapped};

/// Reads a method or function whose own attributes have been removed; `None` if mistakes make calls impossible. Removes the
/// attributes of the arguments. `generics` are those of the block around it.
pub(crate) fn read(
    sig: &mut Signature,
    attrs: &[Attribute],
    options: Options,
    place: Place,
    generics: &Generics,
    errors: &mut Errors,
) -> Option<Method> {
    let before = errors.count();
    check_signature(sig, place, errors);
    check_arrays(sig, generics, errors);
    let has_plain_signature = errors.count() == before;
    let inputs = read_inputs(sig, errors);
    let output = read_output(sig, errors);
    let (kind, name) = read_name(&sig.ident, &options, errors);
    check_property(sig, kind, output.as_ref(), errors);
    if output.as_ref().is_some_and(Output::is_nothing) {
        let of_result = [
            options
                .unit
                .as_ref()
                .map(|it| ("unit", it as &dyn ToTokens)),
            options
                .schema
                .as_ref()
                .map(|it| ("schema", it as &dyn ToTokens)),
        ];
        for (name, value) in of_result.into_iter().flatten() {
            effect::of_no_result(name, value, kind, inputs.as_deref(), errors);
        }
    }
    if !has_plain_signature {
        return None;
    }
    // In spite of other mistakes, the method can be called, so its callers get no errors.
    Some(Method {
        ident: sig.ident.clone(),
        name,
        kind,
        docs: attributes(attrs, "doc"),
        cfgs: attributes(attrs, "cfg"),
        deprecated: attributes(attrs, "deprecated").into_iter().next(),
        lints: lints(attrs),
        inputs: inputs?,
        output: output?,
        is_async: sig.asyncness.is_some(),
        idempotent: options.idempotent.is_some() || kind == Kind::Get,
        urgent: options.urgent.is_some(),
        reads: options.read.is_some(),
        unit: options.unit.map(|unit| unit.value()),
        schema: options.schema,
    })
}

/// Whether a receiver borrows the driver, whose type is `own` or `Self`.
pub(crate) fn borrows_driver(receiver: &Receiver, own: &str) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => matches!(unwrapped(ty), Type::Reference(reference)
            if ["Self", own].contains(&tokens::text(unwrapped(&reference.elem)).as_str())),
        _ => false,
    }
}

/// Removes and reports the attributes of the arguments of a method that is not offered.
pub(crate) fn strip_arguments(sig: &mut Signature, errors: &mut Errors) {
    for input in &mut sig.inputs {
        if let FnArg::Typed(argument) = input {
            let options = Options::take(&mut argument.attrs, Place::Argument, errors);
            if let Some(option) = options.first() {
                let text = "this has no effect: remote callers cannot call this function";
                errors.on(option, text);
            }
        }
    }
}

fn check_signature(sig: &Signature, place: Place, errors: &mut Errors) {
    let otherwise = match place {
        Place::Function => "remove the `#[remote]`",
        _ => "hide it with `#[remote(skip)]`",
    };
    if let Safety::Unsafe(token) = &sig.safety {
        let text = format!(
            "an `unsafe fn` cannot be called remotely: a remote caller cannot uphold its contract; {otherwise}"
        );
        errors.on(token, text);
    }
    if let Some(abi) = &sig.abi {
        let text = format!(
            "only plain Rust functions can be called remotely; remove the `extern`, or {otherwise}"
        );
        errors.on(abi, text);
    }
    if let Some(variadic) = &sig.variadic {
        errors.on(variadic, "a remote call needs a fixed list of arguments");
    }
    for param in &sig.generics.params {
        let (ident, concrete) = match param {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(param) => (&param.ident, "type"),
            GenericParam::Const(param) => (&param.ident, "number"),
        };
        let text = format!(
            "both ends must know all types, so a remote method cannot be generic; use a concrete {concrete}, or {otherwise}"
        );
        errors.on(ident, text);
    }
}

/// Reports arrays that serde does not support.
fn check_arrays(sig: &Signature, generics: &Generics, errors: &mut Errors) {
    for input in &sig.inputs {
        if let FnArg::Typed(argument) = input {
            arrays::forbid_long(
                &argument.ty,
                generics,
                "use a `Vec<{}>` or a `&[{}]`",
                errors,
            );
        }
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        arrays::forbid_long(ty, generics, "use a `Vec<{}>`", errors);
    }
}

/// The arguments; `None` if the method cannot be called with them.
fn read_inputs(sig: &mut Signature, errors: &mut Errors) -> Option<Vec<Input>> {
    let mut inputs = Vec::new();
    let mut has_context = false;
    let mut is_callable = true;
    for argument in &mut sig.inputs {
        let FnArg::Typed(argument) = argument else {
            continue;
        };
        let options = Options::take(&mut argument.attrs, Place::Argument, errors);
        if let Some(cfg) = attributes(&argument.attrs, "cfg").first() {
            errors.on(
                cfg.path(),
                "both ends must agree on the arguments; put the `#[cfg]` on the whole method",
            );
            is_callable = false;
        }
        if is_context(&argument.ty) {
            let before = errors.count();
            check_context(argument, &options, has_context, errors);
            is_callable &= errors.count() == before;
            has_context = true;
            inputs.push(Input::Context);
        } else if let Some(read) = read_argument(argument, options, errors) {
            inputs.push(Input::Argument(Box::new(read)));
        } else {
            is_callable = false;
        }
    }
    is_callable.then_some(inputs)
}

pub(super) fn is_context(ty: &Type) -> bool {
    let ty = types::sole_argument(unwrapped(ty), "Option").unwrap_or(ty);
    types::is_named(types::referred(ty), "CallContext")
}

fn check_context(argument: &PatType, options: &Options, is_second: bool, errors: &mut Errors) {
    if is_second {
        errors.on(
            &argument.ty,
            "the context is passed only once; remove this argument",
        );
    }
    match unwrapped(&argument.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => {}
        ty => errors.on(
            ty,
            "the context is always present: take it as `&CallContext`",
        ),
    }
    if let Some(option) = options.first() {
        errors.on(
            option,
            "callers do not see the context, so it has no options",
        );
    }
}

fn read_argument(argument: &PatType, options: Options, errors: &mut Errors) -> Option<Argument> {
    let ident = match &*argument.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(pat.ident.clone()),
        pat @ Pat::Wild(_) => {
            errors.on(pat, "callers need a name for this argument, even if the method ignores it: write `_name`");
            None
        }
        pat => {
            errors.on(
                pat,
                "callers need one name for this argument; destructure it inside the method",
            );
            None
        }
    };
    let typed = passing::argument(&argument.ty, errors);
    let accepts = accepts::read(&argument.ty, &options, errors);
    let default = options.default;
    if let (Some(default), Some(accepts)) = (&default, &accepts)
        && accepts::is_outside(default, accepts)
    {
        errors.on(
            default,
            "the default is not an accepted value, so calls without this argument would be refused",
        );
    }
    let (ident, (owned, passing)) = (ident?, typed?);
    Some(Argument {
        name: ident.unraw().to_string(),
        ident,
        written: elided(&argument.ty),
        owned,
        passing,
        default,
        accepts,
        unit: options.unit.map(|unit| unit.value()),
        schema: options.schema,
    })
}

/// The type in the signature of the proxy's method, which has no lifetime parameters.
fn elided(ty: &Type) -> Type {
    let mut ty = unwrapped(ty).clone();
    if let Type::Reference(reference) = &mut ty {
        reference.lifetime = None;
    }
    ty
}

fn read_output(sig: &Signature, errors: &mut Errors) -> Option<Output> {
    match &sig.output {
        ReturnType::Default => Some(Output {
            ty: parse_quote!(()),
            shape: Shape::Plain,
        }),
        ReturnType::Type(_, ty) => passing::output(ty, errors),
    }
}

fn read_name(ident: &Ident, options: &Options, errors: &mut Errors) -> (Kind, String) {
    let own = ident.unraw().to_string();
    if let (Some(_), Some(set)) = (&options.get, &options.set) {
        errors.on(
            set,
            "a method either gets or sets a property; write one method for each",
        );
    }
    let kind = match (&options.get, &options.set) {
        (Some(_), _) => Kind::Get,
        (None, Some(_)) => Kind::Set,
        (None, None) => Kind::Call,
    };
    if let (Kind::Get, Some(idempotent)) = (kind, &options.idempotent) {
        errors.on(
            idempotent,
            "getters are always idempotent; remove `idempotent`",
        );
    }
    let without_effect = match kind {
        Kind::Get => Some("getters always count as reading; remove `read`"),
        Kind::Set => Some("a setter does not only read; remove `read`"),
        Kind::Call => None,
    };
    if let (Some(text), Some(read)) = (without_effect, &options.read) {
        errors.on(read, text);
    }
    if let Some(rename) = &options.rename {
        let name = rename.value();
        let fits = |c: char| c.is_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(fits) {
            errors.on(
                rename,
                "a name on the wire consists of letters, digits and `_`",
            );
        }
        return (kind, name);
    }
    let name = match kind {
        Kind::Call => own,
        Kind::Get => own.strip_prefix("get_").map(Into::into).unwrap_or(own),
        Kind::Set => match own.strip_prefix("set_") {
            Some(property) if !property.is_empty() => property.into(),
            _ => {
                let verbs = ["write_", "put_", "change_", "update_"];
                let property = verbs.iter().find_map(|verb| own.strip_prefix(verb));
                let property = property.filter(|name| !name.is_empty()).unwrap_or(&own);
                let text = format!(
                    "the name of a setter is `set_` followed by its property: `set_{property}`; rename the method, or name the property with `rename = \"{property}\"`"
                );
                errors.on(ident, text);
                own
            }
        },
    };
    (kind, name)
}

fn check_property(sig: &Signature, kind: Kind, output: Option<&Output>, errors: &mut Errors) {
    let written = |n: usize| {
        let mut typed = sig.inputs.iter().filter(|input| match input {
            FnArg::Typed(argument) => !is_context(&argument.ty),
            FnArg::Receiver(_) => false,
        });
        typed.nth(n).cloned()
    };
    match kind {
        Kind::Get => {
            if let Some(argument) = written(0) {
                errors.on(
                    &argument,
                    "a getter takes no arguments; remove this one, or the `get`",
                );
            }
            if output.is_some_and(Output::is_nothing) {
                errors.on(
                    &sig.ident,
                    "a getter returns the value of its property, but this returns nothing: remove the `get`, or return the value",
                );
            }
        }
        Kind::Set => {
            if let Some(second) = written(1) {
                errors.on(&second, "a setter takes one argument, the new value; combine them in a struct, or remove the `set`");
            } else if written(0).is_none() {
                errors.on(
                    &sig.ident,
                    "a setter takes the new value of its property as its argument: add it, or remove the `set`",
                );
            }
        }
        Kind::Call => {}
    }
}

/// The name of the error type, if the signature names it.
pub(crate) fn error_name(output: &Output) -> Option<String> {
    match &output.shape {
        Shape::Fallible {
            error: Some(error), ..
        } => last_name(error).map(ToString::to_string),
        _ => None,
    }
}
