//! The one codec: bincode 2 with fixed-width little-endian integers, fenced.
//!
//! This is the only file that names `bincode`. The fence around it:
//!
//! * values are decoded from complete frames only, never from a socket;
//! * nesting deeper than [`MAX_DEPTH`] and runs of empty elements are refused (see `guard.rs`);
//! * bytes left over after the last value are refused;
//! * encoding stops at the limit of the receiver, so that whatever one end sends, the other can read.

use std::fmt;

use bincode::config::{self, Config};
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::guard::{Budget, GuardedSeed};
use super::length::Length;

/// How deep a value may nest: `Vec<Vec<f64>>` is 2 deep.
pub const MAX_DEPTH: u32 = 64;

/// No value is ever larger than this, whatever the limits of a connection say: 1 GiB.
pub const MAX_VALUE: usize = 1 << 30;

/// Why bytes could not be turned into a value, or a value into bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The encoded value is larger than the receiver accepts.
    #[error("the encoded value is larger than the {limit} bytes that the other end accepts")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The value nests deeper than [`MAX_DEPTH`].
    #[error("the value nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The value claims more elements than its bytes can hold.
    #[error("the value claims more elements than its bytes can hold")]
    TooManyElements,
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    UnexpectedEnd,
    /// There are bytes left after the value.
    #[error("there are bytes left over after the value: {extra}")]
    TrailingBytes {
        /// How many bytes were not read.
        extra: usize,
    },
    /// The bytes are not a value of the expected type, or the value cannot be serialised.
    #[error("{0}")]
    Invalid(String),
}

/// Appends `value` to `out`. Fails with [`CodecError::TooLarge`] before `out` grows beyond `limit` bytes; `out` is then
/// as long as it was.
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), CodecError> {
    let start = out.len();
    let limit = limit.min(MAX_VALUE);
    let mut writer = BoundedWriter {
        out,
        limit,
        full: false,
    };
    let result = bincode::serde::encode_into_writer(value, &mut writer, configuration());
    let full = writer.full;
    result.map_err(|error| {
        out.truncate(start);
        match error {
            _ if full => CodecError::TooLarge { limit },
            EncodeError::OtherString(text) => CodecError::Invalid(text),
            EncodeError::Other(text) => CodecError::Invalid(text.into()),
            other => CodecError::Invalid(other.to_string()),
        }
    })
}

/// Decodes one value that fills `bytes` exactly.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::new(bytes);
    let value = reader.read()?;
    reader.finish()?;
    Ok(value)
}

/// Reads several values, one after the other, from one complete payload.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = Length(self.rest.len());
        f.debug_tuple("Reader").field(&rest).finish()
    }
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        let budget = Budget::for_payload(self.rest.len());
        let seed = GuardedSeed::<T>::new(&budget, MAX_DEPTH);
        let decoded = bincode::serde::seed_decode_from_slice(seed, self.rest, configuration());
        let (value, read) = decoded.map_err(|error| match error {
            _ if budget.was_too_deep() => CodecError::TooDeep,
            _ if budget.was_overdrawn() => CodecError::TooManyElements,
            DecodeError::UnexpectedEnd { .. } => CodecError::UnexpectedEnd,
            DecodeError::OtherString(text) => CodecError::Invalid(text),
            DecodeError::Serde(bincode::serde::DecodeError::AnyNotSupported) => {
                CodecError::Invalid(ANY.into())
            }
            other => CodecError::Invalid(other.to_string()),
        })?;
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(value)
    }

    /// The next `count` bytes as they are.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Refuses bytes that nothing has read.
    pub fn finish(self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(CodecError::TrailingBytes { extra }),
        }
    }
}

/// What there is to say of types such as `serde_json::Value`.
const ANY: &str = "its type finds out from the bytes what they are, and these bytes do not say; \
    it travels in calls by name only, or as text";

fn configuration() -> impl Config {
    config::standard()
        .with_fixed_int_encoding()
        .with_little_endian()
        .with_limit::<MAX_VALUE>()
}

struct BoundedWriter<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    full: bool,
}

impl Writer for BoundedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.len() > self.limit.saturating_sub(self.out.len()) {
            self.full = true;
            return Err(EncodeError::UnexpectedEnd);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;

    use super::*;

    fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
        let mut out = Vec::new();
        encode(value, &mut out, MAX_VALUE).unwrap();
        out
    }

    #[test]
    fn integers_are_fixed_width_little_endian() {
        assert_eq!(encoded(&0x0102_0304_u32), [4, 3, 2, 1]);
        assert_eq!(encoded(&vec![1.0_f64])[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encoded(&vec![1.0_f64])[8..], 1.0_f64.to_le_bytes());
    }

    #[test]
    fn trailing_and_missing_bytes_are_refused() {
        assert_eq!(
            decode::<u16>(&[1, 0, 9]),
            Err(CodecError::TrailingBytes { extra: 1 })
        );
        assert_eq!(decode::<u16>(&[1]), Err(CodecError::UnexpectedEnd));
    }

    #[test]
    fn encoding_stops_at_the_limit_and_leaves_no_trace() {
        let mut out = vec![7; 10];
        let error = encode(&[0_u8; 1000].as_slice(), &mut out, 100).unwrap_err();
        assert_eq!(error, CodecError::TooLarge { limit: 100 });
        assert_eq!(out, [7; 10]);
    }

    #[test]
    fn length_bombs_allocate_nothing_and_end_at_once() {
        let bomb = (1_u64 << 62).to_le_bytes();
        assert!(decode::<Vec<u8>>(&bomb).is_err());
        assert!(decode::<Vec<u64>>(&bomb).is_err());
        assert!(decode::<String>(&bomb).is_err());
        assert!(decode::<HashMap<u64, u64>>(&bomb).is_err());
        assert_eq!(decode::<Vec<()>>(&bomb), Err(CodecError::TooManyElements));
        assert_eq!(decode::<Vec<()>>(&8_u64.to_le_bytes()), Ok(vec![(); 8]));
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Nested(Option<Box<Nested>>);

    fn nested(depth: usize) -> Nested {
        (0..depth).fold(Nested::default(), |inner, _| Nested(Some(Box::new(inner))))
    }

    #[test]
    fn nesting_is_bounded_and_never_overflows_the_stack() {
        let shallow = nested(20);
        assert_eq!(decode::<Nested>(&encoded(&shallow)), Ok(shallow));
        assert_eq!(
            decode::<Nested>(&vec![1; 1_000_000]),
            Err(CodecError::TooDeep)
        );
    }

    #[test]
    fn every_kind_of_serde_value_comes_back() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        enum Shape {
            Unit,
            New(u8),
            Tuple(i16, String),
            Struct {
                a: Option<f32>,
                b: Vec<(char, bool)>,
            },
        }
        let values = vec![
            Shape::Unit,
            Shape::New(3),
            Shape::Tuple(-4, "five".into()),
            Shape::Struct {
                a: Some(6.5),
                b: vec![('7', true)],
            },
        ];
        assert_eq!(decode::<Vec<Shape>>(&encoded(&values)), Ok(values));
        let map = HashMap::from([("x".to_string(), i128::MIN), ("y".to_string(), i128::MAX)]);
        assert_eq!(decode::<HashMap<String, i128>>(&encoded(&map)), Ok(map));
    }
}
