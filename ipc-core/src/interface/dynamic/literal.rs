//! Defaults and limits, which a description has as they stand in the source of the driver.

use super::write::narrowed;
use crate::interface::bounds;
use crate::interface::schema::Schema;
use crate::interface::value::{ElementType, Value};

/// The value of a default, if it is a number, a truth value, a plain text, or `None`.
pub(super) fn value(source: &str, schema: &Schema) -> Option<Value> {
    let source = source.trim();
    match schema {
        Schema::Option(_) if source == "None" => Some(Value::Null),
        Schema::Option(inner) => {
            let given = source.strip_prefix("Some(")?.strip_suffix(')')?;
            match value(given, inner)? {
                empty @ (Value::Null | Value::Some(_)) => Some(Value::Some(Box::new(empty))),
                value => Some(value),
            }
        }
        Schema::Bool => source.parse().ok().map(Value::Bool),
        Schema::String => {
            let text = source.strip_prefix('"')?.strip_suffix('"')?;
            (!text.contains(['"', '\\'])).then(|| text.into())
        }
        schema => match ElementType::of(schema)? {
            ElementType::Bool => None,
            ElementType::F32 => number::<f32>(source).map(Value::Float32),
            ElementType::F64 => number::<f64>(source).map(Value::Float),
            _ => number::<i128>(source).map(Value::from),
        },
    }
}

/// Whether a value is among those that are accepted, as far as that can be told here: the server checks, too.
pub(super) fn is_accepted(accepts: &str, value: &Value, schema: &Schema) -> Option<bool> {
    let (value, schema) = match (value, schema) {
        (Value::Null, Schema::Option(_)) => return Some(true),
        (Value::Some(value), Schema::Option(inner)) => (&**value, &**inner),
        (value, Schema::Option(inner)) => (value, &**inner),
        other => other,
    };
    match (schema, value) {
        (Schema::String, Value::String(text)) => {
            let listed = bounds::values_of(accepts)?.into_iter();
            let texts: Option<Vec<Value>> = listed.map(|it| self::value(it, schema)).collect();
            Some(texts?.iter().any(|it| it.as_str() == Some(text)))
        }
        (Schema::Float(32), value) => of_numbers(accepts, narrowed(value.as_f64()?)),
        (Schema::Float(64), value) => of_numbers(accepts, value.as_f64()?),
        (Schema::Unsigned(_) | Schema::Signed(_), Value::Int(number)) => {
            of_numbers(accepts, *number)
        }
        (Schema::Unsigned(_) | Schema::Signed(_), Value::UInt(number)) => {
            of_numbers(accepts, i128::try_from(*number).ok()?)
        }
        _ => None,
    }
}

fn of_numbers<N: PartialOrd + std::str::FromStr>(accepts: &str, given: N) -> Option<bool> {
    if let Some(listed) = bounds::values_of(accepts) {
        let listed: Option<Vec<N>> = listed.into_iter().map(number).collect();
        return Some(listed?.contains(&given));
    }
    let (low, high, is_closed) = bounds::ends_of(accepts)?;
    let end = |text: Option<&str>| match text {
        None => Some(None),
        Some(text) => number::<N>(text).map(Some),
    };
    let (low, high) = (end(low)?, end(high)?);
    let is_above = low.is_none_or(|low| given >= low);
    let is_below = high.is_none_or(|high| match is_closed {
        true => given <= high,
        false => given < high,
    });
    Some(is_above && is_below)
}

/// A number as it stands in source code: `1_000`, `2.5e-3`, `7u8`.
fn number<N: std::str::FromStr>(source: &str) -> Option<N> {
    let plain = source.replace('_', "");
    let suffix = ElementType::ALL
        .iter()
        .find_map(|it| plain.strip_suffix(it.name()));
    let plain = suffix.unwrap_or(&plain);
    let begins = plain
        .trim_start_matches('-')
        .starts_with(|c: char| c.is_ascii_digit());
    begins.then(|| plain.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::schema::Describe;

    #[test]
    fn plain_defaults_are_known() {
        let of = |source, schema| value(source, &schema).map(|it| it.to_string());
        assert_eq!(of("1_000", u32::schema()).as_deref(), Some("1000"));
        assert_eq!(of("-2.5e-3", f64::schema()).as_deref(), Some("-0.0025"));
        assert_eq!(of("1.0_f32", f32::schema()).as_deref(), Some("1.0"));
        assert_eq!(of("true", bool::schema()).as_deref(), Some("true"));
        assert_eq!(
            of("\"fast\"", String::schema()).as_deref(),
            Some("\"fast\"")
        );
        assert_eq!(of("None", <Option<u8>>::schema()).as_deref(), Some("null"));
        assert_eq!(of("Some(3)", <Option<u8>>::schema()).as_deref(), Some("3"));
        for other in [
            "SAMPLES",
            "f64::NAN",
            "Duration::from_secs(1)",
            "1 + 1",
            "\"a\\n\"",
            "0x10",
        ] {
            for schema in [f64::schema(), u32::schema(), String::schema()] {
                assert_eq!(value(other, &schema), None, "{other}");
            }
        }
    }

    #[test]
    fn limits_are_checked_as_far_as_they_are_known() {
        let is = |accepts, value: Value, schema| is_accepted(accepts, &value, &schema);
        assert_eq!(is("1..=1_000", 1000.into(), u32::schema()), Some(true));
        assert_eq!(is("1..=1_000", 1001.into(), u32::schema()), Some(false));
        assert_eq!(is("1..1_000", 1000.into(), u32::schema()), Some(false));
        assert_eq!(is("0.0..=0.1", 0.1.into(), f64::schema()), Some(true));
        // As the server compares: 0.1 as an `f32` is larger than 0.1.
        assert_eq!(is("0.0..=0.1", 0.1_f32.into(), f32::schema()), Some(true));
        assert_eq!(is("0.0..", f64::NAN.into(), f64::schema()), Some(false));
        assert_eq!(is("[1, 2, 5]", 3.into(), u8::schema()), Some(false));
        assert_eq!(
            is("[1, 2, 5]", 5.into(), <Option<u8>>::schema()),
            Some(true)
        );
        assert_eq!(is("1..=5", Value::Null, <Option<u8>>::schema()), Some(true));
        assert_eq!(
            is(r#"["low", "high"]"#, "mid".into(), String::schema()),
            Some(false)
        );
        assert_eq!(is("0..=LIMIT", 7.into(), u8::schema()), None);
        assert_eq!(is("LEVELS", 7.into(), u8::schema()), None);
    }
}
