//! Lines of the shell as words, by the quoting rules of a POSIX shell.

/// A word of a line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    /// The word without its quotes.
    pub(super) text: String,
    /// Where it begins in the line, in bytes.
    pub(super) start: usize,
    /// True if some of it is quoted: it is then a value, and never a sign such as `?` or `=`.
    pub(super) is_quoted: bool,
}

impl Word {
    /// Returns true if the word is this sign.
    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.text == sign && !self.is_quoted
    }
}

/// The words of a line, and how it ends.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Words {
    pub(super) words: Vec<Word>,
    /// True if the last word is still being written: no blank follows it.
    pub(super) is_open: bool,
    /// What the line lacks, such as the end of a quote.
    pub(super) lacks: Option<Lack>,
}

/// Why a line is not complete.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lack {
    SingleQuote,
    DoubleQuote,
    Escaped,
}

impl Lack {
    /// The text of the error.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::SingleQuote => {
                "the quote ' is not closed; write \\' or \"'\" for the character itself"
            }
            Self::DoubleQuote => {
                "the quote \" is not closed; write \\\" or '\"' for the character itself"
            }
            Self::Escaped => {
                "nothing follows the \\ at the end; write \\\\ for the character itself"
            }
        }
    }
}

/// Splits a line. Blanks separate words; `'..'` keeps everything, `".."` everything but `\"` and `\\`, and `\` keeps the
/// character that follows.
pub(super) fn split(line: &str) -> Words {
    let mut split = Words::default();
    let mut chars = line.char_indices();
    let mut word: Option<Word> = None;
    while let Some((at, c)) = chars.next() {
        if c.is_whitespace() {
            split.words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            start: at,
            ..Word::default()
        });
        let rest = chars.by_ref().map(|(_, c)| c);
        let lacks = match c {
            '\'' => single_quoted(rest, word),
            '"' => double_quoted(rest, word),
            '\\' => escaped(rest, word),
            c => {
                word.text.push(c);
                None
            }
        };
        split.lacks = split.lacks.or(lacks);
    }
    split.is_open = word.is_some();
    split.words.extend(word);
    split
}

fn single_quoted(chars: impl Iterator<Item = char>, word: &mut Word) -> Option<Lack> {
    word.is_quoted = true;
    for c in chars {
        match c {
            '\'' => return None,
            c => word.text.push(c),
        }
    }
    Some(Lack::SingleQuote)
}

fn double_quoted(mut chars: impl Iterator<Item = char>, word: &mut Word) -> Option<Lack> {
    word.is_quoted = true;
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => match chars.next() {
                Some(c @ ('"' | '\\')) => word.text.push(c),
                Some(c) => word.text.extend(['\\', c]),
                None => break,
            },
            c => word.text.push(c),
        }
    }
    Some(Lack::DoubleQuote)
}

fn escaped(mut chars: impl Iterator<Item = char>, word: &mut Word) -> Option<Lack> {
    word.is_quoted = true;
    match chars.next() {
        Some(c) => {
            word.text.push(c);
            None
        }
        None => Some(Lack::Escaped),
    }
}

/// A value as a word: quoted if it has to be.
pub(super) fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-+./:,@%=#".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => value.into(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let split = split(line);
        assert_eq!(split.lacks, None, "{line}");
        split.words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_those_of_a_posix_shell() {
        for (line, words) in [
            ("", &[][..]),
            ("  \t ", &[]),
            ("a  b\tc ", &["a", "b", "c"]),
            (r#"set x '{"a": 1}'"#, &["set", "x", r#"{"a": 1}"#]),
            (r#"'a b'c"d e"f"#, &["a bcd ef"]),
            (r#""a\"b\\c\nd""#, &[r#"a"b\c\nd"#]),
            (r"a\ b \' \\", &["a b", "'", r"\"]),
            (r"'a\b'", &[r"a\b"]),
            ("'' x", &["", "x"]),
            (r"'it'\''s'", &["it's"]),
            ("é 'µ m'", &["é", "µ m"]),
        ] {
            assert_eq!(texts(line), words, "{line}");
        }
    }

    #[test]
    fn what_is_not_closed_is_told() {
        for (line, lack) in [
            ("a 'b", Lack::SingleQuote),
            ("a \"b'", Lack::DoubleQuote),
            ("\"a\\", Lack::DoubleQuote),
            ("a \\", Lack::Escaped),
        ] {
            assert_eq!(split(line).lacks, Some(lack), "{line}");
        }
        assert!(Lack::SingleQuote.text().contains("not closed"));
    }

    #[test]
    fn places_and_quotes_of_words_are_known() {
        let split = split("é '?' ?");
        let places: Vec<_> = split.words.iter().map(|word| word.start).collect();
        assert_eq!(places, [0, 3, 7]);
        let is_sign: Vec<_> = split.words.iter().map(|word| word.is_sign("?")).collect();
        assert_eq!(is_sign, [false, false, true]);
        assert!(split.is_open && !super::split("a ").is_open && !super::split("").is_open);
    }

    #[test]
    fn a_quoted_value_is_one_word_again() {
        for value in ["High", "a b", "it's", "", r#"{"x": "\\"}"#, "*IDN?", "a\\b"] {
            assert_eq!(texts(&quoted(value)), [value]);
        }
        assert_eq!(quoted("High"), "High");
    }
}
