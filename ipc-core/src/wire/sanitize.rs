//! Makes text from a peer safe to show in a log or a terminal.

/// Replaces control characters and invisible marks with U+FFFD, and [shortens](shortened) the text to 200 characters: what
/// is left is one line without escape sequences.
pub fn fit_to_show(text: &str) -> String {
    on_one_line(text, MAX_SHOWN)
}

/// Returns the message of a report of progress, shortened to 1,000 characters.
pub fn fit_for_progress(message: &str) -> String {
    shortened(message, MAX_PROGRESS)
}

/// Like [`fit_to_show`], for the text of an error in a line of the log: shortened to 300 characters.
pub fn fit_for_log(text: &str) -> String {
    on_one_line(text, MAX_LOGGED)
}

fn on_one_line(text: &str, limit: usize) -> String {
    if text.len() <= limit && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_string();
    }
    let shown = |c: char| match c.is_control() || is_invisible_mark(c) {
        true => '\u{fffd}',
        false => c,
    };
    shortened(text, limit).chars().map(shown).collect()
}

/// The text, cut to at most `limit` characters. A cut text ends at a word, unless the word is very long, and with an
/// ellipsis.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.char_indices().nth(limit).is_none() {
        return text.to_string();
    }
    // The ellipsis is the last character.
    let end = text.char_indices().nth(limit.saturating_sub(1));
    let (kept, rest) = text.split_at(end.map_or(0, |(end, _)| end));
    let word_end = match rest.starts_with(char::is_whitespace) {
        true => Some(kept.len()),
        false => kept.rfind(char::is_whitespace),
    };
    let kept = word_end
        .filter(|end| *end >= kept.len() / 2)
        .and_then(|end| kept.get(..end))
        .unwrap_or(kept);
    format!("{}…", kept.trim_end())
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

/// Maximum number of characters of a name or message.
const MAX_SHOWN: usize = 200;
/// Maximum number of characters of an error in the log.
const MAX_LOGGED: usize = 300;
/// Maximum number of characters of a report of progress.
const MAX_PROGRESS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_long_texts_cut() {
        let text = "a\u{1b}[2J\r\nb\u{7}\u{202e}c é\u{9b}d";
        let shown = "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}\u{fffd}c é\u{fffd}d";
        assert_eq!(fit_to_show(text), shown);
        let cut = |limit| format!("{}…", "é".repeat(limit - 1));
        assert_eq!(fit_to_show(&"é".repeat(1000)), cut(MAX_SHOWN));
        assert_eq!(fit_for_log(&"é".repeat(1000)), cut(MAX_LOGGED));
        let whole = "é".repeat(MAX_SHOWN);
        assert_eq!(fit_to_show(&whole), whole);
    }

    #[test]
    fn texts_are_cut_at_a_word() {
        for (limit, cut) in [
            (0, "…"),
            (1, "…"),
            (5, "must…"),
            (6, "must…"),
            (7, "must…"),
            (8, "must be…"),
            (9, "must be…"),
            (18, "must be of type…"),
            (21, "must be of type `u8`"),
        ] {
            assert_eq!(shortened("must be of type `u8`", limit), cut, "{limit}");
        }
        // One long word is cut all the same.
        assert_eq!(shortened("is aaaaaaaaaaaaaaa", 10), "is aaaaaa…");
    }

    #[test]
    fn printable_text_keeps_its_lines_and_its_length() {
        let text = "a\u{1b}[2J\r\n\tb\u{7}\u{202e}c é\u{9b}d";
        let shown = "a\u{fffd}[2J\u{fffd}\n\tb\u{fffd}\u{fffd}c é\u{fffd}d";
        assert_eq!(printable(text.into()), shown);
        assert_eq!(printable("é\n".repeat(1000)), "é\n".repeat(1000));
    }
}
