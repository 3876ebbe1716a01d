//! Attributes that depend on a condition: `#[cfg_attr(feature = "x", deprecated)]`. Nobody has decided about them yet.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token, parse_quote};

/// What an attribute says, and under which condition, if under any.
pub(crate) fn unfolded(attribute: &Attribute) -> Vec<(Option<TokenStream>, Meta)> {
    let mut unfolded = Vec::new();
    unfold(None, attribute.meta.clone(), &mut unfolded);
    unfolded
}

/// An attribute that says `meta` under `condition`.
pub(crate) fn folded(condition: Option<TokenStream>, meta: &Meta) -> Attribute {
    match (condition, meta) {
        (None, meta) => parse_quote!(#[#meta]),
        // Under no condition, so that it can stand where `#[cfg]` is looked for.
        (Some(condition), Meta::List(list)) if list.path.is_ident("cfg") => {
            let (path, tokens) = (&list.path, &list.tokens);
            parse_quote!(#[#path(any(not(#condition), #tokens))])
        }
        (Some(condition), meta) => parse_quote!(#[cfg_attr(#condition, #meta)]),
    }
}

fn unfold(condition: Option<TokenStream>, meta: Meta, into: &mut Vec<(Option<TokenStream>, Meta)>) {
    let parts = match &meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            parts.parse2(list.tokens.clone()).ok()
        }
        _ => None,
    };
    // What the compiler does not understand either is the compiler's to report.
    let Some((own, metas)) = parts else {
        into.push((condition, meta));
        return;
    };
    let both = match condition {
        Some(outer) => quote!(all(#outer, #own)),
        None => own,
    };
    for meta in metas {
        unfold(Some(both.clone()), meta, into);
    }
}

/// The condition, and what depends on it.
fn parts(input: ParseStream<'_>) -> syn::Result<(TokenStream, Punctuated<Meta, Token![,]>)> {
    let mut condition = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        condition.extend([input.parse::<TokenTree>()?]);
    }
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    let metas = Punctuated::parse_terminated(input)?;
    Ok((condition, metas))
}

/// The condition of an attribute, as an expression.
pub(crate) fn holds(condition: Option<&TokenStream>) -> TokenStream {
    match condition {
        Some(condition) => quote!(::core::cfg!(#condition)),
        None => quote!(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_found_however_deep() {
        let attribute: Attribute = parse_quote!(#[cfg_attr(a, cfg(b), cfg_attr(c, doc = "d"))]);
        let folded: Vec<_> = unfolded(&attribute)
            .into_iter()
            .map(|(condition, meta)| {
                let attribute = folded(condition, &meta);
                quote!(#attribute).to_string()
            })
            .collect();
        let expected: [Attribute; 2] = [
            parse_quote!(#[cfg(any(not(a), b))]),
            parse_quote!(#[cfg_attr(all(a, c), doc = "d")]),
        ];
        assert_eq!(folded, expected.map(|it| quote!(#it).to_string()));
    }
}
