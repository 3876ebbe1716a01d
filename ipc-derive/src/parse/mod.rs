//! From syntax to the model, with every mistake reported on the way.

pub(crate) mod accepts;
pub(crate) mod beside;
pub(crate) mod block;
pub(crate) mod conditions;
pub(crate) mod data;
pub(crate) mod fields;
pub(crate) mod function;
pub(crate) mod interface;
mod literal;
pub(crate) mod method;
mod trait_error;
pub(crate) mod wrong;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Path, parse_quote};

use crate::options::Options;

/// The path to `ipc_core` as generated code writes it.
pub(crate) fn krate(options: &Options) -> Path {
    options
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::ipc_core))
}

/// The attributes called `name`, those in a `cfg_attr` included, each with its condition.
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

/// Doc comments as an expression, if a condition decides about some of them.
pub(crate) fn conditional_doc(docs: &[Attribute], krate: &Path) -> Option<TokenStream> {
    if docs.iter().all(|doc| doc.path().is_ident("doc")) {
        return None;
    }
    let lines = docs
        .iter()
        .flat_map(conditions::unfolded)
        .map(|(condition, meta)| {
            let holds = conditions::holds(condition.as_ref());
            let text = doc_text(&[conditions::folded(None, &meta)]);
            quote!((#holds, #text))
        });
    Some(quote!(&#krate::private::lines_that_hold(&[#(#lines),*])))
}

/// The text of doc comments: each line without the blank that stands before it.
pub(crate) fn doc_text(docs: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for doc in docs {
        if let syn::Meta::NameValue(meta) = &doc.meta
            && let syn::Expr::Lit(literal) = &meta.value
            && let syn::Lit::Str(text) = &literal.lit
        {
            let text = text.value();
            for line in text.split('\n') {
                lines.push(
                    line.strip_prefix(' ')
                        .unwrap_or(line)
                        .trim_end()
                        .to_string(),
                );
            }
        }
    }
    lines.join("\n").trim().to_string()
}

/// Why a method is deprecated, in its own words.
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
            // A malformed attribute is the compiler's to report.
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

/// The whole of `cfgs` behind an optional feature.
pub(crate) fn behind_feature(feature: Option<&syn::LitStr>) -> TokenStream {
    feature.map_or_else(
        TokenStream::new,
        |feature| quote!(#[cfg(feature = #feature)]),
    )
}
