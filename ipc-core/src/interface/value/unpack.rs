//! Decodes values from MessagePack.

use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

mod access;
mod token;

use self::access::{Elements, Variant};
use self::token::Token;
pub(crate) use self::token::Unpacker;
use crate::wire::codec::{CodecError, DECODE_MEMORY, MAX_DEPTH, Reader};
use crate::wire::guard::{Budget, GuardedSeed};

/// Decodes MessagePack that fills `bytes` exactly, within 8 times its length plus [`DECODE_MEMORY`] bytes of memory.
/// Unknown fields of structs are skipped, because the sender may have a newer version.
///
/// # Errors
///
/// The bytes are not MessagePack, or not a `T`; the text says what was expected and what came.
pub fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    unpack_within(bytes, DECODE_MEMORY)
}

/// Decodes like [`unpack`], within 8 times the length plus `memory` bytes.
pub(crate) fn unpack_within<T: DeserializeOwned>(
    bytes: &[u8],
    memory: usize,
) -> Result<T, CodecError> {
    read(bytes, &Budget::new(bytes.len(), memory), Fields::Skipped)
}

/// Decodes the result of a call by name, which travels as a list of bytes.
pub(crate) fn unpack_result<T: DeserializeOwned>(
    payload: &[u8],
    memory: usize,
) -> Result<T, CodecError> {
    let mut reader = Reader::new(payload);
    let packed = reader.bytes()?;
    reader.finish()?;
    unpack_within(packed, memory)
}

/// Decodes an argument like [`unpack`], but rejects unknown fields of structs, so that a misspelt setting is not lost.
pub(crate) fn unpack_argument<T: DeserializeOwned>(
    bytes: &[u8],
    budget: &Budget,
) -> Result<T, CodecError> {
    read(bytes, budget, Fields::Refused)
}

fn read<T: DeserializeOwned>(
    bytes: &[u8],
    budget: &Budget,
    unknown: Fields,
) -> Result<T, CodecError> {
    let mut unpacker = Unpacker::new(bytes, unknown);
    let seed = GuardedSeed::<T>::new(budget, MAX_LEVELS);
    let value = seed
        .deserialize(&mut unpacker)
        .map_err(|error| budget.failure().unwrap_or(error))?;
    unpacker.finish()?;
    Ok(value)
}

/// Maximum number of nested options, newtypes, structs and lists together. Those that take no bytes of their own need a
/// limit, too: `struct Chain(Option<Box<Chain>>)` would recurse for ever on any number.
const MAX_LEVELS: u32 = 4 * MAX_DEPTH;

/// What happens to fields that a struct does not have.
#[derive(Clone, Copy, PartialEq)]
enum Fields {
    Skipped,
    Refused,
}

impl<'de> Unpacker<'de> {
    /// Runs `read` one level deeper.
    fn descend<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        self.levels = self.levels.checked_sub(1).ok_or(CodecError::TooDeep)?;
        let value = read(self);
        self.levels += 1;
        value
    }

    fn visit_list<V: Visitor<'de>>(
        &mut self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.descend(|unpacker| {
            let mut elements = Elements::new(unpacker, count);
            let value = visitor.visit_seq(&mut elements)?;
            elements.finish(count, "elements in the list")?;
            Ok(value)
        })
    }

    /// Visits the entries of a map. `known` lists the accepted keys; `None` accepts all.
    fn visit_entries<V: Visitor<'de>>(
        &mut self,
        count: usize,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.descend(|unpacker| {
            let mut entries = Elements::new(unpacker, count);
            entries.known = known;
            let value = visitor.visit_map(&mut entries)?;
            entries.finish(count, "entries in the map")?;
            Ok(value)
        })
    }
}

impl<'de> Deserializer<'de> for &mut Unpacker<'de> {
    type Error = CodecError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Some(count) => {
                self.pending = Some(count - 1);
                visitor.visit_some(self)
            }
            Token::Bool(value) => visitor.visit_bool(value),
            Token::UInt(value) => visitor.visit_u64(value),
            Token::Int(value) => visitor.visit_i64(value),
            Token::F32(value) => visitor.visit_f32(value),
            Token::F64(value) => visitor.visit_f64(value),
            Token::Str(bytes) => match str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            Token::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Array(count) => self.visit_list(count, visitor),
            Token::Map(count) => self.visit_entries(count, None, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::Nil => {
                self.token()?;
                visitor.visit_none()
            }
            Token::Some(count) => {
                self.token()?;
                self.pending = Some(count - 1);
                visitor.visit_some(self)
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        visitor.visit_newtype_struct(self)
    }

    /// Bytes can also be read as a list of small numbers.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::Bin(bytes) => {
                self.token()?;
                visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::Map(1) => {
                self.token()?;
                self.descend(|unpacker| visitor.visit_enum(Variant::with_data(unpacker)))
            }
            Token::Map(count) => {
                let problem = format!("a map of {count} entries is not an enum variant");
                Err(CodecError::Invalid(problem))
            }
            _ => visitor.visit_enum(Variant::without_data(self)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::Map(count) if self.unknown == Fields::Refused => {
                self.token()?;
                self.visit_entries(count, Some(fields), visitor)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// Rejects a number that is too large for an `f32`, which would become infinite.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::F64(value) if value.is_finite() && value.abs() > f64::from(f32::MAX) => {
                Err(Error::invalid_value(Unexpected::Float(value), &"f32"))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    /// MessagePack has no 128-bit integers; they are written as 16 bytes, big-endian.
    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.wide()? {
            Some(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.wide()? {
            Some(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            None => self.deserialize_any(visitor),
        }
    }

    /// A struct without fields is encoded as an empty list.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        match self.peek()? {
            Token::Array(0) => {
                self.token()?;
                visitor.visit_unit()
            }
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

impl Unpacker<'_> {
    /// Reads the bytes of a 128-bit integer, if they are next.
    fn wide(&mut self) -> Result<Option<[u8; 16]>, CodecError> {
        let Token::Bin(bytes) = self.peek()? else {
            return Ok(None);
        };
        let wide = bytes.try_into().ok();
        if wide.is_some() {
            self.token()?;
        }
        Ok(wide)
    }
}
