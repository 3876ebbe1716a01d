//! serde's traits for [`Value`].

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::Value;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Some(value) => serializer.serialize_some(value),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => match i64::try_from(*value) {
                Ok(value) => serializer.serialize_i64(value),
                Err(_) => serializer.serialize_i128(*value),
            },
            Value::UInt(value) => match u64::try_from(*value) {
                Ok(value) => serializer.serialize_u64(value),
                Err(_) => serializer.serialize_u128(*value),
            },
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Float32(value) => serializer.serialize_f32(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::Numbers(numbers) => numbers.serialize(serializer),
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
        visit_i64(i64) => Value::from;
        visit_i128(i128) => Value::from;
        visit_u64(u64) => Value::from;
        visit_u128(u128) => Value::UInt;
        visit_f32(f32) => Value::Float32;
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

    /// Keeps `Some` only around null, since any other value stands for itself.
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Ok(match deserializer.deserialize_any(self)? {
            empty @ (Value::Null | Value::Some(_)) => Value::Some(Box::new(empty)),
            value => value,
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::with_capacity(room_for::<Value>(access.size_hint()));
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::with_capacity(room_for::<(Value, Value)>(access.size_hint()));
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

/// Number of elements to reserve memory for before any was read: as many as announced, up to 64 KiB.
fn room_for<T>(announced: Option<usize>) -> usize {
    announced.unwrap_or_default().min(65_536 / size_of::<T>())
}
