//! Values that carry their own shape, for callers without the driver's types. On the wire they are MessagePack.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

mod decode;

use decode::Decoder;
pub use decode::ValueError;

use crate::wire::codec::{CodecError, MAX_DEPTH};

/// Any value that can travel, in self-describing form.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `()` or `None`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer below zero.
    Int(i64),
    /// An integer from zero up.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list, array or tuple.
    List(Vec<Value>),
    /// A map, or a struct with its fields by name.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Turns any serialisable value into its self-describing form.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, CodecError> {
        unpack(&pack(value)?)
    }

    /// True for the text `word`.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Value::String(text) if text == word)
    }

    /// Turns this value into a `T`; the error says what was expected and what came. Fields that a struct does not have
    /// are passed over: whoever sent them may know a newer one.
    pub fn into_typed<T: DeserializeOwned>(self) -> Result<T, CodecError> {
        T::deserialize(Decoder::lenient(self)).map_err(|error| CodecError::Invalid(error.0))
    }

    /// Turns this value into an argument. As [`into_typed`](Self::into_typed), but a field that a struct does not have
    /// is an error: a misspelt setting must not be lost.
    pub(crate) fn into_argument<T: DeserializeOwned>(self) -> Result<T, CodecError> {
        T::deserialize(Decoder::strict(self)).map_err(|error| CodecError::Invalid(error.0))
    }
}

/// Encodes `value` as MessagePack, structs with their field names.
pub fn pack<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    rmp_serde::to_vec_named(value).map_err(|error| CodecError::Invalid(error.to_string()))
}

/// Decodes MessagePack that fills `bytes` exactly.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(MAX_DEPTH as usize);
    let value = T::deserialize(&mut deserializer).map_err(|error| match error {
        rmp_serde::decode::Error::DepthLimitExceeded => CodecError::TooDeep,
        rmp_serde::decode::Error::InvalidMarkerRead(_)
        | rmp_serde::decode::Error::InvalidDataRead(_) => CodecError::UnexpectedEnd,
        other => CodecError::Invalid(other.to_string()),
    })?;
    match rest.len() {
        0 => Ok(value),
        extra => Err(CodecError::TrailingBytes { extra }),
    }
}

/// Decodes like [`unpack`], and says in words what does not fit.
pub(crate) fn unpack_described<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    unpack(bytes).or_else(|_| unpack::<Value>(bytes)?.into_typed())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::UInt(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::String(value) => write!(f, "{value:?}"),
            Value::Bytes(value) if value.len() == 16 => {
                f.write_str("16 bytes, or an integer of 128 bits")
            }
            Value::Bytes(value) => write!(f, "{} bytes", value.len()),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::UInt(value) => serializer.serialize_u64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::List(items) => serializer.collect_seq(items),
            Value::Map(entries) => serializer.collect_map(entries.iter().map(|(k, v)| (k, v))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Trigger {
        Off,
        Level(f64),
        Window { low: f64, high: Option<f64> },
        Pair(u8, i8),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        name: String,
        triggers: Vec<Trigger>,
        raw: Vec<u8>,
        wide: Option<i64>,
    }

    fn settings() -> Settings {
        Settings {
            name: "scope".into(),
            triggers: vec![
                Trigger::Off,
                Trigger::Level(f64::INFINITY),
                Trigger::Window {
                    low: -1.0,
                    high: None,
                },
                Trigger::Pair(1, -1),
            ],
            raw: vec![1, 2, 255],
            wide: Some(i64::MIN),
        }
    }

    #[test]
    fn any_serde_value_goes_through_the_self_describing_form() {
        let value = Value::from_serialize(&settings()).unwrap();
        assert_eq!(value.clone().into_typed::<Settings>(), Ok(settings()));
        assert!(value.to_string().contains(r#""name": "scope""#), "{value}");
        assert_eq!(unpack::<Value>(&pack(&value).unwrap()), Ok(value));
    }

    #[test]
    fn bytes_and_lists_of_small_numbers_are_interchangeable() {
        assert_eq!(
            Value::Bytes(vec![1, 2]).into_typed::<Vec<u8>>(),
            Ok(vec![1, 2])
        );
    }

    #[test]
    fn wide_integers_and_empty_structs_come_back() {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Nothing;

        let odd = (u128::MAX, i128::MIN, Nothing);
        let value = Value::from_serialize(&odd).unwrap();
        assert_eq!(value.into_typed(), Ok(odd));
        assert_eq!(Value::UInt(7).into_typed(), Ok(7_u128));
        assert_eq!(Value::Null.into_typed(), Ok(Nothing));
        assert!(Value::Bytes(vec![1; 15]).into_typed::<u128>().is_err());
    }

    #[test]
    fn errors_name_what_came_and_what_was_expected() {
        let error = Value::String("many".into())
            .into_typed::<u32>()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(r#"string "many""#) && error.contains("u32"),
            "{error}"
        );
        let error = Value::UInt(300).into_typed::<u8>().unwrap_err().to_string();
        assert!(error.contains("300") && error.contains("u8"), "{error}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(unpack::<Value>(&[0x91; 100_000]), Err(CodecError::TooDeep));
    }
}
