//! The one codec: bincode 2 with fixed-width little-endian integers, fenced.
//!
//! This is the only file that names `bincode`. The fence around it:
//!
//! * values are decoded from complete frames only, never from a socket;
//! * nesting deeper than [`MAX_DEPTH`], runs of empty elements, and values that take far more memory than bytes are
//!   refused (see `guard.rs`);
//! * bytes left over after the last value are refused;
//! * encoding stops at the limit of the receiver, so that whatever one end sends, the other can read.

use std::fmt;

use bincode::config::{self, Config};
use bincode::enc::write::Writer;
#[cfg(test)]
use bincode::error::IntegerType;
use bincode::error::{AllowedEnumVariants, DecodeError, EncodeError};
use bincode::serde::{DecodeError as SerdeDecodeError, EncodeError as SerdeEncodeError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

use super::guard::{Budget, GuardedSeed};
use super::length::Length;

/// How deep a value may nest: `Vec<Vec<f64>>` is 2 deep.
pub const MAX_DEPTH: u32 = 64;

/// No value ever takes more bytes on the wire than this, whatever the limits of a connection say: 1 GiB.
pub const MAX_VALUE: usize = 1 << 30;

/// Memory that a decoded payload may take, beyond 8 times its bytes, unless the reader says otherwise: 64 MiB.
pub const DECODE_MEMORY: usize = 64 << 20;

/// No reader allows less, or the smallest calls would be refused: 64 KiB.
pub const MIN_DECODE_MEMORY: usize = 64 << 10;

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
    /// The decoded value would take more memory than the end that reads it allows.
    #[error(
        "decoded, it would take more than the {limit} bytes of memory that `decode_memory` of this end's builder allows \
         for it"
    )]
    TooMuchMemory {
        /// The limit in bytes: `decode_memory`, and 8 times the bytes on the wire.
        limit: usize,
    },
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
        match full {
            true => CodecError::TooLarge { limit },
            false => CodecError::Invalid(unwritable(&error)),
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
///
/// Together they may take 8 times their bytes in memory, and [`DECODE_MEMORY`] or what [`within`](Self::within) says.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    memory_left: usize,
    memory_limit: usize,
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
        Self::within(bytes, DECODE_MEMORY)
    }

    /// Starts at the first of `bytes`, the values of which may take `memory` bytes beyond 8 times their number.
    pub fn within(bytes: &'a [u8], memory: usize) -> Self {
        let memory = Budget::memory_for(bytes.len(), memory);
        Self {
            rest: bytes,
            memory_left: memory,
            memory_limit: memory,
        }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        let budget = Budget::with_left(self.rest.len(), self.memory_left, self.memory_limit);
        let seed = GuardedSeed::<T>::new(&budget, MAX_DEPTH);
        let decoded = bincode::serde::seed_decode_from_slice(seed, self.rest, configuration());
        let (value, read) = decoded.map_err(|error| match (budget.failure(), error) {
            (Some(failure), _) => failure,
            (None, DecodeError::UnexpectedEnd { .. }) => CodecError::UnexpectedEnd,
            (None, error) => CodecError::Invalid(unreadable(&error, &budget)),
        })?;
        self.memory_left = budget.memory_left();
        self.rest = self.rest.get(read..).unwrap_or_default();
        Ok(value)
    }

    /// The next value, a `u64`, in fewer steps than by [`read`](Self::read): every call begins with four of them.
    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        let (number, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*number))
    }

    /// The next value, a text, in fewer steps than by [`read`](Self::read).
    pub(crate) fn text(&mut self) -> Result<String, CodecError> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map(ToString::to_string)
            .map_err(|error| CodecError::Invalid(not_utf8(&error)))
    }

    /// The next value, a list of bytes, as it lies in the payload.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let count = self.number()?;
        self.take(usize::try_from(count).map_err(|_| CodecError::UnexpectedEnd)?)
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

impl CodecError {
    /// The error of a typed call. Both ends have the same type there, so bytes that do not fit it mean that it does not
    /// read what it writes.
    pub(crate) fn of_typed(self) -> Self {
        match self {
            Self::UnexpectedEnd | Self::TrailingBytes { .. } => {
                Self::Invalid(format!("{self}{UNLIKE}"))
            }
            error => error,
        }
    }
}

impl serde::ser::Error for CodecError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }
}

impl serde::de::Error for CodecError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Invalid(message.to_string())
    }
}

/// What helps with a type that the codec cannot carry.
const OTHERWISE: &str = "it travels in calls by name only, or as text";

/// What helps with a type that the codec carries wrongly.
const UNLIKE: &str = "; a type that does not write what it reads, such as one with `skip_serializing_if`, travels in \
    calls by name only, or as text";

/// Why a value cannot be written.
fn unwritable(error: &EncodeError) -> String {
    match error {
        EncodeError::OtherString(text) => text.clone(),
        EncodeError::Other(text) => (*text).into(),
        EncodeError::Serde(SerdeEncodeError::SequenceMustHaveLength) => format!(
            "its type does not say beforehand how many elements it has, as with an iterator or \
             `#[serde(flatten)]`; {OTHERWISE}"
        ),
        EncodeError::InvalidPathCharacters => "its path is no UTF-8".into(),
        EncodeError::InvalidSystemTime { .. } => "its time lies before 1970".into(),
        EncodeError::LockFailed { .. } => "it is behind a lock whose holder has panicked".into(),
        EncodeError::RefCellAlreadyBorrowed { .. } => {
            "it is in a `RefCell` that is being changed".into()
        }
        // Of writers of other kinds. New kinds of errors must not bring their names to users.
        _ => "its type cannot be written".into(),
    }
}

fn not_utf8(error: &std::str::Utf8Error) -> String {
    format!(
        "expected text in UTF-8, but found other bytes after the first {}{UNLIKE}",
        error.valid_up_to()
    )
}

/// Why bytes are not the value that is expected.
fn unreadable(error: &DecodeError, budget: &Budget) -> String {
    match error {
        DecodeError::OtherString(text) => match budget.unknown_variant_of() {
            Some(name) => format!("no variant of `{name}`: {text}"),
            None => text.clone(),
        },
        DecodeError::Other(text) => (*text).into(),
        DecodeError::Serde(
            SerdeDecodeError::AnyNotSupported
            | SerdeDecodeError::IdentifierNotSupported
            | SerdeDecodeError::IgnoredAnyNotSupported,
        ) => format!(
            "its type finds out from the bytes what they are, and these bytes do not say; {OTHERWISE}"
        ),
        DecodeError::Serde(_) => {
            "its type borrows from the bytes, which are gone after the call; use an owned one"
                .into()
        }
        DecodeError::InvalidBooleanValue(found) => {
            format!("expected a bool, the byte 0 or 1, but found {found}{UNLIKE}")
        }
        DecodeError::InvalidCharEncoding(_) => {
            format!("expected a character in UTF-8, but found other bytes{UNLIKE}")
        }
        DecodeError::Utf8 { inner } => not_utf8(inner),
        DecodeError::UnexpectedVariant {
            type_name,
            allowed: AllowedEnumVariants::Range { min, max },
            found,
        } => {
            format!(
                "expected `{type_name}`, which begins with {min} to {max}, but found {found}{UNLIKE}"
            )
        }
        DecodeError::UnexpectedVariant {
            type_name, found, ..
        } => {
            format!("expected `{type_name}`, but found {found}, which begins none")
        }
        DecodeError::NonZeroTypeIsZero { .. } => {
            "expected a number other than 0, but found 0".into()
        }
        DecodeError::ArrayLengthMismatch { required, found } => {
            format!("expected an array of {required} elements, but found {found}")
        }
        DecodeError::OutsideUsizeRange(found) => {
            format!("expected a size that this computer can have, but found {found}")
        }
        DecodeError::EmptyEnum { type_name } => {
            format!("expected `{type_name}`, of which there are no values")
        }
        DecodeError::InvalidDuration { secs, nanos } => format!(
            "expected a duration, but found {secs} s and {nanos} ns, which is too long for one"
        ),
        DecodeError::InvalidSystemTime { duration } => {
            format!("expected a time, but found {duration:?} after 1970, which is too late for one")
        }
        DecodeError::CStringNulError { position } => {
            format!("expected a text without the byte 0, but found it at {position}")
        }
        DecodeError::LimitExceeded => format!("it takes more than {MAX_VALUE} bytes"),
        // Of readers and integers of other kinds. New kinds of errors must not bring their names to users.
        _ => "expected another value than these bytes are".into(),
    }
}

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
