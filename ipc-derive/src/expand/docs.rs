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

fn accepted(accepts: &Accepts) -> String {
    let dots = |inclusive: &bool| if *inclusive { "..=" } else { ".." };
    let bound = |bound: &Option<Expr>| bound.as_ref().map(types::text).unwrap_or_default();
    match accepts {
        Accepts::Range {
            low,
            high,
            inclusive,
        } => format!("one of `{}{}{}`", bound(low), dots(inclusive), bound(high)),
        Accepts::OneOf(values) => {
            let values: Vec<_> = values.iter().map(types::text).collect();
            format!("one of `{}`", values.join("`, `"))
        }
        Accepts::Named(constant) | Accepts::NamedList(constant) => {
            format!("one of `{}`", types::text(constant))
        }
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
