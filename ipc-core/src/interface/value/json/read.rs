//! Reading JSON.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{BYTES, MAP, NUMBERS, SOME};
use crate::interface::value::{ElementType, Numbers, Value};

/// A value that is read from JSON.
pub(super) struct FromJson(pub(super) Value);

impl<'de> Deserialize<'de> for FromJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(FromJson)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(FromJson(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, FromJson(value))) = access.next_entry::<String, _>()? {
            entries.push((key, value));
        }
        object(entries).map_err(de::Error::custom)
    }
}

fn object(mut entries: Vec<(String, Value)>) -> Result<Value, String> {
    let is_tag = |key: &str| key.starts_with('$') && !key.starts_with("$$");
    let Some(at) = entries.iter().position(|(key, _)| is_tag(key)) else {
        let entries = entries.into_iter().map(|(key, value)| {
            let key = key.strip_prefix('$').unwrap_or(&key);
            (key.into(), value)
        });
        return Ok(Value::Map(entries.collect()));
    };
    let (tag, value) = entries.swap_remove(at);
    match (tag.as_str(), value, entries.as_slice()) {
        (SOME, inner, []) => Ok(Value::Some(Box::new(inner))),
        (BYTES, Value::String(text), []) => decoded(&text).map(Value::Bytes),
        (MAP, Value::List(pairs), []) => pairs
            .into_iter()
            .map(pair)
            .collect::<Result<_, _>>()
            .map(Value::Map),
        (NUMBERS, Value::String(element), rest) => numbers(&element, rest),
        _ => Err(format!(
            "`{tag}` has another form; a key of a map that begins with `$` is written with one more"
        )),
    }
}

fn pair(pair: Value) -> Result<(Value, Value), String> {
    match pair {
        Value::List(items) => match <[Value; 2]>::try_from(items) {
            Ok([key, value]) => Ok((key, value)),
            Err(_) => Err("`$map` is a list of lists of two".into()),
        },
        _ => Err("`$map` is a list of lists of two".into()),
    }
}

fn numbers(element: &str, rest: &[(String, Value)]) -> Result<Value, String> {
    let part = |name: &str| {
        let found = rest.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    };
    let element =
        ElementType::named(element).ok_or_else(|| format!("there are no numbers `{element}`"))?;
    let (Some(Value::List(shape)), Some(Value::String(data)), 2) =
        (part("shape"), part("data"), rest.len())
    else {
        return Err(
            "`$numbers` needs `shape`, a list, and `data`, a text, and nothing else".into(),
        );
    };
    let shape = shape
        .iter()
        .map(|count| usize::try_from(count.as_u64()?).ok());
    let shape: Option<Vec<usize>> = shape.collect();
    let shape = shape.ok_or("the shape of `$numbers` is a list of counts")?;
    let numbers = Numbers::new(element, shape, decoded(data)?);
    numbers
        .map(Value::Numbers)
        .map_err(|error| error.to_string())
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|error| format!("it is not base64: {error}"))
}
