//! Values on one line.

use std::time::Duration;

use ipc_client::{Schema, Value};

use super::array;
use super::number::{number, with_unit};
use super::typed::{Type, Typed};

/// How much is shown of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Detail {
    Full,
    Brief,
}

/// A value that stands alone: a text has no quotes, unless they are needed to see it.
pub(super) fn alone(typed: &Typed<'_>, detail: Detail) -> String {
    match (typed.value, typed.variant()) {
        (Value::String(text), None) if is_seen(text) => text.clone(),
        _ => inline(typed, detail),
    }
}

/// Returns true if a text shows where it begins and ends, and has no characters that do not show.
fn is_seen(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(char::is_control)
}

/// A value among others: texts have quotes.
pub(super) fn inline(typed: &Typed<'_>, detail: Detail) -> String {
    if let Some((name, data)) = typed.variant() {
        return match data {
            None => name,
            Some(data) => variant(name, &data, detail),
        };
    }
    if let Some(inner) = typed.in_some() {
        return format!("Some({})", inline(&inner, detail));
    }
    if let Some(duration) = duration(typed) {
        return format!("{duration:?}");
    }
    if let Some(entries) = typed.entries() {
        let entry = |(name, it): (String, Typed<'_>)| format!("{name}: {}", inline(&it, detail));
        let entries: Vec<_> = entries.into_iter().map(entry).collect();
        return format!("{{{}}}", entries.join(", "));
    }
    if let Some(items) = typed.items() {
        return list(typed, items, detail);
    }
    match typed.value {
        Value::Null if *typed.schema() == Schema::Unit => "()".into(),
        Value::Null => "none".into(),
        Value::String(text) => format!("{text:?}"),
        Value::Bytes(bytes) => self::bytes(bytes),
        Value::Numbers(numbers) => array::array(numbers, typed.unit, detail),
        value if typed.is_number() => with_unit(number(value), typed.unit),
        value => value.to_string(),
    }
}

/// `Heat(2 W)`, `Ramp {from: 1, steps: 3}`
fn variant(name: String, data: &Typed<'_>, detail: Detail) -> String {
    match inline(data, detail) {
        text if data.entries().is_some() => format!("{name} {text}"),
        text if text.starts_with('(') => name + &text,
        text => format!("{name}({text})"),
    }
}

fn list(typed: &Typed<'_>, items: Vec<Typed<'_>>, detail: Detail) -> String {
    if let Value::List(values) = typed.value
        && let Some(array) = array::list(values, typed.unit, detail)
    {
        return array;
    }
    let (open, close) = match typed.of {
        Type::Schema(Schema::Tuple(_)) | Type::Fields(_) => ('(', ')'),
        Type::Schema(_) => ('[', ']'),
    };
    // Numbers have their unit once.
    let is_of_numbers = !items.is_empty()
        && items
            .iter()
            .all(|it| it.is_number() && it.unit == typed.unit);
    let item = |item: Typed<'_>| match is_of_numbers {
        true => inline(&item.without_unit(), detail),
        false => inline(&item, detail),
    };
    let items: Vec<_> = items.into_iter().map(item).collect();
    let text = format!("{open}{}{close}", items.join(", "));
    with_unit(text, typed.unit.filter(|_| is_of_numbers))
}

/// The number of bytes and the first of them.
fn bytes(bytes: &[u8]) -> String {
    let first: Vec<_> = bytes
        .iter()
        .take(FIRST)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let count = match bytes.len() {
        1 => "1 byte".into(),
        count => format!("{count} bytes"),
    };
    match bytes.len() {
        0 => count,
        1..=FIRST => format!("{count}: {}", first.join(" ")),
        _ => format!("{count}: {} …", first.join(" ")),
    }
}

/// A duration of the standard library, which has no description and travels as seconds and nanoseconds.
pub(super) fn duration(typed: &Typed<'_>) -> Option<Duration> {
    let (Schema::Named(name), Value::Map(entries)) = (typed.schema(), typed.value) else {
        return None;
    };
    let is_duration = name == "Duration" && entries.len() == 2;
    let part = |name| typed.value.get(name)?.as_u64();
    let (seconds, nanos) = (part("secs")?, u32::try_from(part("nanos")?).ok()?);
    let is_valid = is_duration && nanos < 1_000_000_000;
    is_valid.then(|| Duration::new(seconds, nanos))
}

/// Number of bytes that are shown.
const FIRST: usize = 16;
