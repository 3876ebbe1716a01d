//! The codec: the format of the crate `bincode` 2 with fixed-width little-endian integers, under limits.
//!
//! `write` and `read` are small: the format has no names, tags or padding. The tests compare them with `bincode` itself.
//!
//! * Lists of plain numbers are read as one block wherever they stand in a value, and written as one almost everywhere (see
//!   `Output`).
//! * Values are decoded from complete frames only, never from a socket.
//! * Nesting deeper than [`MAX_DEPTH`], runs of empty elements, and values that take far more memory than bytes are
//!   refused (see `guard.rs`).
//! * Bytes left over after the last value are refused.
//! * Encoding stops at the limit of the receiver, so that each end can read everything that the other sends.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};

mod read;
#[cfg(test)]
mod tests;
mod values;
mod write;

use self::read::Input;
pub(crate) use self::values::decode_payload;
#[cfg(any(test, feature = "protocol"))]
pub(super) use self::values::find_cut;
pub use self::values::{ValueReader, probe};
use self::write::Output;
use super::bulk::Lent;
use super::guard::{Budget, GuardedSeed};
use super::redact::ByteCount;

/// Runs a macro for each type of numbers: its bytes in memory are those on the wire, on a little-endian machine.
macro_rules! for_each_number {
    ($run:ident) => {
        $run!(f64);
        $run!(f32);
        $run!(u8);
        $run!(i8);
        $run!(u16);
        $run!(i16);
        $run!(u32);
        $run!(i32);
        $run!(u64);
        $run!(i64);
        $run!(u128);
        $run!(i128);
    };
}

/// Runs a macro for each type whose lists are one block.
macro_rules! for_each_plain {
    ($run:ident) => {
        $crate::wire::codec::for_each_number!($run);
        $run!(bool);
    };
}

pub(super) use read::not_a_bool;
pub(super) use {for_each_number, for_each_plain};

/// Maximum nesting depth of a value. `Vec<Vec<f64>>` has a depth of 2.
pub const MAX_DEPTH: u32 = 64;

/// Maximum size of a value on the wire in bytes, whatever the limits of a connection: 1 GiB.
pub const MAX_VALUE: usize = 1 << 30;

/// Memory that a decoded payload may take by default, in addition to 8 times its size: 64 MiB.
pub const DECODE_MEMORY: usize = 64 << 20;

/// Minimum of that memory, so that the smallest calls are never refused: 64 KiB.
pub const MIN_DECODE_MEMORY: usize = 64 << 10;

/// Why a value could not be encoded or decoded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The encoded value is larger than the receiver accepts.
    #[error("the encoded value is larger than the {limit} bytes that the receiver accepts")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The value nests deeper than [`MAX_DEPTH`].
    #[error("the value nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The value announces more elements than its bytes can hold.
    #[error("the value announces more elements than its bytes can hold")]
    TooManyElements,
    /// The decoded value would take more memory than the receiver allows.
    #[error(
        "decoded, it would take more than the {limit} bytes of memory that `decode_memory` of this end's builder allows \
         for it"
    )]
    TooMuchMemory {
        /// The limit in bytes: `decode_memory` plus 8 times the bytes on the wire.
        limit: usize,
    },
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    UnexpectedEnd,
    /// Bytes are left over after the value.
    #[error("bytes are left over after the value: {extra}")]
    TrailingBytes {
        /// Number of bytes that were not read.
        extra: usize,
    },
    /// The bytes are not a value of the expected type, or the value cannot be serialised. The text says why.
    #[error("{0}")]
    Invalid(String),
}

crate::readable_debug!(CodecError);

/// Appends `value` to `out`. Fails with [`CodecError::TooLarge`] before `out` grows beyond `limit` bytes, and leaves
/// `out` unchanged then.
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), CodecError> {
    encode_around(value, out, limit, None)
}

/// Appends `value` to `out` like [`encode`], without the lists that were taken out of it.
pub(super) fn encode_around<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
    limit: usize,
    lent: Option<&mut Lent>,
) -> Result<(), CodecError> {
    let start = out.len();
    let written = Output::new(out, limit.min(MAX_VALUE), lent).value(value);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Decodes one value, which must fill `bytes` exactly.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::new(bytes);
    let value = reader.read()?;
    reader.finish()?;
    Ok(value)
}

fn read_value<T: DeserializeOwned>(rest: &mut &[u8], budget: &Budget) -> Result<T, CodecError> {
    let mut input = Input {
        rest,
        aside: budget.aside(),
    };
    let seed = GuardedSeed::<T>::new(budget, MAX_DEPTH);
    let value = seed
        .deserialize(&mut input)
        .map_err(|error| explained(error, budget))?;
    *rest = input.rest;
    Ok(value)
}

/// Reads several values, one after the other, from one complete message. Each may take 8 times the bytes that are left in
/// memory, plus [`DECODE_MEMORY`].
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = ByteCount(self.rest.len());
        f.debug_tuple("Reader").field(&rest).finish()
    }
}

impl<'a> Reader<'a> {
    /// Creates a reader at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the bytes that have not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the next value.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        let budget = Budget::new(self.rest.len(), DECODE_MEMORY);
        read_value(&mut self.rest, &budget)
    }

    /// Reads a `u64`, faster than [`read`](Self::read). Every call begins with four of them.
    pub(crate) fn number(&mut self) -> Result<u64, CodecError> {
        let (number, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*number))
    }

    /// Reads a text without copying it.
    #[cfg(feature = "protocol")]
    pub(crate) fn text(&mut self) -> Result<&'a str, CodecError> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map_err(|error| CodecError::Invalid(not_utf8(&error)))
    }

    /// Reads a list of bytes without copying it.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let count = self.number()?;
        self.take(usize::try_from(count).map_err(|_| CodecError::UnexpectedEnd)?)
    }

    /// Takes the next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(CodecError::UnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Checks that all bytes have been read.
    pub fn finish(self) -> Result<(), CodecError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(CodecError::TrailingBytes { extra }),
        }
    }
}

impl CodecError {
    /// Converts this to the error of a typed call. Both ends have the same type then, so bytes that cannot be read mean
    /// that the type does not read what it writes.
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

/// Remedy for a type that the codec cannot encode.
const OTHERWISE: &str = "it travels in calls by name only, or as text";

/// Remedy for a type that does not read what it writes.
const UNLIKE: &str = "; a type that does not write what it reads, such as one with `skip_serializing_if`, travels in \
    calls by name only, or as text";

/// Why a list without a known number of elements cannot be written.
const NO_COUNT: &str = "its type does not announce its number of elements, as with an iterator or `#[serde(flatten)]`; it \
    travels in calls by name only, or as text";

/// Why a type that asks what comes next cannot be read.
const NOT_SELF_DESCRIBING: &str = "its type can only be read from a self-describing format";

fn not_utf8(error: &std::str::Utf8Error) -> String {
    format!(
        "expected text in UTF-8, but found other bytes after the first {}{UNLIKE}",
        error.valid_up_to()
    )
}

/// Says more about an error than what passed through serde.
#[cold]
fn explained(error: CodecError, budget: &Budget) -> CodecError {
    match (budget.failure(), error) {
        (Some(failure), _) => failure,
        (None, CodecError::Invalid(text)) => {
            CodecError::Invalid(match budget.unknown_variant_of() {
                Some(name) => format!("no variant of `{name}`: {text}"),
                None => text,
            })
        }
        (None, error) => error,
    }
}
