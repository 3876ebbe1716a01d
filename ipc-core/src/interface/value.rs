//! Values that carry their own shape, for callers without the driver's types. On the wire they are MessagePack.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

mod pack;
#[cfg(test)]
mod tests;
mod unpack;
mod visit;

pub use pack::pack;
pub use unpack::unpack;
pub(crate) use unpack::{Unpacker, unpack_argument, unpack_within};

use crate::wire::codec::CodecError;

/// Any value that can travel, in self-describing form.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `()` or `None`.
    #[default]
    Null,
    /// `Some` around a [`Null`](Self::Null) or around another such `Some`, as in the `Some(None)` of an
    /// `Option<Option<u8>>`. Any other value stands for itself, without a `Some` around it.
    Some(Box<Value>),
    /// A truth value.
    Bool(bool),
    /// A negative integer.
    Int(i64),
    /// An integer of zero or more.
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
    /// Converts any serialisable value into its self-describing form.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, CodecError> {
        unpack_within(&pack(value)?, usize::MAX)
    }

    /// Converts this value into a `T`. Unknown fields of structs are skipped, because the sender may have a newer
    /// version.
    ///
    /// # Errors
    ///
    /// The value is not a `T`; the text says what was expected and what came.
    pub fn into_typed<T: DeserializeOwned>(self) -> Result<T, CodecError> {
        unpack_within(&pack(&self)?, usize::MAX)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Some(value) => write!(f, "Some({value})"),
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
