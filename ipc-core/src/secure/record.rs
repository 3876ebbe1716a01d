//! Records: `length u16 LE ‖ ChaCha20-Poly1305(type u8 ‖ data)`, one nonce counter per direction.
//!
//! A record without its length is a Noise transport message, bit for bit. The length needs no protection of its own:
//! with another length the tag is elsewhere, and does not fit.

use bytes::BufMut;

use super::ChannelError;
use super::aead::{Aead, Cipher, TAG};
use super::keys::Keys;
use crate::wire::preamble::Role;

/// How many records one direction of a connection carries at most, its close included. Then only a new connection helps.
pub const MAX_RECORDS: u64 = 1 << 32;

/// The most data one record holds, in bytes.
pub(super) const MAX_DATA: usize = u16::MAX as usize - TAG - 1;

const LENGTH: usize = 2;
const SHORTEST: usize = 1 + TAG;

/// What a record adds to its data, in bytes.
pub(super) const OVERHEAD: usize = LENGTH + SHORTEST;

const DATA: u8 = 0;
const CLOSE: u8 = 1;

/// The two directions, as `role` uses them.
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

    /// Appends `data` to `out` in as few records as possible; no record at all for no data.
    ///
    /// # Errors
    ///
    /// `Closed` after [`close`](Self::close), `Exhausted` if there are not numbers enough; then nothing is appended.
    pub(super) fn data(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), ChannelError> {
        if self.closed {
            return Err(ChannelError::Closed);
        }
        let records = data.len().div_ceil(MAX_DATA);
        // The last number is kept for the close, so that even a worn-out channel ends properly.
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
            // Out of reach, since no record is too long; but what was not encrypted must not stay.
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
    /// The record that is arriving, its length included. Its memory is kept from record to record.
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

    /// Takes all of `input` and appends what it opens to `plaintext`.
    ///
    /// # Errors
    ///
    /// All are fatal; what was appended before is authentic.
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
        // A length alone is judged at once too, so that the cut of the input makes no difference.
        self.wanted().map(drop)
    }

    /// Whether the peer's authenticated close has come, and nothing after it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn received(&self) -> u64 {
        self.number
    }

    /// How many bytes the arriving record has: at first those of its length, then all.
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
