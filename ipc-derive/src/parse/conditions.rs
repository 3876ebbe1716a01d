//! Attributes that depend on a condition: `#[cfg_attr(feature = "x", deprecated)]`. The macro does not know whether it holds.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token, parse_quote};

/// The contents of an attribute, each with its condition, if any.
pub(crate) fn unfolded(attribute: &Attribute) -> Vec<(Option<TokenStream>, Meta)> {
    let mut unfolded = Vec::new();
    unfold(None, attribute.meta.clone(), &mut unfolded);
    unfolded
}

/// An attribute that says `meta` under `condition`.
pub(crate) fn folded(condition: Option<TokenStream>, meta: &Meta) -> Attribute {
    match (condition, meta) {
        (None, meta) => parse_quote!(#[#meta]),
        // A plain `#[cfg]`, because the rest of the crate looks for attributes of that name.
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
    // The compiler reports malformed attributes.
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

/// The condition, and the attributes that depend on it.
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
