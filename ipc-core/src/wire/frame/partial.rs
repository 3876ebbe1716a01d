//! Long frames, read from the network into the memory in which they stay.

mod records;

use std::fmt;

use bytes::Bytes;

use super::LENGTH;
use crate::contain::contain;
use crate::wire::block::{BlockMemory, Probe, ReadBlock, ReadBlocks};
use crate::wire::codec;
use crate::wire::redact::ByteCount;
use crate::wire::spare;
use records::Records;

/// A long frame of which a part has come, so that the rest can be read from the network into its own memory.
///
/// If the types of the values in it are known, their long lists of numbers are read into the memory of the lists that they
/// become.
#[derive(Clone)]
pub struct PartialFrame {
    /// The frame without the lists that are apart.
    bytes: Filling,
    /// The lists that are apart, each with the number of bytes before it.
    blocks: Vec<(usize, Filling)>,
    search: Search,
    /// Where the values begin in the frame, once that is known.
    values_at: usize,
    /// Encrypted records that are behind what has come, in its place.
    records: Option<Records>,
}

/// The search for long lists.
#[derive(Clone, Copy)]
enum Search {
    /// The types of the values are not known yet.
    Waits,
    Runs {
        probe: Probe,
        /// The search is over if no list has begun within this number of bytes.
        until: usize,
        /// Number of bytes that may still be decoded for it.
        effort: usize,
    },
    Over,
}

impl PartialFrame {
    /// A frame of `whole` bytes, which begins with `bytes`.
    pub(super) fn new(bytes: Vec<u8>, whole: usize) -> Self {
        Self {
            bytes: Filling {
                filled: bytes.len(),
                memory: BlockMemory::One(bytes),
                whole,
            },
            blocks: Vec::new(),
            search: Search::Waits,
            values_at: 0,
            records: None,
        }
    }

    /// A frame of `whole` bytes, which begins with `begun`, in `memory` instead of what is in it.
    pub(super) fn begin_in(memory: Vec<u8>, begun: &[u8], whole: usize) -> Self {
        let mut partial = Self::new(memory, whole);
        partial.bytes.filled = 0;
        partial.bytes.push(begun);
        partial
    }

    /// Returns where to read the next bytes of the frame to: at least one byte, unless nothing is missing. What was read is
    /// then to be [counted](Self::advance).
    pub fn room(&mut self) -> &mut [u8] {
        if self.records.is_some() {
            return self.room_for_records();
        }
        let (filling, most) = self.next();
        filling.room(most)
    }

    /// Where the next bytes of the frame belong, and how many of them at most.
    fn next(&mut self) -> (&mut Filling, usize) {
        match self.blocks.last_mut() {
            Some((_, block)) if block.missing() > 0 => (block, usize::MAX),
            _ => {
                let most = match self.search {
                    Search::Runs { until, .. } => until.saturating_sub(self.bytes.filled).max(1),
                    Search::Waits | Search::Over => usize::MAX,
                };
                (&mut self.bytes, most)
            }
        }
    }

    /// Counts `count` bytes that were read into the [room](Self::room).
    pub fn advance(&mut self, count: usize) {
        if let Some(records) = &mut self.records {
            return records.advance(count);
        }
        match self.blocks.last_mut() {
            Some((at, block)) if block.missing() > 0 => {
                block.advance(count);
                if let Search::Runs { until, .. } = &mut self.search {
                    *until = at.saturating_add(SEARCHED);
                }
            }
            _ => {
                self.bytes.advance(count);
                self.search();
            }
        }
    }

    /// Appends the beginning of `bytes`, and returns what does not belong to the frame.
    pub(crate) fn push<'b>(&mut self, mut bytes: &'b [u8]) -> &'b [u8] {
        while self.missing() > 0 && !bytes.is_empty() {
            let room = self.room();
            let count = room.len().min(bytes.len());
            let (taken, rest) = bytes.split_at(count);
            if let Some(target) = room.get_mut(..count) {
                target.copy_from_slice(taken);
            }
            bytes = rest;
            self.advance(count);
        }
        bytes
    }

    /// Number of bytes that have not come.
    pub fn missing(&self) -> usize {
        let block = self.blocks.last().map_or(0, |(_, block)| block.missing());
        self.bytes.missing() + block
    }

    /// The bytes behind the length, if the types of the values are not known yet.
    pub(crate) fn unexplained(&self) -> Option<&[u8]> {
        match self.search {
            Search::Waits => self.bytes.filled().get(LENGTH..),
            Search::Runs { .. } | Search::Over => None,
        }
    }

    /// Says where the values in the frame begin, and how to find the lists in them. Without a `probe`, there is no search.
    pub(crate) fn explain(&mut self, probe: Option<Probe>, values_at: usize) {
        self.values_at = values_at;
        self.search = match probe {
            None => Search::Over,
            Some(probe) => Search::Runs {
                probe,
                until: self.bytes.filled.saturating_add(SEARCHED),
                effort: EFFORT,
            },
        };
        self.search();
    }

    /// Looks for a long list at the end of what has come.
    fn search(&mut self) {
        let Search::Runs {
            probe,
            until,
            effort,
        } = &mut self.search
        else {
            return;
        };
        let filled = self.bytes.filled;
        let value = self
            .bytes
            .filled()
            .get(self.values_at..)
            .unwrap_or_default();
        let left = effort.checked_sub(value.len());
        let Some(left) = left.filter(|_| self.bytes.missing() >= LONG) else {
            self.search = Search::Over;
            return;
        };
        *effort = left;
        let apart = self.blocks.iter().rev().map(|(at, block)| {
            let rest = filled.saturating_sub(*at);
            (rest, block.memory.element())
        });
        let apart = apart.collect::<Vec<_>>();
        // It runs code of the user, which may take it for granted that lists are not empty.
        let Ok(found) = contain(|| codec::find_cut(probe, value, &apart)) else {
            self.search = Search::Over;
            return;
        };
        let found = found.filter(|found| {
            let missing = found.size.saturating_sub(found.begun);
            missing >= LONG && missing <= self.bytes.missing()
        });
        match found {
            Some(found) => {
                let at = filled.saturating_sub(found.begun);
                let mut block = Filling {
                    memory: BlockMemory::new(found.element),
                    filled: 0,
                    whole: found.size,
                };
                block.push(self.bytes.filled().get(at..).unwrap_or_default());
                self.bytes.filled = at;
                self.bytes.whole -= found.size;
                self.blocks.push((at, block));
            }
            None if filled >= *until => self.search = Search::Over,
            None => {}
        }
    }

    /// The complete frame, and the lists that are apart.
    pub(super) fn finish(self) -> (Bytes, ReadBlocks) {
        let Filling { memory, filled, .. } = self.bytes;
        let bytes = spare::lend(memory.into_list().unwrap_or_default(), filled);
        let blocks = self.blocks.into_iter().rev().map(|(at, block)| ReadBlock {
            rest: filled.saturating_sub(at),
            memory: block.memory,
        });
        (bytes, blocks.collect())
    }
}

impl fmt::Debug for PartialFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialFrame")
            .field("bytes", &ByteCount(self.bytes.filled))
            .field("blocks", &self.blocks.len())
            .field("missing", &ByteCount(self.missing()))
            .finish_non_exhaustive()
    }
}

/// Memory that is filled from the network, and follows the bytes that have come.
#[derive(Clone)]
struct Filling {
    /// Zeros behind what has come, or what was there before.
    memory: BlockMemory,
    /// Number of bytes that have come.
    filled: usize,
    /// Number of bytes that are to come, those that have come included.
    whole: usize,
}

impl Filling {
    fn missing(&self) -> usize {
        self.whole.saturating_sub(self.filled)
    }

    fn filled(&self) -> &[u8] {
        self.memory.bytes().get(..self.filled).unwrap_or_default()
    }

    /// Room for at most `most` of the bytes that are missing.
    fn room(&mut self, most: usize) -> &mut [u8] {
        if self.filled >= self.memory.bytes().len() {
            // The zeros are still in the processor's cache when they are overwritten.
            self.grow(self.whole.min(self.filled.saturating_add(STEP)));
        }
        let end = self.whole.min(self.memory.bytes().len());
        let end = end.min(self.filled.saturating_add(most));
        let room = self.memory.bytes_mut().get_mut(self.filled..end);
        room.unwrap_or_default()
    }

    /// The `len` bytes from `start` on.
    fn part(&mut self, start: usize, len: usize) -> Option<&mut [u8]> {
        let end = start.saturating_add(len);
        self.memory.bytes_mut().get_mut(start..end)
    }

    /// Grows the memory to `end` bytes, unless it is longer.
    fn grow(&mut self, end: usize) {
        let len = self.memory.bytes().len();
        if end > self.memory.capacity() {
            let ahead = self.filled.saturating_mul(16).clamp(AHEAD_AT_FIRST, AHEAD);
            let ahead = ahead.max(self.filled);
            let wanted = self.whole.min(self.filled.saturating_add(ahead)).max(end);
            self.memory.reserve_exact(wanted.saturating_sub(len));
        }
        if end > len {
            self.memory.resize(end);
        }
    }

    fn advance(&mut self, count: usize) {
        self.filled = self.whole.min(self.filled.saturating_add(count));
    }

    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.missing() > 0 {
            let room = self.room(bytes.len());
            let (taken, rest) = bytes.split_at(room.len().min(bytes.len()));
            room.copy_from_slice(taken);
            bytes = rest;
            self.advance(taken.len());
        }
    }
}

/// Minimum number of bytes of a list that are missing for it to be read into memory of its own.
const LONG: usize = 32 * 1024;
/// How far behind the beginning of a value, and behind a list that is apart, the next one is searched for, in bytes.
const SEARCHED: usize = 16 * 1024;
/// Maximum number of bytes that are decoded to find the lists of a frame.
const EFFORT: usize = 1024 * 1024;
/// Number of bytes that are read at once.
const STEP: usize = 256 * 1024;
/// Number of bytes for which memory is reserved as soon as a frame begins.
const AHEAD_AT_FIRST: usize = 1024 * 1024;
/// Number of bytes for which memory is reserved ahead once a sixteenth of them has come. Beyond it, the memory doubles.
const AHEAD: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests;
