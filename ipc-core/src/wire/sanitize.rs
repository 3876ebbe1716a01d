//! Makes text from a peer safe to show in a log or a terminal.

/// Replaces control characters and invisible marks with U+FFFD, and cuts the text to 200 characters: what is left is one
/// line without escape sequences.
pub fn fit_to_show(text: &str) -> String {
    let shown = |c: char| match c.is_control() || is_invisible_mark(c) {
        true => '\u{fffd}',
        false => c,
    };
    text.chars().take(MAX_SHOWN).map(shown).collect()
}

/// Text from a peer, of any length, made safe for a terminal. Line breaks and tabs are kept, because messages of drivers can
/// have several lines; everything else that a terminal would act on is replaced.
pub fn printable(text: String) -> String {
    let is_unsafe = |c: char| !matches!(c, '\n' | '\t') && (c.is_control() || is_invisible_mark(c));
    match text.contains(is_unsafe) {
        true => text.replace(is_unsafe, "\u{fffd}"),
        false => text,
    }
}

/// Whether `c` is an invisible mark that separates lines, reverses the reading direction, or hides in a word.
fn is_invisible_mark(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Maximum number of characters that are shown.
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_long_texts_cut() {
        let text = "a\u{1b}[2J\r\nb\u{7}\u{202e}c é\u{9b}d";
        let shown = "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}\u{fffd}c é\u{fffd}d";
        assert_eq!(fit_to_show(text), shown);
        assert_eq!(fit_to_show(&"é".repeat(1000)), "é".repeat(MAX_SHOWN));
    }

    #[test]
    fn printable_text_keeps_its_lines_and_its_length() {
        let text = "a\u{1b}[2J\r\n\tb\u{7}\u{202e}c é\u{9b}d";
        let shown = "a\u{fffd}[2J\u{fffd}\n\tb\u{fffd}\u{fffd}c é\u{fffd}d";
        assert_eq!(printable(text.into()), shown);
        assert_eq!(printable("é\n".repeat(1000)), "é\n".repeat(1000));
    }
}
