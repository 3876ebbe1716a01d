//! Long lists of plain numbers, sent from where they lie.
//!
//! A value that is sent owns its lists. The long ones are taken out of it, the value is written around the gaps, and the
//! lists follow from their own memory. The bytes are the same as those of [`codec::encode`].

use std::any::Any;

use bytemuck::NoUninit;
use bytes::Bytes;
use serde::Serialize;

mod lists;

pub(crate) use lists::LongList;
pub use lists::{LongLists, Visit};

use super::block::BlockMemory;
use super::codec::{self, CodecError, for_each_plain};

/// A list that was not copied to where it stands among other bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LongBlock {
    /// Number of the other bytes before it.
    pub(crate) at: usize,
    pub(crate) bytes: Bytes,
}

/// A way to append a value to bytes and its long lists to the blocks, within a limit.
pub(crate) type Encode<T> =
    fn(T, &mut Vec<u8>, &mut Vec<LongBlock>, usize) -> Result<(), CodecError>;

/// Appends `value` to `out` like [`codec::encode`], and its long lists to `blocks`. Everything together stays within
/// `limit` bytes.
pub(crate) fn encode_lists<T: Serialize + LongLists>(
    mut value: T,
    out: &mut Vec<u8>,
    blocks: &mut Vec<LongBlock>,
    limit: usize,
) -> Result<(), CodecError> {
    let mut lent = Lent::default();
    value.visit_lists(&mut |list| lent.take(list));
    if lent.taken.is_empty() {
        return codec::encode(&value, out, limit_beside(blocks, limit));
    }
    let start = out.len();
    let left = limit_beside(blocks, limit);
    codec::encode_around(&value, out, left, Some(&mut lent))?;
    if lent.taken.iter().all(|taken| taken.place.is_some()) {
        blocks.extend(lent.into_blocks());
        return Ok(());
    }
    // Its `Serialize` has not come past some list, but perhaps past a copy of the list.
    out.truncate(start);
    value.visit_lists(&mut |list| lent.give_back(list));
    codec::encode(&value, out, left)
}

/// Appends `value` to `out` like [`encode_lists`], for types of which only serde's traits are known. A value that is a long
/// list itself is sent from where it lies.
pub(crate) fn encode_owned<T: Serialize + Any>(
    value: T,
    out: &mut Vec<u8>,
    blocks: &mut Vec<LongBlock>,
    limit: usize,
) -> Result<(), CodecError> {
    let mut value = Some(value);
    macro_rules! try_vec {
        ($number:ty) => {
            if let Some(slot) = (&mut value as &mut dyn Any).downcast_mut::<Option<Vec<$number>>>()
                && let Some(list) = slot.take()
            {
                return encode_lists(list, out, blocks, limit);
            }
        };
    }
    if cfg!(target_endian = "little") {
        for_each_plain!(try_vec);
    }
    let left = limit_beside(blocks, limit);
    value.map_or(Ok(()), |value| codec::encode(&value, out, left))
}

fn limit_beside(blocks: &[LongBlock], limit: usize) -> usize {
    limit.saturating_sub(len_of(blocks))
}

/// Number of bytes in all of `blocks`.
pub(crate) fn len_of(blocks: &[LongBlock]) -> usize {
    blocks.iter().map(|block| block.bytes.len()).sum()
}

/// The bytes around `blocks` and those in them, in one piece.
pub(crate) fn joined(bytes: &[u8], blocks: &[LongBlock]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(bytes.len() + len_of(blocks));
    let mut start = 0;
    for block in blocks {
        whole.extend_from_slice(bytes.get(start..block.at).unwrap_or_default());
        whole.extend_from_slice(&block.bytes);
        start = block.at;
    }
    whole.extend_from_slice(bytes.get(start..).unwrap_or_default());
    whole
}

/// Appends `numbers` to `out` like [`codec::encode`], for types known to be numbers.
pub(crate) fn encode_numbers<T: NoUninit + Serialize>(
    numbers: &[T],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), CodecError> {
    if cfg!(target_endian = "big") {
        return codec::encode(numbers, out, limit);
    }
    let bytes: &[u8] = bytemuck::cast_slice(numbers);
    let prefix = (numbers.len() as u64).to_le_bytes();
    let size = prefix.len().saturating_add(bytes.len());
    if out.len().saturating_add(size) > limit {
        return Err(CodecError::TooLarge { limit });
    }
    out.reserve_exact(size);
    out.extend_from_slice(&prefix);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends bytes that are part of a value, long ones to `blocks`.
pub(crate) fn append(
    bytes: &Bytes,
    out: &mut Vec<u8>,
    blocks: &mut Vec<LongBlock>,
    limit: usize,
) -> Result<(), CodecError> {
    let size = out.len().saturating_add(bytes.len());
    if size > limit_beside(blocks, limit) {
        return Err(CodecError::TooLarge { limit });
    }
    match bytes.len() >= LONG {
        true => blocks.push(LongBlock {
            at: out.len(),
            bytes: bytes.clone(),
        }),
        false => out.extend_from_slice(bytes),
    }
    Ok(())
}

/// The lists that were taken out of a value that is being written.
#[derive(Default)]
pub(crate) struct Lent {
    taken: Vec<TakenList>,
    /// Index of the list behind the one that was placed last: mostly the next one to be placed.
    next: usize,
}

struct TakenList {
    /// Where its owner stands in memory, by which the serialiser recognises it.
    address: usize,
    /// Number of elements.
    count: usize,
    memory: BlockMemory,
    /// Number of written bytes before it.
    place: Option<usize>,
}

impl Lent {
    fn take(&mut self, list: &mut dyn LongList) {
        if cfg!(target_endian = "little") && list.size() >= LONG {
            self.taken.push(TakenList {
                address: list.address(),
                count: list.count(),
                memory: list.take(),
                place: None,
            });
        }
    }

    fn give_back(&mut self, list: &mut dyn LongList) {
        let address = list.address();
        let found = self.taken.iter().position(|taken| taken.address == address);
        if let Some(taken) = found.map(|index| self.taken.swap_remove(index)) {
            list.give_back(taken.memory);
        }
    }

    /// Number of elements and size in bytes of the list whose owner stands at `address`.
    pub(super) fn find(&self, address: usize) -> Option<(usize, usize)> {
        let taken = self.taken.get(self.index_of(address)?)?;
        Some((taken.count, taken.memory.bytes().len()))
    }

    fn index_of(&self, address: usize) -> Option<usize> {
        let is_wanted = |taken: &TakenList| taken.address == address && taken.place.is_none();
        match self.taken.get(self.next) {
            Some(taken) if is_wanted(taken) => Some(self.next),
            _ => self.taken.iter().position(is_wanted),
        }
    }

    /// Notes that the list whose owner stands at `address` follows the first `place` bytes.
    pub(super) fn place(&mut self, address: usize, place: usize) {
        if let Some(index) = self.index_of(address)
            && let Some(taken) = self.taken.get_mut(index)
        {
            taken.place = Some(place);
            self.next = index + 1;
        }
    }

    /// Number of bytes in the lists that have a place.
    pub(super) fn placed_bytes(&self) -> usize {
        let placed = self.taken.iter().filter(|taken| taken.place.is_some());
        placed.map(|taken| taken.memory.bytes().len()).sum()
    }

    fn into_blocks(mut self) -> impl Iterator<Item = LongBlock> {
        self.taken.sort_by_key(|taken| taken.place);
        self.taken.into_iter().filter_map(|taken| {
            let bytes = Bytes::from_owner(taken.memory);
            taken.place.map(|at| LongBlock { at, bytes })
        })
    }
}

/// Minimum size in bytes of a list that is sent from where it lies.
const LONG: usize = 32 * 1024;

#[cfg(test)]
mod tests;
