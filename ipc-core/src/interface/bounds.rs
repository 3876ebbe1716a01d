//! The limits of an argument in words.

use super::schema::Schema;

/// What an argument must be, such as "a number from 0 to 10 V", "at least 1", "0.1, 0.2 or 0.5".
pub(crate) fn in_words(accepts: &str, unit: Option<&str>) -> String {
    let words = unnamed(accepts, unit);
    match range(accepts) {
        Some(range) if range.is_of_numbers() && words.starts_with("from ") => {
            format!("a number {words}")
        }
        _ => words,
    }
}

/// The same with the type: "a number (`f64`) from 0 to 10 V".
pub fn in_words_of(schema: &Schema, accepts: &str, unit: Option<&str>) -> String {
    let is_number = matches!(
        schema,
        Schema::Float(_) | Schema::Unsigned(_) | Schema::Signed(_)
    );
    let words = unnamed(accepts, unit);
    match (is_number, words.starts_with("from ")) {
        (true, true) => format!("a number (`{schema}`) {words}"),
        (true, false) => format!("a number (`{schema}`), {words}"),
        (false, _) => format!("of type `{schema}`, {words}"),
    }
}

/// The bounds or values alone.
fn unnamed(accepts: &str, unit: Option<&str>) -> String {
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    match range(accepts) {
        Some(range) => format!("{}{unit}", range.in_words()),
        None => format!("{}{unit}", list(accepts)),
    }
}

/// The two ends of a range, as they are written, and whether the last one belongs to it.
pub(crate) fn ends_of(accepts: &str) -> Option<(Option<&str>, Option<&str>, bool)> {
    let Range {
        low,
        high,
        is_closed,
    } = range(accepts)?;
    Some((low, high, is_closed))
}

/// The values of a list, as they are written.
pub(crate) fn values_of(accepts: &str) -> Option<Vec<&str>> {
    let inner = accepts.strip_prefix('[')?.strip_suffix(']')?;
    Some(values(inner))
}

struct Range<'a> {
    low: Option<&'a str>,
    high: Option<&'a str>,
    is_closed: bool,
}

/// The range that is written as `accepts`.
fn range(accepts: &str) -> Option<Range<'_>> {
    if accepts.starts_with(['[', '"', '\'']) {
        return None;
    }
    let ((low, high), is_closed) = match accepts.split_once("..=") {
        Some(bounds) => (bounds, true),
        None => (accepts.split_once("..")?, false),
    };
    Some(Range {
        low: given(low),
        high: given(high),
        is_closed,
    })
}

fn given(bound: &str) -> Option<&str> {
    Some(bound.trim()).filter(|bound| !bound.is_empty())
}

impl Range<'_> {
    fn is_of_numbers(&self) -> bool {
        let mut bounds = self.low.iter().chain(&self.high);
        bounds.all(|bound| bound.replace('_', "").parse::<f64>().is_ok())
    }

    fn in_words(&self) -> String {
        let (low, high) = (self.low.map(natural), self.high.map(natural));
        match (low, high, self.is_closed) {
            (Some(low), Some(high), true) => format!("from {low} to {high}"),
            (Some(low), Some(high), false) => format!("from {low} to less than {high}"),
            (Some(low), None, _) => format!("at least {low}"),
            (None, Some(high), true) => format!("at most {high}"),
            (None, Some(high), false) => format!("less than {high}"),
            (None, None, _) => "any value".into(),
        }
    }
}

/// A bound without the trailing `.0` of floating-point numbers.
fn natural(bound: &str) -> &str {
    match bound.strip_suffix(".0") {
        Some(whole) if whole.ends_with(|c: char| c.is_ascii_digit()) => whole,
        _ => bound,
    }
}

/// `[1, 2, 5]` as "1, 2 or 5".
fn list(accepts: &str) -> String {
    let inner = accepts
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let values = inner.map(values).unwrap_or_default();
    match values.as_slice() {
        [] => format!("one of {accepts}"),
        [only] => (*only).to_string(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The values of a list. Commas inside a value do not separate.
fn values(list: &str) -> Vec<&str> {
    let (mut values, mut begin) = (Vec::new(), 0);
    let (mut in_text, mut depth, mut is_escaped) = (false, 0_u32, false);
    for (at, c) in list.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                values.extend(list.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    values.extend(list.get(begin..));
    let trimmed = values.into_iter().map(str::trim);
    trimmed
        .filter(|value| !value.is_empty())
        .map(natural)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_read_as_a_person_would_put_them() {
        for (accepts, words) in [
            ("1..=5", "a number from 1 to 5 V"),
            ("0.0..=10.0", "a number from 0 to 10 V"),
            ("-0.5..1_000.0", "a number from -0.5 to less than 1_000 V"),
            ("0.0..", "at least 0 V"),
            ("..=1e-3", "at most 1e-3 V"),
            ("..10.0", "less than 10 V"),
            ("Low..=High", "from Low to High V"),
            ("[0.1, 2.0]", "0.1 or 2 V"),
            ("[1, 2, 5]", "1, 2 or 5 V"),
            ("[7]", "7 V"),
            ("LEVELS", "one of LEVELS V"),
        ] {
            assert_eq!(in_words(accepts, Some("V")), words);
        }
        for (accepts, words) in [
            (r#"["a", "b..c"]"#, r#""a" or "b..c""#),
            (
                r#"["a, b", "\", c", (1, 2)]"#,
                r#""a, b", "\", c" or (1, 2)"#,
            ),
            ("[Mode::Fast, Mode::Slow]", "Mode::Fast or Mode::Slow"),
        ] {
            assert_eq!(in_words(accepts, None), words);
        }
    }

    #[test]
    fn the_type_is_named_if_the_type_is_wrong() {
        let said = |schema, accepts| in_words_of(&schema, accepts, None);
        assert_eq!(
            said(Schema::Float(64), "0.0..=10.0"),
            "a number (`f64`) from 0 to 10"
        );
        assert_eq!(
            said(Schema::Unsigned(8), "[1, 2]"),
            "a number (`u8`), 1 or 2"
        );
        let maybe = Schema::Option(Box::new(Schema::Float(32)));
        assert_eq!(said(maybe, "0.5.."), "of type `Option<f32>`, at least 0.5");
    }
}
