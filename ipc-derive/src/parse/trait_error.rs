//! The error type of a trait.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ItemTrait, TraitItem, TraitItemType, TypeParamBound, parse_quote};

use crate::errors::Errors;

/// True for `type Error`.
pub(super) fn is_error(ty: &TraitItemType) -> bool {
    ty.ident == "Error" && ty.generics.params.is_empty()
}

/// Whether the trait has a `type Error`. Reports and adds a missing `type Error` that is used, or its missing bound.
pub(super) fn error_type(item: &mut ItemTrait, errors: &mut Errors) -> bool {
    let types = item.items.iter_mut().filter_map(|item| match item {
        TraitItem::Type(ty) if is_error(ty) => Some(ty),
        _ => None,
    });
    let mut types = types.peekable();
    if types.peek().is_some() {
        for ty in types.filter(|ty| ty.bounds.is_empty()) {
            errors.on(&ty.ident, "the error of a driver is sent to callers, so it needs a text: write `type Error: std::error::Error;`");
            ty.bounds.push(parse_quote!(::core::fmt::Display));
        }
        return true;
    }
    let used = item.items.iter().find_map(|item| match item {
        TraitItem::Fn(function) => own_error(function.sig.to_token_stream()),
        _ => None,
    });
    if let (Some(used), false) = (used, item.supertraits.iter().any(may_have_types)) {
        errors.on(
            &used,
            "this trait has no `Error`; add `type Error: std::error::Error;` to it",
        );
        let added = parse_quote!(
            type Error: ::core::fmt::Display;
        );
        item.items.push(TraitItem::Type(added));
        return true;
    }
    false
}

/// False for supertraits that are known to have no `Error`.
fn may_have_types(bound: &TypeParamBound) -> bool {
    let plain = [
        "Send", "Sync", "Sized", "Unpin", "Any", "Debug", "Display", "Clone",
    ];
    match bound {
        TypeParamBound::Lifetime(_) => false,
        TypeParamBound::Trait(bound) => bound
            .path
            .segments
            .last()
            .is_none_or(|last| plain.iter().all(|name| last.ident != name)),
        _ => true,
    }
}

/// The first `Self::Error`.
fn own_error(tokens: TokenStream) -> Option<TokenStream> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let inner = tokens.iter().find_map(|token| match token {
        TokenTree::Group(group) => own_error(group.stream()),
        _ => None,
    });
    let path = tokens.windows(4).find(|four| {
        let text: String = four.iter().map(ToString::to_string).collect();
        text == "Self::Error"
    });
    inner.or_else(|| path.map(|path| path.iter().cloned().collect()))
}
