//! A value from whatever tells its own shape, and anything that serde can deserialise from a value.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Value;

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

/// A value on its way into a type.
pub(super) struct Decoder {
    value: Value,
    /// Fields that a struct does not have are refused, not passed over.
    strict: bool,
}

impl Decoder {
    pub(super) fn lenient(value: Value) -> Self {
        Self {
            value,
            strict: false,
        }
    }

    pub(super) fn strict(value: Value) -> Self {
        Self {
            value,
            strict: true,
        }
    }

    fn check_fields(&self, known: &'static [&'static str]) -> Result<(), ValueError> {
        let Value::Map(entries) = &self.value else {
            return Ok(());
        };
        let keys = entries.iter().filter_map(|(key, _)| match key {
            Value::String(key) if self.strict => Some(key),
            _ => None,
        });
        match keys.into_iter().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(de::Error::unknown_field(unknown, known)),
            None => Ok(()),
        }
    }

    fn wide(&self) -> Option<[u8; 16]> {
        match &self.value {
            Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        }
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for Decoder {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Decoder {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let strict = self.strict;
        let inner = move |value| Decoder { value, strict };
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => visitor.visit_i64(value),
            Value::UInt(value) => visitor.visit_u64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::String(value) => visitor.visit_string(value),
            Value::Bytes(value) => visitor.visit_byte_buf(value),
            Value::List(items) => {
                let mut access = SeqDeserializer::new(items.into_iter().map(inner));
                let value = visitor.visit_seq(&mut access)?;
                access.end()?;
                Ok(value)
            }
            Value::Map(entries) => {
                let mut access = MapDeserializer::new(
                    entries
                        .into_iter()
                        .map(|(key, value)| (inner(key), inner(value))),
                );
                let value = visitor.visit_map(&mut access)?;
                access.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
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
        match self.value {
            Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let strict = self.strict;
        let (variant, data) = match self.value {
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
        let inner = |value| Decoder { value, strict };
        visitor.visit_enum(ValueVariant {
            variant: inner(variant),
            data: inner(data),
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.check_fields(fields)?;
        self.deserialize_any(visitor)
    }

    /// A number that is too large for an `f32` does not become infinite.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Float(value) if value.is_finite() && value.abs() > f64::from(f32::MAX) => {
                Err(de::Error::invalid_value(Unexpected::Float(value), &"f32"))
            }
            _ => self.deserialize_any(visitor),
        }
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
        match &self.value {
            Value::List(items) if items.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f64 char str string bytes byte_buf unit tuple
        tuple_struct map identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct ValueVariant {
    variant: Decoder,
    data: Decoder,
}

impl<'de> EnumAccess<'de> for ValueVariant {
    type Error = ValueError;
    type Variant = Decoder;

    fn variant_seed<S: de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Decoder), ValueError> {
        Ok((seed.deserialize(self.variant)?, self.data))
    }
}

impl<'de> VariantAccess<'de> for Decoder {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.value {
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
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.check_fields(fields)?;
        self.deserialize_any(visitor)
    }
}
