//! Records: `length u16 LE ‖ ChaCha20-Poly1305(type u8 ‖ data)`, one nonce counter per direction.
//!
//! A record without its length is a Noise transport message, bit for bit. The length needs no protection of its own:
//! with another length, the tag is read from another place and does not match.

use bytes::BufMut;

use super::ChannelError;
use super::aead::{Aead, Cipher, TAG};
use super::keys::Keys;
use crate::wire::preamble::Role;

/// Maximum number of records in one direction of a connection, including the close. To send more, connect again.
pub const MAX_RECORDS: u64 = 1 << 32;

/// Maximum amount of data in one record, in bytes.
pub(super) const MAX_DATA: usize = u16::MAX as usize - TAG - 1;

const LENGTH: usize = 2;
const SHORTEST: usize = 1 + TAG;

/// Bytes that a record adds to its data.
pub(super) const OVERHEAD: usize = LENGTH + SHORTEST;

const DATA: u8 = 0;
const CLOSE: u8 = 1;

/// Creates the sending and the receiving direction of `role`.
pub(super) fn directions(role: Role, keys: &Keys) -> (Sealer, Opener) {
    let (out, r#in) = match role {
        Role::Client => (&keys.c2s, &keys.s2c),
        Role::Server => (&keys.s2c, &keys.c2s),
    };
    (Sealer::new(out), Opener::new(r#in))
}

/// The sending direction.
pub(super) struct Sealer<A = Cipher> {
    cipher: A,
    number: u64,
    closed: bool,
}

impl<A: Aead> Sealer<A> {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            cipher: A::new(key),
            number: 0,
            closed: false,
        }
    }

    /// Appends `data` to `out` in as few records as possible, and none if `data` is empty.
    ///
    /// # Errors
    ///
    /// `Closed` after [`close`](Self::close), `Exhausted` if too few record numbers are left. Nothing is appended then.
    pub(super) fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), ChannelError> {
        if self.closed {
            return Err(ChannelError::Closed);
        }
        let records = data.len().div_ceil(MAX_DATA);
        // The last number is reserved for the close, so that even an exhausted channel can be closed properly.
        if self.number.saturating_add(records as u64) >= MAX_RECORDS {
            return Err(ChannelError::Exhausted);
        }
        out.reserve(data.len() + records * OVERHEAD);
        data.chunks(MAX_DATA)
            .try_for_each(|part| self.record(DATA, part, out))
    }

    /// Appends the authenticated close, once.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.closed && self.number < MAX_RECORDS {
            self.closed = self.record(CLOSE, &[], out).is_ok();
        }
    }

    pub(super) fn sent(&self) -> u64 {
        self.number
    }

    fn record(&mut self, kind: u8, data: &[u8], out: &mut Vec<u8>) -> Result<(), ChannelError> {
        let start = out.len();
        let Ok(length) = u16::try_from(SHORTEST + data.len()) else {
            return Err(ChannelError::Exhausted);
        };
        out.extend_from_slice(&length.to_le_bytes());
        out.push(kind);
        out.extend_from_slice(data);
        let text = out.get_mut(start + LENGTH..).unwrap_or_default();
        let Some(tag) = self.cipher.seal(nonce(self.number), &[], text) else {
            // Unreachable, because no record is too long. Data that was not encrypted must not remain.
            out.truncate(start);
            return Err(ChannelError::Exhausted);
        };
        out.extend_from_slice(&tag);
        self.number += 1;
        Ok(())
    }
}

/// The receiving direction.
pub(super) struct Opener<A = Cipher> {
    cipher: A,
    number: u64,
    closed: bool,
    /// The record being received, including its length. The allocation is reused for the next record.
    record: Vec<u8>,
}

impl<A: Aead> Opener<A> {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self {
            cipher: A::new(key),
            number: 0,
            closed: false,
            record: Vec::new(),
        }
    }

    /// Takes all of `input` and appends the decrypted data to `plaintext`.
    ///
    /// # Errors
    ///
    /// Every error is fatal. The data appended before it is authentic.
    pub(super) fn read(
        &mut self,
        mut input: &[u8],
        plaintext: &mut impl BufMut,
    ) -> Result<(), ChannelError> {
        while !input.is_empty() {
            if self.closed {
                return Err(self.malformed("follows its authenticated close"));
            }
            let wanted = self.wanted()?;
            let missing = wanted.saturating_sub(self.record.len());
            let (taken, rest) = input.split_at(missing.min(input.len()));
            self.record.extend_from_slice(taken);
            input = rest;
            if self.record.len() == wanted && wanted > LENGTH {
                self.open(plaintext)?;
            }
        }
        // Check a length that has arrived alone at once, so that the cut of the input makes no difference.
        self.wanted().map(drop)
    }

    /// Returns whether the peer's authenticated close has arrived, and nothing after it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn received(&self) -> u64 {
        self.number
    }

    /// Returns the number of bytes to wait for: first those of the length, then those of the whole record.
    fn wanted(&self) -> Result<usize, ChannelError> {
        let Some(length) = self.record.first_chunk() else {
            return Ok(LENGTH);
        };
        if self.number >= MAX_RECORDS {
            return Err(ChannelError::Exhausted);
        }
        match usize::from(u16::from_le_bytes(*length)) {
            length if length < SHORTEST => Err(self.malformed("is shorter than any record")),
            length => Ok(LENGTH + length),
        }
    }

    fn open(&mut self, plaintext: &mut impl BufMut) -> Result<(), ChannelError> {
        let number = self.number;
        let corrupt = ChannelError::CorruptRecord { number };
        let Some((text, tag)) = self
            .record
            .get_mut(LENGTH..)
            .and_then(<[u8]>::split_last_chunk_mut::<TAG>)
        else {
            return Err(corrupt);
        };
        if !self.cipher.open(nonce(number), &[], text, tag) {
            return Err(corrupt);
        }
        match &*text {
            [DATA, data @ ..] => plaintext.put_slice(data),
            [CLOSE] => self.closed = true,
            [CLOSE, ..] => return Err(self.malformed("is a close that carries data")),
            _ => return Err(self.malformed("has an undefined type")),
        }
        self.number += 1;
        self.record.clear();
        Ok(())
    }

    fn malformed(&self, what: &'static str) -> ChannelError {
        ChannelError::MalformedRecord {
            number: self.number,
            what,
        }
    }
}

#[cfg(test)]
impl<A> Sealer<A> {
    pub(super) fn skip_to(&mut self, number: u64) {
        self.number = number;
    }
}

#[cfg(test)]
impl<A> Opener<A> {
    pub(super) fn skip_to(&mut self, number: u64) {
        self.number = number;
    }

    pub(super) fn capacity(&self) -> usize {
        self.record.capacity()
    }
}

/// `0⁴ ‖ LE64(number)`.
fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}
