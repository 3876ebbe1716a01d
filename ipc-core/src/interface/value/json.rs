//! Values as JSON, both ways.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use self::read::FromJson;
use super::Value;

mod read;

/// A value as JSON text (by `Display`), or as a part of other JSON (by `Serialize`).
///
/// | value | JSON |
/// |---|---|
/// | numbers, texts, truth values, nothing | as they are |
/// | NaN and the infinities | `"NaN"`, `"Infinity"`, `"-Infinity"`; a NaN of other bits `"NaN(0x7ff8000000000001)"` |
/// | integers of more than 64 bits | a text of digits: `"340282366920938463463374607431768211455"` |
/// | lists, tuples, arrays of numbers | lists |
/// | structs, and maps with texts as keys | objects; a key that begins with `$` gets one more |
/// | other maps | `{"$map": [[key, value], ..]}` |
/// | a variant of an enum | its name, or `{"name": data}` |
/// | `Some(None)` | `{"$some": null}` |
/// | bytes | `{"$bytes": ".."}` in base64 |
///
/// Read back and encoded by the same schema, it gives the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Json<'a> {
    value: &'a Value,
    has_packed_arrays: bool,
}

impl Value {
    /// This value as JSON.
    pub fn json(&self) -> Json<'_> {
        Json {
            value: self,
            has_packed_arrays: false,
        }
    }

    /// Reads JSON. Numbers without point and exponent are integers, all others are of 64 bits.
    ///
    /// # Errors
    ///
    /// The text is not JSON, or has an object with a key that begins with `$` and is none of those in the table of [`Json`].
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let read: Result<FromJson, _> = serde_json::from_str(text);
        read.map(|it| it.0).map_err(JsonError)
    }
}

impl Json<'_> {
    /// Writes arrays of numbers as `{"$numbers": "f64", "shape": [1000, 2], "data": ".."}`, their bytes in base64: short and
    /// fast for large ones. It is read like any other form.
    pub fn packed_arrays(self) -> Self {
        Self {
            has_packed_arrays: true,
            ..self
        }
    }

    fn of<'a>(&self, value: &'a Value) -> Json<'a> {
        Json { value, ..*self }
    }

    fn object<S: Serializer>(
        &self,
        entries: &[(Value, Value)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(entries.len()))?;
        for (key, value) in entries {
            let key = key.as_str().unwrap_or_default();
            match key.starts_with('$') {
                true => map.serialize_key(&format!("${key}"))?,
                false => map.serialize_key(key)?,
            }
            map.serialize_value(&self.of(value))?;
        }
        map.end()
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Null => serializer.serialize_unit(),
            Value::Some(inner) => tagged(serializer, SOME, &self.of(inner)),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => match i64::try_from(*value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => serializer.collect_str(value),
            },
            Value::UInt(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.collect_str(value),
            },
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::Float(value) => serializer.serialize_str(&special(
                *value,
                value.to_bits() == f64::NAN.to_bits(),
                format_args!("{:016x}", value.to_bits()),
            )),
            Value::Float32(value) => serializer.serialize_str(&special(
                (*value).into(),
                value.to_bits() == f32::NAN.to_bits(),
                format_args!("{:08x}", value.to_bits()),
            )),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => tagged(serializer, BYTES, &STANDARD.encode(bytes)),
            Value::Numbers(numbers) if self.has_packed_arrays => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry(NUMBERS, numbers.element().name())?;
                map.serialize_entry("shape", numbers.shape())?;
                map.serialize_entry("data", &STANDARD.encode(numbers.bytes()))?;
                map.end()
            }
            Value::Numbers(numbers) => {
                let items = numbers.items();
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&self.of(&item))?;
                }
                list.end()
            }
            Value::List(items) => serializer.collect_seq(items.iter().map(|item| self.of(item))),
            Value::Map(entries) => {
                let mut keys = HashSet::new();
                let mut has_texts = entries.iter().map(|(key, _)| key.as_str());
                match has_texts.all(|key| key.is_some_and(|key| keys.insert(key))) {
                    true => self.object(entries, serializer),
                    false => {
                        let pairs = entries.iter().map(|(k, v)| (self.of(k), self.of(v)));
                        tagged(serializer, MAP, &pairs.collect::<Vec<_>>())
                    }
                }
            }
        }
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    tag: &str,
    value: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

/// The text of a number that JSON does not have.
fn special(value: f64, is_usual_nan: bool, bits: fmt::Arguments<'_>) -> String {
    match value {
        _ if is_usual_nan => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        _ => format!("NaN(0x{bits})"),
    }
}

const SOME: &str = "$some";
const BYTES: &str = "$bytes";
const MAP: &str = "$map";
const NUMBERS: &str = "$numbers";

/// Why a text is not the JSON of a value.
#[derive(thiserror::Error)]
#[error("it is not JSON: {0}")]
pub struct JsonError(serde_json::Error);

impl fmt::Debug for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonError {
    /// The line of the mistake, counted from 1.
    pub fn line(&self) -> usize {
        self.0.line()
    }

    /// The cause, in the words of the parser.
    pub fn into_cause(self) -> Box<dyn Error + Send + Sync> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Numbers;
    use super::*;

    fn comes_back(value: impl Into<Value>, json: &str) {
        let value = value.into();
        assert_eq!(value.json().to_string(), json);
        let read = Value::from_json(json).unwrap();
        assert_eq!(read.json().to_string(), json);
    }

    #[test]
    fn every_value_has_its_form() {
        comes_back((), "null");
        comes_back(20, "20");
        comes_back(20.0, "20.0");
        comes_back(-0.0, "-0.0");
        comes_back(0.1_f32, "0.1");
        comes_back(f64::NAN, r#""NaN""#);
        comes_back(
            f64::from_bits(0xfff8_0000_0000_0000),
            r#""NaN(0xfff8000000000000)""#,
        );
        comes_back(f64::NEG_INFINITY, r#""-Infinity""#);
        comes_back(u64::MAX, "18446744073709551615");
        comes_back(u128::MAX, r#""340282366920938463463374607431768211455""#);
        comes_back(Some(None::<u8>), r#"{"$some":null}"#);
        comes_back(Value::Bytes(vec![1, 2, 255]), r#"{"$bytes":"AQL/"}"#);
        comes_back(vec![0.5, f64::INFINITY], r#"[0.5,"Infinity"]"#);
        let with_keys = |keys: [Value; 2]| Value::Map(keys.map(|key| (key, 1.into())).into());
        comes_back(with_keys(["a".into(), "$b".into()]), r#"{"a":1,"$$b":1}"#);
        comes_back(with_keys([3.into(), 4.into()]), r#"{"$map":[[3,1],[4,1]]}"#);
        comes_back(
            with_keys(["a".into(), "a".into()]),
            r#"{"$map":[["a",1],["a",1]]}"#,
        );
    }

    #[test]
    fn large_arrays_can_be_packed() {
        let numbers = Numbers::from(vec![1_u16, 2, 3, 4])
            .reshaped(vec![2, 2])
            .unwrap();
        let value = Value::Numbers(numbers);
        let packed = value.json().packed_arrays().to_string();
        assert_eq!(
            packed,
            r#"{"$numbers":"u16","shape":[2,2],"data":"AQACAAMABAA="}"#
        );
        assert_eq!(Value::from_json(&packed).unwrap(), value);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "",
            "{",
            "nul",
            r#"{"$some":1,"x":2}"#,
            r#"{"$other":1}"#,
            r#"{"$bytes":"?"}"#,
            r#"{"$bytes":7}"#,
            r#"{"$map":[[1]]}"#,
            r#"{"$numbers":"f16","shape":[1],"data":""}"#,
            r#"{"$numbers":"f64","shape":[1],"data":""}"#,
            r#"{"$numbers":"f64","shape":[-1],"data":""}"#,
        ] {
            let error = Value::from_json(text).unwrap_err();
            assert!(error.to_string().starts_with("it is not JSON: "), "{error}");
        }
    }
}
