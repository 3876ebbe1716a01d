//! Types that cannot travel: references, pointers, open types.

use syn::visit_mut::VisitMut;
use syn::{Lifetime, Type, TypeReference, parse_quote};

use crate::errors::Errors;
use crate::tokens::text;
use crate::types::{is_named, leaves, mentions, sole_or_first, unwrapped};

/// The error about an `Rc`.
pub(crate) const RC: &str =
    "an `Rc` is tied to its thread, so it cannot travel; use the type in it";

/// The type to decode for a reference.
pub(crate) fn owned(reference: &TypeReference, errors: &mut Errors) -> Option<Type> {
    if let Some(mutability) = &reference.mutability {
        let text = "a remote caller would not see changes through `&mut`; take `&` or a value, and return the new value";
        errors.on(mutability, text);
        return None;
    }
    if let Some(lifetime) = &reference.lifetime {
        let text = "an argument of a remote call lives until the method returns; remove the named lifetime";
        errors.on(lifetime, text);
        return None;
    }
    let elem = unwrapped(&reference.elem);
    let unsized_by_name = [("OsStr", "OsString"), ("CStr", "CString")];
    if let Some((_, owner)) = unsized_by_name
        .iter()
        .find(|(name, _)| is_named(elem, name))
    {
        errors.on(
            reference,
            format!(
                "this reference cannot be made from a decoded value; take `{owner}` or `&{owner}`"
            ),
        );
        return None;
    }
    match elem {
        _ if is_named(elem, "str") => Some(parse_quote!(::std::string::String)),
        _ if is_named(elem, "Path") => Some(parse_quote!(::std::path::PathBuf)),
        Type::Slice(slice) => {
            let elem = &slice.elem;
            by_value(elem, errors).then(|| parse_quote!(::std::vec::Vec<#elem>))
        }
        Type::Reference(_) => {
            errors.on(
                reference,
                "a reference to a reference cannot be made from a decoded value; remove one `&`",
            );
            None
        }
        elem => by_value(elem, errors).then(|| elem.clone()),
    }
}

/// Checks a type that is decoded as it is.
pub(crate) fn by_value(ty: &Type, errors: &mut Errors) -> bool {
    let before = errors.count();
    match inside(ty) {
        Type::ImplTrait(_) => errors.on(ty, "both ends must know the type of an argument; take a concrete type instead of `impl Trait`"),
        ty if is_function(ty) => errors.on(ty, "a function cannot travel; take a value that says what to do"),
        ty @ Type::TraitObject(_) => errors.on(ty, "a trait object cannot travel; take a concrete type"),
        ty @ Type::Ptr(_) => errors.on(ty, "a pointer means nothing to another process; take the value"),
        ty if is_named(ty, "Rc") => errors.on(ty, RC),
        Type::Infer(_) => errors.on(ty, "write out the type: both ends must know it"),
        _ => forbid_borrowed_argument(ty, errors),
    }
    errors.count() == before
}

fn forbid_borrowed_argument(ty: &Type, errors: &mut Errors) {
    match borrowed(ty) {
        Some(Borrowed::Reference(reference)) => {
            let instead = instead(&reference);
            let text = format!("an argument cannot contain borrowed data; use {instead} here");
            errors.on(&reference, text);
        }
        Some(Borrowed::Lifetime(lifetime)) => {
            let text = "an argument cannot contain borrowed data; use owned types such as `String` and `Vec`";
            errors.on(&lifetime, text);
        }
        None => {}
    }
}

/// The part of a type that never travels, if it has one; otherwise `ty`.
fn inside(ty: &Type) -> &Type {
    let mut parts = Vec::new();
    leaves(ty, &mut parts);
    let never = |part: &&Type| {
        is_named(part, "Rc") || matches!(part, Type::TraitObject(_) | Type::FnPtr(_) | Type::Ptr(_))
    };
    parts.into_iter().find(never).unwrap_or(ty)
}

/// True for pointers to functions, and for `dyn Fn()`.
fn is_function(ty: &Type) -> bool {
    let names = ["Fn", "FnMut", "FnOnce"].map(ToString::to_string);
    match ty {
        Type::FnPtr(_) => true,
        Type::TraitObject(object) => object
            .bounds
            .first()
            .is_some_and(|bound| mentions(bound, &names)),
        _ => false,
    }
}

/// Checks the type of a result.
pub(crate) fn forbid_borrowed(ty: &Type, errors: &mut Errors) {
    match inside(sole_or_first(ty)) {
        Type::ImplTrait(_) => errors.on(ty, "both ends must know the type of the result; return a concrete type instead of `impl Trait`"),
        ty @ (Type::TraitObject(_) | Type::FnPtr(_) | Type::Ptr(_)) => {
            errors.on(ty, "this cannot travel; return a value");
        }
        ty if is_named(ty, "Rc") => errors.on(ty, RC),
        _ => match borrowed(sole_or_first(ty)) {
            Some(Borrowed::Reference(reference)) => {
                let instead = instead(&reference);
                let text = format!("a reference cannot be returned to a remote caller; return {instead}");
                errors.on(&reference, text);
            }
            Some(Borrowed::Lifetime(lifetime)) => {
                let text = "a reference cannot be returned to a remote caller; return owned types such as `String` and `Vec`";
                errors.on(&lifetime, text);
            }
            None => {}
        },
    }
}

/// The first borrow in a type: a reference, or a lifetime other than `'static`.
fn borrowed(ty: &Type) -> Option<Borrowed> {
    struct Find(Option<Borrowed>);

    impl VisitMut for Find {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            self.0
                .get_or_insert_with(|| Borrowed::Reference(reference.clone()));
        }

        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                self.0
                    .get_or_insert_with(|| Borrowed::Lifetime(lifetime.clone()));
            }
        }
    }

    let mut find = Find(None);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

enum Borrowed {
    Reference(TypeReference),
    Lifetime(Lifetime),
}

/// What to return instead of a reference.
fn instead(reference: &TypeReference) -> String {
    match unwrapped(&reference.elem) {
        elem if is_named(elem, "str") => "`String`".into(),
        elem if is_named(elem, "Path") => "`PathBuf`".into(),
        Type::Slice(slice) => format!("`Vec<{}>`", text(&slice.elem)),
        elem => format!("`{}`", text(elem)),
    }
}
