//! Records: `length u16 LE ‖ cipher(type u8 ‖ data)`, one nonce counter per direction.
//!
//! A record without its length is a Noise transport message, bit for bit, if the cipher is ChaCha20-Poly1305. The length
//! needs no protection of its own: with another length, the tag is read from another place and does not match.

use std::mem;

use super::ChannelError;
use super::aead::{Aead, Key, TAG};
use super::keys::Keys;
use crate::wire::preamble::{Cipher, Role};

/// Maximum number of records in one direction of a connection, including the close. To send more, connect again.
pub const MAX_RECORDS: u64 = 1 << 32;

/// Maximum number of cipher blocks of 16 bytes in one direction of a connection, 512 GiB in all. `SECURITY.md` says why.
pub const MAX_BLOCKS: u64 = 1 << 35;

/// Size in bytes of a record that this end has filled. The peer's may have one byte more.
///
/// It is a multiple of the page size, so that a sequence of records keeps its place relative to the pages of the socket: some
/// processors copy ten times as slowly between addresses that differ by a few bytes, apart from their pages.
pub(super) const FULL: usize = 64 * 1024;

/// Amount of data in such a record, in bytes.
pub(super) const FULL_DATA: usize = FULL - OVERHEAD;

const LENGTH: usize = 2;
const SHORTEST: usize = 1 + TAG;

/// Bytes that a record adds to its data.
pub(super) const OVERHEAD: usize = LENGTH + SHORTEST;

const DATA: u8 = 0;
const CLOSE: u8 = 1;

/// Creates the sending and the receiving direction of `role`. Returns `None` if this end does not have the cipher.
pub(super) fn directions(role: Role, cipher: Cipher, keys: &Keys) -> Option<(Sealer, Opener)> {
    let (out, r#in) = match role {
        Role::Client => (&keys.c2s, &keys.s2c),
        Role::Server => (&keys.s2c, &keys.c2s),
    };
    let key = |bytes| Key::new(cipher, bytes);
    Some((Sealer::new(key(out)?), Opener::new(key(r#in)?)))
}

/// What a key has protected so far.
#[derive(Clone, Copy, Default)]
struct Usage {
    records: u64,
    blocks: u64,
}

impl Usage {
    /// Counts a record of `sealed` bytes, tag included.
    fn add(&mut self, sealed: usize) {
        self.records += 1;
        self.blocks += sealed.div_ceil(BLOCK) as u64;
    }

    /// Returns whether the key may protect `records` more records with `sealed` bytes in all.
    fn has_room(self, records: usize, sealed: usize) -> bool {
        // Each record rounds its blocks up.
        let blocks = sealed.saturating_add(records.saturating_mul(BLOCK - 1)) / BLOCK;
        let blocks = blocks as u64;
        self.records.saturating_add(records as u64) <= MAX_RECORDS
            && self.blocks.saturating_add(blocks) <= MAX_BLOCKS
    }

    fn is_past_half(self) -> bool {
        self.records > MAX_RECORDS / 2 || self.blocks > MAX_BLOCKS / 2
    }
}

/// Size of a block of either cipher's authenticator, and of AES, in bytes.
const BLOCK: usize = 16;

/// The sending direction.
pub(super) struct Sealer<A = Key> {
    key: A,
    used: Usage,
    closed: bool,
}

impl<A: Aead> Sealer<A> {
    pub(super) fn new(key: A) -> Self {
        Self {
            key,
            used: Usage::default(),
            closed: false,
        }
    }

    /// Appends the data of all `parts`, `len` bytes together, to `out`, in full records and one for the rest. Appends none
    /// if there is no data.
    ///
    /// # Errors
    ///
    /// `Closed` after [`close`](Self::close), `Exhausted` if the key may not protect that much. Nothing is appended then.
    pub(super) fn data<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a [u8]>,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ChannelError> {
        if self.closed {
            return Err(ChannelError::Closed);
        }
        let records = len.div_ceil(FULL_DATA);
        let sealed = len.saturating_add(records * OVERHEAD);
        // Room for one more record is left, so that even an exhausted channel can be closed properly.
        if !self.used.has_room(records + 1, sealed + SHORTEST) {
            return Err(ChannelError::Exhausted);
        }
        out.reserve(sealed);
        let mut start = out.len();
        for mut part in parts {
            while !part.is_empty() {
                if out.len() == start {
                    out.extend_from_slice(&[0, 0, DATA]);
                }
                let room = (FULL - TAG).saturating_sub(out.len() - start);
                let (now, later) = part.split_at(room.min(part.len()));
                out.extend_from_slice(now);
                part = later;
                if now.len() == room {
                    self.seal(start, out)?;
                    start = out.len();
                }
            }
        }
        match out.len() == start {
            true => Ok(()),
            false => self.seal(start, out),
        }
    }

    /// Appends the authenticated close, once.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        if !self.closed && self.used.has_room(1, SHORTEST) {
            let start = out.len();
            out.extend_from_slice(&[0, 0, CLOSE]);
            self.closed = self.seal(start, out).is_ok();
        }
    }

    pub(super) fn is_past_half(&self) -> bool {
        self.used.is_past_half()
    }

    /// Seals what `out` holds from `start` on: room for the length, the type, and the data.
    fn seal(&mut self, start: usize, out: &mut Vec<u8>) -> Result<(), ChannelError> {
        let nonce = nonce(self.used.records);
        let sealed = (out.len() + TAG).saturating_sub(start + LENGTH);
        let tag = match (out.get_mut(start..), u16::try_from(sealed)) {
            (Some([low, high, text @ ..]), Ok(length)) => {
                [*low, *high] = length.to_le_bytes();
                self.key.seal(nonce, &[], text)
            }
            _ => None,
        };
        let Some(tag) = tag else {
            // Unreachable, because no record is too long. Data that was not encrypted must not remain.
            out.truncate(start);
            return Err(ChannelError::Exhausted);
        };
        out.extend_from_slice(&tag);
        self.used.add(sealed);
        Ok(())
    }
}

/// The receiving direction.
pub(super) struct Opener<A = Key> {
    key: A,
    used: Usage,
    closed: bool,
    /// The beginning of a record, including its length, if the last input ended inside it. The allocation is reused.
    held: Vec<u8>,
}

impl<A: Aead> Opener<A> {
    pub(super) fn new(key: A) -> Self {
        Self {
            key,
            used: Usage::default(),
            closed: false,
            held: Vec::new(),
        }
    }

    /// Takes all of `input` and passes the decrypted data to `deliver`, one record at a time. Records that `input` holds
    /// whole are decrypted where they lie, so its content is unspecified afterwards.
    ///
    /// # Errors
    ///
    /// Every error is fatal. The data delivered before it is authentic.
    pub(super) fn read(
        &mut self,
        mut input: &mut [u8],
        mut deliver: impl FnMut(&[u8]),
    ) -> Result<(), ChannelError> {
        while !input.is_empty() {
            if self.closed {
                return Err(self.malformed("follows its authenticated close"));
            }
            let whole = match self.held.is_empty() {
                true => self.length_of(input)?,
                false => None,
            };
            let wanted = match whole {
                Some(whole) if whole <= input.len() => whole,
                _ => self.length_of(&self.held)?.unwrap_or(LENGTH) - self.held.len(),
            };
            let count = wanted.min(input.len());
            let (taken, rest) = mem::take(&mut input).split_at_mut(count);
            input = rest;
            if whole == Some(taken.len()) {
                deliver(self.open(behind_length(taken), 0)?);
                continue;
            }
            self.held.extend_from_slice(taken);
            if self.length_of(&self.held)? == Some(self.held.len()) {
                let mut record = mem::take(&mut self.held);
                deliver(self.open(behind_length(&mut record), 0)?);
                record.clear();
                self.held = record;
            }
        }
        Ok(())
    }

    /// Returns the beginning of a record, if the last input ended inside it. Whoever takes it out reads the rest, too.
    pub(super) fn held_mut(&mut self) -> &mut Vec<u8> {
        &mut self.held
    }

    /// Opens the records that `memory` holds whole behind its first byte, when nothing is held. Moves their data to behind
    /// the first byte, and the beginning of a record that is cut off to behind the data. Returns the lengths of both.
    ///
    /// # Errors
    ///
    /// Every error is fatal. The content of `memory` is then unspecified.
    pub(super) fn read_within(
        &mut self,
        memory: &mut [u8],
    ) -> Result<(usize, usize), ChannelError> {
        let (mut end, mut next) = (1, 1);
        let mut begun = 0;
        while let Some(rest @ [_, ..]) = memory.get(next..) {
            if self.closed {
                return Err(self.malformed("follows its authenticated close"));
            }
            let whole = self.length_of(rest)?;
            let Some(whole) = whole.filter(|whole| *whole <= rest.len()) else {
                begun = rest.len();
                break;
            };
            // The type of the record takes the place of the byte before its data.
            let before = end - 1;
            let place = memory.get_mut(before..next + whole).unwrap_or_default();
            let kept = place.first().copied();
            end += self.open(place, next + LENGTH - before)?.len();
            if let (Some(first), Some(kept)) = (place.first_mut(), kept) {
                *first = kept;
            }
            next += whole;
        }
        if begun > 0 && next > end {
            memory.copy_within(next.., end);
        }
        Ok((end - 1, begun))
    }

    /// Returns whether the peer's authenticated close has arrived, and nothing after it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_past_half(&self) -> bool {
        self.used.is_past_half()
    }

    /// Returns the number of bytes of the record that begins with `bytes`, or `None` if its length has not come yet.
    fn length_of(&self, bytes: &[u8]) -> Result<Option<usize>, ChannelError> {
        let Some(length) = bytes.first_chunk() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_le_bytes(*length));
        if length < SHORTEST {
            return Err(self.malformed("is shorter than any record"));
        }
        match self.used.has_room(1, length) {
            true => Ok(Some(LENGTH + length)),
            false => Err(ChannelError::Exhausted),
        }
    }

    /// Opens the record of which `memory` holds all that follows the length, from `start` on. Returns its data, which then
    /// begins at the second byte of `memory`.
    fn open<'m>(&mut self, memory: &'m mut [u8], start: usize) -> Result<&'m [u8], ChannelError> {
        let number = self.used.records;
        let corrupt = ChannelError::CorruptRecord { number };
        let length = memory.len().saturating_sub(start);
        let Some((text, tag)) = memory.split_last_chunk_mut::<TAG>() else {
            return Err(corrupt);
        };
        if !self.key.open(nonce(number), &[], text, start, tag) {
            return Err(corrupt);
        }
        let data = match text.get(..length.saturating_sub(TAG)) {
            Some([DATA, data @ ..]) => data,
            Some([CLOSE]) => {
                self.closed = true;
                &[]
            }
            Some([CLOSE, ..]) => return Err(self.malformed("is a close that carries data")),
            _ => return Err(self.malformed("has an undefined type")),
        };
        self.used.add(length);
        Ok(data)
    }

    fn malformed(&self, what: &'static str) -> ChannelError {
        ChannelError::MalformedRecord {
            number: self.used.records,
            what,
        }
    }
}

#[cfg(test)]
impl<A> Sealer<A> {
    pub(super) fn skip_to(&mut self, records: u64, blocks: u64) {
        self.used = Usage { records, blocks };
    }

    pub(super) fn sent(&self) -> u64 {
        self.used.records
    }
}

#[cfg(test)]
impl<A> Opener<A> {
    pub(super) fn skip_to(&mut self, records: u64, blocks: u64) {
        self.used = Usage { records, blocks };
    }

    pub(super) fn capacity(&self) -> usize {
        self.held.capacity()
    }
}

fn behind_length(record: &mut [u8]) -> &mut [u8] {
    record.get_mut(LENGTH..).unwrap_or_default()
}

/// `0⁴ ‖ LE64(number)`.
fn nonce(number: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}
