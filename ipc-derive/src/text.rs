//! Tokens as text, spaced as somebody would write them.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// `1..=5` for the tokens of a range, `["low", "high"]` for those of a list.
pub(crate) fn source(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    text
}

fn write(tokens: TokenStream, out: &mut String) {
    // True behind what its right neighbour sticks to.
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
                // Only the `'` of a lifetime stands joint before a word.
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
    use super::source;

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
            let tokens = text.parse().unwrap();
            assert_eq!(source(tokens), text);
        }
    }
}
