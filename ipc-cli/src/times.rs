//! Times on the command line and for people: `500ms`, `1m30s`, "3 min".

use std::time::Duration;

/// Reads a time such as `500ms`, `30s`, `1m30s`, `2h`, `0`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write it with its unit: 500ms, 30s, 5m, 2h");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, behind) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, behind) = split(behind, |c| c.is_ascii_alphabetic());
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let seconds = number * seconds_of(unit).ok_or_else(wrong)?;
        let part = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = behind;
    }
    match text.is_empty() {
        true => Err(wrong()),
        false => Ok(total),
    }
}

/// Reads a time that may also be `forever`.
pub(crate) fn parse_or_forever(text: &str) -> Result<Duration, String> {
    match text {
        "forever" => Ok(Duration::MAX),
        text => parse(text).map_err(|error| format!("{error}, or forever")),
    }
}

fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    })
}

/// A time for people, with as much precision as they want to know: "0.3 s", "12 s", "3 min", "2 h 5 min".
pub(crate) fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => match time.as_millis() {
            0..100 => "0 s".into(),
            _ => format!("{:.1} s", time.as_secs_f64()),
        },
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => with_rest(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => with_rest(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// The same for milliseconds.
pub(crate) fn shown_ms(ms: u64) -> String {
    shown(Duration::from_millis(ms))
}

fn with_rest(count: u64, unit: &str, rest: u64, of: &str) -> String {
    match rest {
        0 => format!("{count} {unit}"),
        rest => format!("{count} {unit} {rest} {of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("0", 0),
            ("1.5s", 1500),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("0s", 0),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1x",
            "1s2",
            "1..5s",
            "1e3s",
            "9999999999999999999999d",
            "é",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("500ms, 30s"), "{text}: {error}");
        }
        assert_eq!(parse_or_forever("forever"), Ok(Duration::MAX));
        assert!(parse_or_forever("30").unwrap_err().ends_with("or forever"));
    }

    #[test]
    fn people_read_times_at_a_glance() {
        for (ms, text) in [
            (0, "0 s"),
            (30, "0 s"),
            (340, "0.3 s"),
            (12_400, "12 s"),
            (200_000, "3 min"),
            (7_500_000, "2 h 5 min"),
            (90_000_000, "1 d 1 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(shown_ms(ms), text);
        }
    }
}
