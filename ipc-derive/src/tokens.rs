//! Tokens: as text, as names of generated items, and where they stand.

use proc_macro2::{Delimiter, Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Type;
use syn::spanned::Spanned;

/// A name that the user's code can neither see nor shadow.
pub(crate) fn hidden(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

/// A hidden name at a place in the user's code, where the compiler's errors about it stand.
pub(crate) fn hidden_at(name: &str, place: Span) -> Ident {
    let mut ident = hidden(name);
    ident.set_span(ident.span().located_at(place));
    ident
}

/// The same tokens with the same hygiene, at a place in the user's code.
pub(crate) fn moved(tokens: TokenStream, place: Span) -> TokenStream {
    let at = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), moved(group.stream(), place));
            inner.set_span(group.span().located_at(place));
            TokenTree::Group(inner)
        }
        mut token => {
            token.set_span(token.span().located_at(place));
            token
        }
    };
    tokens.into_iter().map(at).collect()
}

/// The same tokens as if the user had written them at `place`, where the compiler's errors about them stand.
pub(crate) fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let at = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), located(group.stream(), place));
            moved.set_span(place);
            TokenTree::Group(moved)
        }
        mut token => {
            token.set_span(place);
            token
        }
    };
    tokens.into_iter().map(at).collect()
}

/// The same tokens at a type in the user's code, which errors underline from its first to its last token.
pub(crate) fn underlined(tokens: TokenStream, ty: &Type) -> TokenStream {
    let mut underlined: Vec<_> = located(tokens, ty.span()).into_iter().collect();
    if let (Some(token), Some(last)) = (underlined.last_mut(), quote!(#ty).into_iter().last()) {
        token.set_span(last.span());
    }
    underlined.into_iter().collect()
}

/// Tokens as text, spaced as in source code: `1..=5`, `["low", "high"]`.
pub(crate) fn text(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, out: &mut String) {
    // Whether the next token follows without a space.
    let mut glued = true;
    let mut operator = String::new();
    for token in tokens {
        match token {
            TokenTree::Punct(punct) => {
                operator.push(punct.as_char());
                if punct.spacing() == Spacing::Alone {
                    write_operator(&operator, glued, out);
                    operator.clear();
                    glued = true;
                }
            }
            TokenTree::Group(group) => {
                write_group(&group, out);
                glued = false;
            }
            word => {
                // Only the `'` of a lifetime is joint and followed by a word.
                out.push_str(&operator);
                if !glued && operator.is_empty() {
                    out.push(' ');
                }
                operator.clear();
                out.push_str(&word.to_string());
                glued = false;
            }
        }
    }
    out.push_str(&operator);
}

fn write_operator(operator: &str, glued: bool, out: &mut String) {
    const SPACED: &[&str] = &[
        "+", "-", "*", "/", "%", "^", "|", "&", "||", "&&", "=", "==", "!=", "<=", ">=", "<<",
        "=>", "->",
    ];
    let is_binary = !glued && SPACED.contains(&operator);
    if is_binary {
        out.push(' ');
    }
    out.push_str(operator);
    if is_binary || matches!(operator, "," | ";" | ":") {
        out.push(' ');
    }
}

fn write_group(group: &Group, out: &mut String) {
    let (open, close) = match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::Brace => (" { ", " }"),
        Delimiter::None => ("", ""),
    };
    out.push_str(open);
    write(group.stream(), out);
    out.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_as_they_were_written() {
        for text in [
            "1..=5",
            "-1.5..2.5",
            "0..Self::MAX",
            r#"["low", "high"]"#,
            "&[1, 2]",
            "Duration::from_secs(1)",
            "vec![1, 2]",
            "a + b * 2",
            "x == y",
            "x as u8",
            "Option<Vec<f64>>",
            "[f64; 8]",
            "(u8, &str)",
            "Mode::Fast { speed: 1.0 }",
            "!flag",
        ] {
            let tokens: TokenStream = text.parse().unwrap();
            assert_eq!(super::text(&tokens), text);
        }
    }
}
