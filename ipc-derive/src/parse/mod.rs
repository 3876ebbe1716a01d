//! Reads syntax into the model, and reports mistakes.

pub(crate) mod accepts;
mod arrays;
pub(crate) mod block;
mod borrows;
pub(crate) mod conditions;
pub(crate) mod data;
mod effect;
pub(crate) mod fields;
pub(crate) mod function;
pub(crate) mod interface;
pub(crate) mod method;
mod passing;
mod serde_options;
mod trait_error;
pub(crate) mod urgent;
pub(crate) mod wrong;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, Ident, Lit, LitStr, Meta, Path, parse_quote};

use crate::options::Options;
use crate::tokens::hidden;
use crate::types;

/// The path to `ipc_core` in generated code.
pub(crate) fn krate(options: &Options) -> Path {
    options
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::ipc_core))
}

/// A name for a type parameter in the code generated for `item`: `short`, which reads well in docs, unless the item mentions
/// that name.
pub(crate) fn parameter(short: &str, long: &str, item: &impl ToTokens, krate: &Path) -> Ident {
    match types::mentions(&quote!(#item #krate), &[short.into()]) {
        true => hidden(long),
        false => Ident::new(short, Span::call_site()),
    }
}

/// The generic parameter of the proxy that is generated beside `item`.
pub(crate) fn caller(item: &impl ToTokens, krate: &Path) -> Ident {
    parameter("C", "Caller", item, krate)
}

/// The attributes called `name`, including those in a `cfg_attr`, each with its condition.
pub(crate) fn attributes(all: &[Attribute], name: &str) -> Vec<Attribute> {
    let mut found = Vec::new();
    for attribute in all {
        if attribute.path().is_ident(name) {
            found.push(attribute.clone());
        } else if attribute.path().is_ident("cfg_attr") {
            let unfolded = conditions::unfolded(attribute).into_iter();
            found.extend(
                unfolded
                    .filter(|(_, meta)| meta.path().is_ident(name))
                    .map(|(condition, meta)| conditions::folded(condition, &meta)),
            );
        }
    }
    found
}

/// The lints that are allowed or expected, all as `allow`: an expected lint need not occur in generated code.
pub(crate) fn lints(all: &[Attribute]) -> Vec<Attribute> {
    let mut lints = Vec::new();
    for (condition, meta) in all.iter().flat_map(conditions::unfolded) {
        if let Meta::List(mut list) = meta
            && (list.path.is_ident("allow") || list.path.is_ident("expect"))
        {
            list.path = parse_quote!(allow);
            lints.push(conditions::folded(condition, &Meta::List(list)));
        }
    }
    lints
}

/// Doc comments as an expression of type `&str`. The compiler evaluates text from macros and under conditions.
pub(crate) fn doc(docs: &[Attribute], krate: &Path) -> TokenStream {
    let mut lines = Vec::new();
    let mut is_known = true;
    for (condition, meta) in docs.iter().flat_map(conditions::unfolded) {
        let Meta::NameValue(meta) = meta else {
            continue;
        };
        let holds = conditions::holds(condition.as_ref());
        let text = doc_literal(&meta.value).map(|text| doc_lines(&text.value()));
        is_known &= condition.is_none() && text.is_some();
        let text = text.map_or_else(|| meta.value.to_token_stream(), |text| quote!(#text));
        lines.push(quote!((#holds, #text)));
    }
    if is_known {
        let text = doc_text(docs);
        return quote!(#text);
    }
    quote!(&#krate::private::lines_that_hold(&[#(#lines),*]))
}

/// The text of doc comments, without the leading space of each line.
fn doc_text(docs: &[Attribute]) -> String {
    let texts = docs.iter().filter_map(|doc| match &doc.meta {
        Meta::NameValue(meta) => doc_literal(&meta.value),
        _ => None,
    });
    let lines: Vec<_> = texts.map(|text| doc_lines(&text.value())).collect();
    lines.join("\n").trim().to_string()
}

/// The text of a doc comment, unless it comes from a macro: `#[doc = include_str!("..")]`.
fn doc_literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn doc_lines(text: &str) -> String {
    let lines = text
        .split('\n')
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// The reason in a `#[deprecated]`.
pub(crate) fn deprecation(attribute: &Attribute) -> String {
    let mut note = String::new();
    let mut since = String::new();
    match &attribute.meta {
        syn::Meta::NameValue(meta) => {
            if let syn::Expr::Lit(literal) = &meta.value
                && let syn::Lit::Str(text) = &literal.lit
            {
                note = text.value();
            }
        }
        syn::Meta::List(_) => {
            // The compiler reports malformed attributes.
            let _ = attribute.parse_nested_meta(|meta| {
                let text: syn::LitStr = meta.value()?.parse()?;
                if meta.path.is_ident("since") {
                    since = text.value();
                } else {
                    note = text.value();
                }
                Ok(())
            });
        }
        syn::Meta::Path(_) => {}
    }
    match (note.as_str(), since.as_str()) {
        ("", "") => "do not use it any more".into(),
        (note, "") => note.into(),
        ("", since) => format!("since {since}"),
        (note, since) => format!("{note} (since {since})"),
    }
}

/// The `#[cfg]` of an optional feature.
pub(crate) fn behind_feature(feature: Option<&syn::LitStr>) -> TokenStream {
    feature.map_or_else(
        TokenStream::new,
        |feature| quote!(#[cfg(feature = #feature)]),
    )
}
