//! The docs of the driver as its proxy has them: the same words, but examples are not run once more, and links lead
//! somewhere.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

use crate::model::{Accepts, Kind, Method, Shape};
use crate::parse::{conditions, doc_literal};
use crate::types;

/// A text of our own.
pub(crate) fn own(text: &str) -> TokenStream {
    quote!(#[doc = #text])
}

/// What a method is called where its author says nothing.
pub(crate) fn of_kind(method: &Method) -> TokenStream {
    let name = &method.name;
    own(&match method.kind {
        Kind::Call => format!("Calls `{name}`."),
        Kind::Get => format!("Reads the property `{name}`."),
        Kind::Set => format!("Writes the property `{name}`."),
    })
}

/// What callers have to know of a method and its signature does not say: limits, units, defaults, the error.
pub(crate) fn facts(method: &Method) -> TokenStream {
    let arguments = method.arguments().filter_map(|argument| {
        let facts = [
            argument.accepts.as_ref().map(accepted),
            argument.unit.as_ref().map(|unit| format!("in {unit}")),
            argument.default.as_ref().map(|default| {
                format!(
                    "`{}` where a caller by name leaves it out",
                    types::text(default)
                )
            }),
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        (!facts.is_empty()).then(|| format!("- `{}`: {}", argument.name, facts.join("; ")))
    });
    let unit = method.unit.iter().map(|unit| format!("- returns {unit}"));
    let error = match &method.output.shape {
        Shape::Fallible {
            error: Some(error), ..
        } => Some(types::text(&**error)),
        _ => None,
    };
    let error = error.map(|error| format!("- fails with `{error}`"));
    let lines: Vec<_> = arguments.chain(unit).chain(error).collect();
    if lines.is_empty() {
        return TokenStream::new();
    }
    let lines = std::iter::once(String::new()).chain(lines);
    quote!(#(#[doc = #lines])*)
}

/// Which values are accepted, in the words that a refusal uses, too.
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

/// A value as people read it: numbers as they are, everything else as code.
fn shown(value: &Expr) -> String {
    let text = types::text(value);
    match text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        true => text,
        false => format!("`{text}`"),
    }
}

/// What the user wrote. Links to `Self::name` stay if the proxy has one of `methods` of that name, or if there is no list.
pub(crate) fn of_driver(docs: &[Attribute], methods: Option<&Vec<Method>>) -> TokenStream {
    let mut links = methods.map(|methods| Links {
        names: methods.iter().map(name).collect(),
        fence: None,
    });
    let docs = docs
        .iter()
        .flat_map(conditions::unfolded)
        .map(|(condition, mut meta)| {
            if let Some(links) = &mut links
                && let Meta::NameValue(meta) = &mut meta
                && let Some(text) = doc_literal(&meta.value)
            {
                let rewritten = LitStr::new(&links.in_text(&text.value()), text.span());
                meta.value = Expr::Lit(ExprLit {
                    attrs: vec![],
                    lit: Lit::Str(rewritten),
                });
            }
            // `doctest` holds while rustdoc looks for examples to run, and at no other time.
            let condition = match condition {
                Some(condition) => quote!(all(#condition, not(doctest))),
                None => quote!(not(doctest)),
            };
            conditions::folded(Some(condition), &meta)
        });
    quote!(#(#docs)*)
}

fn name(method: &Method) -> String {
    method.ident.unraw().to_string()
}

/// Makes links to `Self::name` that would lead nowhere what they look like.
struct Links {
    /// What the proxy has.
    names: Vec<String>,
    /// What closes the code block that was opened: in there, nothing is a link.
    fence: Option<(char, usize)>,
}

impl Links {
    fn in_text(&mut self, text: &str) -> String {
        let lines: Vec<_> = text.split('\n').map(|line| self.in_line(line)).collect();
        lines.join("\n")
    }

    fn in_line(&mut self, line: &str) -> String {
        // A code block may stand in a list, in a quotation, or in a comment with a star before each line.
        let start = line.trim_start_matches([' ', '\t', '*', '-', '>']);
        let mark = start.chars().next().filter(|c| matches!(c, '`' | '~'));
        let info = mark.map_or(start, |mark| start.trim_start_matches(mark));
        let length = start.len() - info.len();
        match (self.fence, mark) {
            (None, Some(mark)) if length >= 3 && !info.contains('`') => {
                self.fence = Some((mark, length));
                line.into()
            }
            (Some((opened, least)), Some(mark)) => {
                if mark == opened && length >= least && info.trim().is_empty() {
                    self.fence = None;
                }
                line.into()
            }
            (Some(_), None) => line.into(),
            (None, _) => self.in_prose(line),
        }
    }

    fn in_prose(&self, line: &str) -> String {
        let mut done = String::new();
        let mut rest = line;
        while let Some((before, link)) = rest.split_once('[') {
            done.push_str(before);
            match self.unlinked(link) {
                Some((text, behind)) => {
                    done.push_str(&text);
                    rest = behind;
                }
                None => {
                    done.push('[');
                    rest = link;
                }
            }
        }
        done + rest
    }

    /// The text of a link that would lead nowhere, and what stands behind it.
    fn unlinked<'a>(&self, link: &'a str) -> Option<(String, &'a str)> {
        let (text, behind) = link.split_once(']')?;
        let explicit = [('(', ')'), ('[', ']')];
        let target = explicit
            .iter()
            .find_map(|(open, close)| behind.strip_prefix(*open)?.split_once(*close));
        match target {
            Some((target, behind)) => self
                .leads_nowhere(target)
                .then(|| (text.to_string(), behind)),
            None if behind.starts_with(':') => None,
            None => self
                .leads_nowhere(text)
                .then(|| (format!("`{}`", text.trim_matches('`')), behind)),
        }
    }

    fn leads_nowhere(&self, target: &str) -> bool {
        let target = target.trim_matches('`').trim_end_matches("()");
        let name = target.strip_prefix("Self::");
        name.is_some_and(|name| !self.names.iter().any(|known| known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let names = vec!["read".to_string()];
        Links { names, fence: None }.in_text(text)
    }

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

    #[test]
    fn code_blocks_stay_as_they_are() {
        let code = [
            "```\n[Self::N]\n```",
            "~~~~ should_panic\n```\n[Self::N]\n~~~~",
            "- ```\n  [Self::N]\n  ```",
            " * ```\n * [Self::N]\n * ```",
        ];
        for text in code {
            assert_eq!(rewritten(text), text);
            let behind = format!("{text}\n[Self::N]");
            assert_eq!(rewritten(&behind), format!("{text}\n`Self::N`"));
        }
        assert_eq!(
            rewritten("```inline``` [Self::N]"),
            "```inline``` `Self::N`"
        );
    }

    #[test]
    fn links_to_what_the_proxy_lacks_are_plain_code() {
        let cases = [
            ("see [`Self::open`], and", "see `Self::open`, and"),
            ("see [Self::open()]", "see `Self::open()`"),
            (
                "[opened](Self::open) and [shut][Self::shut].",
                "opened and shut.",
            ),
            ("[[`Self::open`]]", "[`Self::open`]"),
        ];
        for (text, expected) in cases {
            assert_eq!(rewritten(text), expected);
        }
        for text in [
            "[`Self::read`] [x](Self::read)",
            "[`Meter::open`]",
            "a[0] [",
            "[`Self::open`](Meter::open)",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }
}
