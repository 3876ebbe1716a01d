//! How the types of a signature travel: how an argument is decoded and passed, and whether a result is a `Result`.

use syn::{GenericArgument, PathArguments, Type};

use super::borrows::{by_value, forbid_borrowed, owned};
use crate::errors::Errors;
use crate::model::{Output, Passing, Shape};
use crate::types::{generic_arguments, is_known, is_named, sole_argument, unwrapped};

/// How an argument of type `ty` is decoded and passed; `None` after reporting a mistake.
pub(crate) fn argument(ty: &Type, errors: &mut Errors) -> Option<(Type, Passing)> {
    let ty = unwrapped(ty);
    if let Type::Reference(reference) = ty {
        let owned = owned(reference, errors)?;
        return Some((owned, Passing::Reference));
    }
    if let Some(Type::Reference(reference)) = sole_argument(ty, "Option").map(unwrapped) {
        let owned = owned(reference, errors)?;
        let passing = match unwrapped(&reference.elem) {
            Type::Slice(_) => Passing::OptionDeref,
            elem if is_named(elem, "str") || is_named(elem, "Path") => Passing::OptionDeref,
            _ => Passing::OptionRef,
        };
        let option = option_of(ty, &owned);
        return Some((option, passing));
    }
    by_value(ty, errors).then(|| (ty.clone(), Passing::Value))
}

/// What the caller of a method that returns `ty` gets; `None` after reporting a mistake.
pub(crate) fn output(ty: &Type, errors: &mut Errors) -> Option<Output> {
    let ty = unwrapped(ty);
    let before = errors.count();
    forbid_borrowed(ty, errors);
    if errors.count() != before {
        return None;
    }
    let shape = match generic_arguments(ty, "Result") {
        Some(arguments) if !arguments.is_empty() => {
            let mut types = arguments.into_iter();
            match types.next() {
                Some(value) => Shape::Fallible {
                    value: Box::new(value.clone()),
                    error: types.next().cloned().map(Box::new),
                },
                None => Shape::Unknown,
            }
        }
        _ if is_plain(ty) => Shape::Plain,
        _ => Shape::Unknown,
    };
    Some(Output {
        ty: ty.clone(),
        shape,
    })
}

fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Array(_) | Type::Tuple(_) => true,
        Type::Path(_) if is_known(ty) => true,
        _ => ["Vec", "Option", "Box", "HashMap", "BTreeMap"]
            .iter()
            .any(|name| generic_arguments(ty, name).is_some_and(|a| !a.is_empty())),
    }
}

fn option_of(option: &Type, owned: &Type) -> Type {
    let mut option = option.clone();
    if let Type::Path(path) = &mut option
        && let Some(last) = path.path.segments.last_mut()
        && let PathArguments::AngleBracketed(arguments) = &mut last.arguments
        && let Some(GenericArgument::Type(ty)) = arguments.args.first_mut()
    {
        *ty = owned.clone();
    }
    option
}
