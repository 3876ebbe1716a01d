//! Tokens as text, spaced as somebody would write them.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// `1..=5` for the tokens of a range, `["low", "high"]` for those of a list.
pub(crate) fn source(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text
}

fn write(tokens: TokenStream, out: &mut String) {
    let mut glued = true;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                if group.delimiter() == Delimiter::Brace && !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(open);
                write(group.stream(), out);
                out.push_str(close);
                glued = false;
            }
            TokenTree::Punct(punct) => {
                let c = punct.as_char();
                let spaced = matches!(c, '+' | '*' | '/' | '|' | '=') && !glued && !ends_joint(out);
                if spaced {
                    out.push(' ');
                }
                out.push(c);
                if matches!(c, ',' | ';') || (spaced && punct.spacing() == Spacing::Alone) {
                    out.push(' ');
                }
                glued = true;
            }
            word => {
                if !glued {
                    out.push(' ');
                }
                out.push_str(&word.to_string());
                glued = false;
            }
        }
    }
}

fn ends_joint(out: &str) -> bool {
    out.ends_with(['.', '=', '<', '>', '!', '|'])
}
