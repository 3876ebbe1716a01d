//! The docs of a proxy: those of the driver, and the limits, units, defaults and errors that its signatures do not show.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr};

use crate::model::{Accepts, Kind, Method, Shape};
use crate::parse::conditions;
use crate::tokens;

/// Docs that the macro writes.
pub(crate) fn own(text: &str) -> TokenStream {
    quote!(#[doc = #text])
}

/// The docs of a method without docs.
pub(crate) fn of_kind(method: &Method) -> TokenStream {
    let name = &method.name;
    own(&match method.kind {
        Kind::Call => format!("Calls `{name}`."),
        Kind::Get => format!("Reads the property `{name}`."),
        Kind::Set => format!("Writes the property `{name}`."),
    })
}

/// The facts about a method that its signature does not show: limits, units, defaults, the error, urgency.
pub(crate) fn facts(method: &Method) -> TokenStream {
    let arguments = method.arguments().filter_map(|argument| {
        let facts = [
            argument.accepts.as_ref().map(accepted),
            argument.unit.as_ref().map(|unit| format!("in {unit}")),
            argument
                .default
                .as_ref()
                .map(|default| format!("default for calls by name: `{}`", tokens::text(default))),
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        (!facts.is_empty()).then(|| format!("- `{}`: {}", argument.name, facts.join("; ")))
    });
    let unit = method.unit.iter().map(|unit| format!("- returns {unit}"));
    let error = match &method.output.shape {
        Shape::Fallible {
            error: Some(error), ..
        } => Some(tokens::text(&**error)),
        _ => None,
    };
    let error = error.map(|error| format!("- fails with `{error}`"));
    let urgent = "- urgent: runs at once, even while another call runs";
    let urgent = method.urgent.then(|| urgent.to_string());
    let lines: Vec<_> = arguments.chain(unit).chain(error).chain(urgent).collect();
    if lines.is_empty() {
        return TokenStream::new();
    }
    let lines = std::iter::once(String::new()).chain(lines);
    quote!(#(#[doc = #lines])*)
}

/// The limit in words.
fn accepted(accepts: &Accepts) -> String {
    match accepts {
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let low = low.as_ref().map(|low| format!("from {}", shown(low)));
            let high = high.as_ref().map(shown);
            match (low, high, inclusive) {
                (Some(low), Some(high), true) => format!("{low} to {high}"),
                (Some(low), Some(high), false) => format!("{low} to below {high}"),
                (Some(low), None, _) => low,
                (None, high, true) => format!("up to {}", high.unwrap_or_default()),
                (None, high, false) => format!("below {}", high.unwrap_or_default()),
            }
        }
        Accepts::OneOf(values) => {
            let values: Vec<_> = values.iter().map(shown).collect();
            format!("one of {}", values.join(", "))
        }
        Accepts::Named(range) => format!("in {}", shown(range)),
        Accepts::NamedList(list) => format!("one of {}", shown(list)),
    }
}

/// A value for people: numbers as text, everything else as code.
fn shown(value: &Expr) -> String {
    let text = tokens::text(value);
    match text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        true => text,
        false => format!("`{text}`"),
    }
}

/// The user's docs. Their examples do not run again at the proxy.
pub(crate) fn of_driver(docs: &[Attribute]) -> TokenStream {
    let unfolded = docs.iter().flat_map(conditions::unfolded);
    let docs = unfolded.map(|(condition, meta)| {
        // `doctest` holds while rustdoc looks for examples to run, and at no other time.
        let condition = match condition {
            Some(condition) => quote!(all(#condition, not(doctest))),
            None => quote!(not(doctest)),
        };
        conditions::folded(Some(condition), &meta)
    });
    quote!(#(#docs)*)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_in_words() {
        let range = |low: &str, high: &str, inclusive| {
            let bound = |text: &str| syn::parse_str(text).ok();
            let (low, high) = (bound(low), bound(high));
            accepted(&Accepts::Range {
                low,
                high,
                inclusive,
            })
        };
        assert_eq!(range("0.0", "10.0", true), "from 0.0 to 10.0");
        assert_eq!(range("0.0", "10.0", false), "from 0.0 to below 10.0");
        assert_eq!(range("-5", "Self::MOST", true), "from -5 to `Self::MOST`");
        assert_eq!(range("0.0", "", false), "from 0.0");
        assert_eq!(range("", "10.0", false), "below 10.0");
        assert_eq!(range("", "10.0", true), "up to 10.0");
        let list = |values: &[&str]| {
            let values = values.iter().map(|value| syn::parse_str(value).unwrap());
            accepted(&Accepts::OneOf(values.collect()))
        };
        assert_eq!(list(&["1", "2", "5"]), "one of 1, 2, 5");
        assert_eq!(
            list(&["\"low\"", "Mode::High"]),
            "one of `\"low\"`, `Mode::High`"
        );
    }
}
