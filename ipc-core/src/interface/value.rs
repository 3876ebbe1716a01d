//! Values that carry their own shape, for callers without the driver's types. On the wire they are MessagePack.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, DeserializeOwned, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::{Deserialize, Serialize, Serializer, forward_to_deserialize_any};

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

    /// Turns this value into a `T`; the error says what was expected and what came.
    pub fn into_typed<T: DeserializeOwned>(self) -> Result<T, CodecError> {
        T::deserialize(self).map_err(|error| CodecError::Invalid(error.0))
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
        other => CodecError::Invalid(other.to_string()),
    })?;
    match rest.len() {
        0 => Ok(value),
        extra => Err(CodecError::TrailingBytes { extra }),
    }
}

/// The arguments of a call by name: some by position, some by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Args {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: BTreeMap<String, Value>,
}

impl Args {
    /// No arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next argument by position.
    pub fn arg<T: Serialize>(mut self, value: T) -> Result<Self, CodecError> {
        self.positional.push(Value::from_serialize(&value)?);
        Ok(self)
    }

    /// Adds an argument by name. A second one of the same name replaces the first.
    pub fn named<T: Serialize>(mut self, name: &str, value: T) -> Result<Self, CodecError> {
        self.named
            .insert(name.into(), Value::from_serialize(&value)?);
        Ok(self)
    }

    /// Takes a tuple, list or single value as arguments by position, a map or struct as arguments by name, and `()` as
    /// none.
    pub fn from_serialize<T: Serialize + ?Sized>(arguments: &T) -> Result<Self, CodecError> {
        let mut args = Args::new();
        match Value::from_serialize(arguments)? {
            Value::Null => {}
            Value::List(positional) => args.positional = positional,
            Value::Map(entries) => {
                for (name, value) in entries {
                    args.named.insert(name.into_typed()?, value);
                }
            }
            single => args.positional.push(single),
        }
        Ok(args)
    }
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

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

macro_rules! visit {
    ($($method:ident($ty:ty) => $make:expr;)*) => {
        $(fn $method<E: de::Error>(self, value: $ty) -> Result<Value, E> {
            Ok($make(value))
        })*
    };
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    visit! {
        visit_bool(bool) => Value::Bool;
        visit_i64(i64) => |v: i64| u64::try_from(v).map_or(Value::Int(v), Value::UInt);
        visit_u64(u64) => Value::UInt;
        visit_f64(f64) => Value::Float;
        visit_str(&str) => |v: &str| Value::String(v.into());
        visit_string(String) => Value::String;
        visit_bytes(&[u8]) => |v: &[u8]| Value::Bytes(v.into());
        visit_byte_buf(Vec<u8>) => Value::Bytes;
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

/// What does not fit, in words: "invalid type: string "a", expected u32".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
#[non_exhaustive]
pub struct ValueError(pub String);

impl de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::UInt(value) => visitor.visit_u64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::List(items) => {
                let mut access = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut access)?;
                access.end()?;
                Ok(value)
            }
            Value::Map(entries) => {
                let mut access = MapDeserializer::new(entries.into_iter());
                let value = visitor.visit_map(&mut access)?;
                access.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let (variant, data) = match self {
            Value::Map(entries) => match <[_; 1]>::try_from(entries) {
                Ok([(variant, data)]) => (variant, data),
                Err(entries) => {
                    let message =
                        format!("a map of {} entries is not an enum variant", entries.len());
                    return Err(ValueError(message));
                }
            },
            unit => (unit, Value::Null),
        };
        visitor.visit_enum(ValueVariant { variant, data })
    }

    /// MessagePack has no integers of 16 bytes; they travel as bytes, the highest first.
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.wide() {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.wide() {
            Some(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    /// A struct without fields travels as an empty list.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self {
            Value::List(items) if items.is_empty() => visitor.visit_unit(),
            value => value.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit tuple
        tuple_struct map struct identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl Value {
    fn wide(&self) -> Option<[u8; 16]> {
        match self {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }
}

struct ValueVariant {
    variant: Value,
    data: Value,
}

impl<'de> EnumAccess<'de> for ValueVariant {
    type Error = ValueError;
    type Variant = Value;

    fn variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Value), ValueError> {
        Ok((seed.deserialize(self.variant)?, self.data))
    }
}

impl<'de> VariantAccess<'de> for Value {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self {
            Value::Null => Ok(()),
            _ => Err(de::Error::invalid_type(
                Unexpected::NewtypeVariant,
                &"a variant without data",
            )),
        }
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, ValueError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }
}

#[cfg(test)]
mod tests {
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
    fn arguments_come_by_position_or_by_name() {
        let positional = Args::from_serialize(&(20, "fast")).unwrap();
        assert_eq!(
            positional,
            Args::new().arg(20).unwrap().arg("fast").unwrap()
        );
        let named = Args::from_serialize(&BTreeMap::from([("samples", 20)])).unwrap();
        assert_eq!(named, Args::new().named("samples", 20).unwrap());
        assert_eq!(Args::from_serialize(&()), Ok(Args::new()));
        assert_eq!(Args::from_serialize(&7), Args::new().arg(7));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(unpack::<Value>(&[0x91; 100_000]), Err(CodecError::TooDeep));
    }
}
