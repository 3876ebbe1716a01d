//! Reads MessagePack token by token.

use rmp::Marker;
use serde::Deserialize;
use serde::de::{Error, IgnoredAny};

use super::Fields;
use crate::interface::value::pack::SOME;
use crate::wire::codec::{CodecError, MAX_DEPTH};

/// Reads values one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Unpacker<'de> {
    rest: &'de [u8],
    /// A nil whose bytes have been read: the number of `Some`s that are still around it.
    pub(super) pending: Option<u8>,
    /// Number of further levels that may be entered.
    pub(super) levels: u32,
    pub(super) unknown: Fields,
}

/// A value, or the beginning of a list or map.
pub(super) enum Token<'de> {
    Nil,
    /// Nil inside at least one `Some`.
    Some(u8),
    Bool(bool),
    UInt(u64),
    /// A negative integer.
    Int(i64),
    F32(f32),
    F64(f64),
    Str(&'de [u8]),
    Bin(&'de [u8]),
    /// The number of elements.
    Array(usize),
    /// The number of entries.
    Map(usize),
}

impl<'de> Unpacker<'de> {
    pub(super) fn new(bytes: &'de [u8], unknown: Fields) -> Self {
        Self {
            rest: bytes,
            pending: None,
            levels: MAX_DEPTH - 1,
            unknown,
        }
    }

    /// Creates a reader of parts, one after the other.
    pub(crate) fn of_parts(bytes: &'de [u8]) -> Self {
        Self::new(bytes, Fields::Refused)
    }

    /// Checks that all bytes have been read.
    pub(crate) fn finish(self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(CodecError::TrailingBytes { extra }),
        }
    }

    /// Enters a list and returns the number of its elements, or `None` if the next value is not a list.
    pub(crate) fn begin_list(&mut self) -> Result<Option<usize>, CodecError> {
        Ok(match self.token()? {
            Token::Array(count) => Some(count),
            _ => None,
        })
    }

    /// Enters a map and returns the number of its entries, or `None` if the next value is not a map.
    pub(crate) fn begin_map(&mut self) -> Result<Option<usize>, CodecError> {
        Ok(match self.token()? {
            Token::Map(count) => Some(count),
            _ => None,
        })
    }

    /// Reads the next value if it is text. If not, returns `None` and does not read it.
    pub(crate) fn text(&mut self) -> Result<Option<&'de str>, CodecError> {
        let Token::Str(bytes) = self.peek()? else {
            return Ok(None);
        };
        let text = str::from_utf8(bytes).ok();
        if text.is_some() {
            self.token()?;
        }
        Ok(text)
    }

    /// Skips the next value and returns its bytes.
    pub(crate) fn skip(&mut self) -> Result<&'de [u8], CodecError> {
        let before = self.rest;
        IgnoredAny::deserialize(&mut *self)?;
        Ok(before.split_at(before.len() - self.rest.len()).0)
    }

    fn take(&mut self, count: usize) -> Result<&'de [u8], CodecError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads a length of `N` bytes. It is at most the number of bytes left, since every element takes at least one.
    fn length<const N: usize>(&mut self) -> Result<usize, CodecError> {
        let bytes = self.array::<N>()?;
        let length = bytes
            .iter()
            .fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
        let length = usize::try_from(length).map_err(|_| CodecError::UnexpectedEnd)?;
        self.check_length(length)
    }

    fn check_length(&self, length: usize) -> Result<usize, CodecError> {
        match length <= self.rest.len() {
            true => Ok(length),
            false => Err(CodecError::UnexpectedEnd),
        }
    }

    pub(super) fn token(&mut self) -> Result<Token<'de>, CodecError> {
        match self.pending.take() {
            Some(0) => return Ok(Token::Nil),
            Some(count) => return Ok(Token::Some(count)),
            None => {}
        }
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::Null => Token::Nil,
            Marker::False => Token::Bool(false),
            Marker::True => Token::Bool(true),
            Marker::FixPos(value) => Token::UInt(value.into()),
            Marker::FixNeg(value) => Token::Int(value.into()),
            Marker::U8 => Token::UInt(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Token::UInt(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Token::UInt(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Token::UInt(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Token::signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Token::signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Token::signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Token::signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Token::F32(f32::from_be_bytes(self.array()?)),
            Marker::F64 => Token::F64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => Token::Str(self.take(length.into())?),
            Marker::Str8 => Token::Str(self.prefixed::<1>()?),
            Marker::Str16 => Token::Str(self.prefixed::<2>()?),
            Marker::Str32 => Token::Str(self.prefixed::<4>()?),
            Marker::Bin8 => Token::Bin(self.prefixed::<1>()?),
            Marker::Bin16 => Token::Bin(self.prefixed::<2>()?),
            Marker::Bin32 => Token::Bin(self.prefixed::<4>()?),
            Marker::FixArray(length) => Token::Array(self.check_length(length.into())?),
            Marker::Array16 => Token::Array(self.length::<2>()?),
            Marker::Array32 => Token::Array(self.length::<4>()?),
            Marker::FixMap(length) => Token::Map(self.check_length(length.into())?),
            Marker::Map16 => Token::Map(self.length::<2>()?),
            Marker::Map32 => Token::Map(self.length::<4>()?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => {
                let length = self.length::<1>()?;
                self.extension(length)?
            }
            Marker::Ext16 => {
                let length = self.length::<2>()?;
                self.extension(length)?
            }
            Marker::Ext32 => {
                let length = self.length::<4>()?;
                self.extension(length)?
            }
            Marker::Reserved => {
                return Err(CodecError::custom("no value begins with the byte c1"));
            }
        })
    }

    fn prefixed<const N: usize>(&mut self) -> Result<&'de [u8], CodecError> {
        let length = self.length::<N>()?;
        self.take(length)
    }

    fn extension(&mut self, length: usize) -> Result<Token<'de>, CodecError> {
        let kind = i8::from_be_bytes(self.array()?);
        match self.take(length)? {
            [count] if kind == SOME && *count > 0 => Ok(Token::Some(*count)),
            _ => Err(CodecError::custom(format_args!(
                "{length} bytes of the unknown extension type {kind} are not a value"
            ))),
        }
    }

    /// Returns the next value without consuming it.
    pub(super) fn peek(mut self) -> Result<Token<'de>, CodecError> {
        self.token()
    }
}

impl Token<'_> {
    fn signed(value: i64) -> Self {
        u64::try_from(value).map_or(Token::Int(value), Token::UInt)
    }
}
