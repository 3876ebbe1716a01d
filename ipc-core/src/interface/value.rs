//! Values that carry their own shape, for callers without the driver's types.
//!
//! In a call by name they travel as MessagePack; the values of a [dynamic](super::dynamic) call are encoded by the schema of
//! the method.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

mod access;
mod element;
#[cfg(feature = "json")]
mod json;
mod numbers;
mod pack;
#[cfg(test)]
mod tests;
mod unpack;
mod visit;

pub use element::ElementType;
#[cfg(feature = "json")]
pub use json::{Json, JsonError};
pub use numbers::{Element, Numbers};
pub use pack::pack;
pub use unpack::unpack;
pub(crate) use unpack::{Unpacker, unpack_argument, unpack_result, unpack_within};

use crate::wire::codec::CodecError;

/// Any value that can travel, in self-describing form.
///
/// A struct is a map from the names of its fields, a variant of an enum is its name or, if it has data, a map from its name
/// to the data, and a newtype is what it holds.
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
    Int(i128),
    /// An integer of zero or more.
    UInt(u128),
    /// A floating-point number.
    Float(f64),
    /// A floating-point number of 32 bits.
    Float32(f32),
    /// Text, or one character.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array of numbers.
    Numbers(Numbers),
    /// A list, array or tuple.
    List(Vec<Value>),
    /// A map, or a struct with its fields by name.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// Converts any serialisable value into its self-describing form. Lists of numbers become lists of values; use
    /// `Value::from` to make an array of them.
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

/// All of the value. The text tells values apart: floating-point numbers have a point or an exponent, texts have quotes,
/// bytes are `0x` and hexadecimal digits.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Some(value) => write!(f, "Some({value})"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::UInt(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Float32(value) => write!(f, "{value:?}"),
            Value::String(value) => write!(f, "{value:?}"),
            Value::Bytes(value) => {
                f.write_str("0x")?;
                value.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Value::Numbers(numbers) => write!(f, "{numbers}"),
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
