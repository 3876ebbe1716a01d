//! What stands beside an item in its file and does not go with it: a name that is taken, a `#[derive]` in the wrong place.
//!
//! The compiler speaks of our code then. What cannot be found in the file is left to it.

use quote::ToTokens;
use syn::{Attribute, Ident, Item};

use crate::source::{any_scope, same, text};

/// Whether there is a type called `name` beside `item`, which needs that name for a type of its own.
pub(crate) fn is_taken(name: &Ident, item: &Item) -> bool {
    text().is_some_and(|text| is_taken_in(&text, name, item))
}

/// What is said about a name for a proxy that is taken.
pub(crate) fn taken(proxy: &Ident) -> String {
    format!(
        "the proxy would be called `{proxy}`, and so is another item here; give the proxy another name with `#[remote(proxy = ..)]`"
    )
}

/// Whether serde's derives stand above the `#[remote]` of a struct or an enum, where they are not seen.
pub(crate) fn derives_above(item: &Item) -> bool {
    text().is_some_and(|text| derives_above_in(&text, item))
}

fn is_taken_in(text: &str, name: &Ident, item: &Item) -> bool {
    let words = ["struct", "enum", "type", "trait", "union", "mod"];
    // Most files have no such type: they need not be parsed.
    let mut words = words.iter();
    words.any(|word| text.contains(&format!("{word} {name}")))
        && any_scope(text, &mut |items| {
            let named = |other: &Item| type_name(other).is_some_and(|(other, _)| other == name);
            items.iter().any(|other| is_same(other, item)) && items.iter().any(named)
        })
}

fn derives_above_in(text: &str, item: &Item) -> bool {
    (text.contains("Serialize") || text.contains("Deserialize"))
        && any_scope(text, &mut |items| {
            items.iter().any(|other| {
                is_same(other, item)
                    && type_name(other).is_some_and(|(_, attrs)| derives_serde_first(attrs))
            })
        })
}

/// Whether one of serde's derives stands before `#[remote]`.
fn derives_serde_first(attrs: &[Attribute]) -> bool {
    let is_remote = |attribute: &Attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == "remote")
    };
    let place = attrs.iter().position(is_remote).unwrap_or_default();
    attrs.iter().take(place).any(|attribute| {
        let text = attribute.to_token_stream().to_string();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        attribute.path().is_ident("derive")
            && words.any(|word| word == "Serialize" || word == "Deserialize")
    })
}

/// The name of an item that declares a type, unless a condition decides about it.
fn type_name(item: &Item) -> Option<(&Ident, &[Attribute])> {
    let (name, attrs) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs),
        Item::Enum(item) => (&item.ident, &item.attrs),
        Item::Type(item) => (&item.ident, &item.attrs),
        Item::Trait(item) => (&item.ident, &item.attrs),
        Item::Union(item) => (&item.ident, &item.attrs),
        Item::Mod(item) => (&item.ident, &item.attrs),
        _ => return None,
    };
    let is_conditional = attrs
        .iter()
        .any(|attribute| attribute.path().is_ident("cfg"));
    (!is_conditional).then_some((name, attrs))
}

/// Whether two items are the same, apart from the attributes on them.
fn is_same(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Impl(one), Item::Impl(other)) => {
            same(&one.self_ty, &other.self_ty)
                && one.items.len() == other.items.len()
                && one.items.iter().zip(&other.items).all(|(a, b)| same(a, b))
        }
        (Item::Trait(one), Item::Trait(other)) => one.ident == other.ident,
        (Item::Fn(one), Item::Fn(other)) => same(&one.sig, &other.sig),
        (Item::Struct(one), Item::Struct(other)) => {
            one.ident == other.ident && same(&one.fields, &other.fields)
        }
        (Item::Enum(one), Item::Enum(other)) => {
            one.ident == other.ident && same(&one.variants, &other.variants)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_item(text: &str) -> Item {
        let mut item = syn::parse_file(text).unwrap().items.pop().unwrap();
        if let Item::Struct(item) = &mut item {
            item.attrs.clear();
        }
        item
    }

    #[test]
    fn names_count_in_their_own_scope() {
        let name: Ident = syn::parse_quote!(MeterProxy);
        let block = "#[remote] impl Meter { pub fn a(&self) {} }";
        let taken = |before: &str| {
            let text = format!("{before} {block}");
            is_taken_in(&text, &name, &last_item(&text))
        };
        assert!(taken("struct MeterProxy;"));
        assert!(taken("type MeterProxy = u8;"));
        assert!(!taken("#[cfg(unix)] struct MeterProxy;"));
        assert!(!taken("mod other { struct MeterProxy; }"));
        assert!(!taken("struct MeterProxys;"));
    }

    #[test]
    fn only_what_stands_above_counts() {
        let above = |attributes: &str| {
            let text = format!("{attributes} struct Reading {{ volts: f64 }}");
            derives_above_in(&text, &last_item(&text))
        };
        assert!(above("#[derive(Clone, serde::Serialize)] #[remote]"));
        assert!(!above("#[derive(Clone)] #[remote] #[derive(Serialize)]"));
        assert!(!above("#[derive(Serialize)]"));
    }
}
