//! Long lists of plain numbers, sent from where they lie.
//!
//! A value that is sent owns its lists. The long ones are taken out of it, the value is written around the gaps, and the
//! lists follow from their own memory. The bytes are the same as those of [`codec::encode`].

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};

use bytemuck::NoUninit;
use bytes::Bytes;
use serde::Serialize;

use super::block::BlockMemory;
use super::codec::{self, CodecError, for_each_plain};

/// A list that was not copied to where it stands among other bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LongBlock {
    /// Number of the other bytes before it.
    pub(crate) at: usize,
    pub(crate) bytes: Bytes,
}

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

/// The lists that were taken out of a value that is being written.
#[derive(Default)]
pub(crate) struct Lent {
    taken: Vec<TakenList>,
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
        let is_wanted = |taken: &&TakenList| taken.address == address && taken.place.is_none();
        let taken = self.taken.iter().find(is_wanted)?;
        Some((taken.count, taken.memory.bytes().len()))
    }

    /// Notes that the list whose owner stands at `address` follows the first `place` bytes.
    pub(super) fn place(&mut self, address: usize, place: usize) {
        let mut taken = self.taken.iter_mut();
        if let Some(taken) = taken.find(|taken| taken.address == address) {
            taken.place = Some(place);
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

/// A value whose long lists of plain numbers can be taken out of it.
///
/// Implemented for numbers, texts and containers of the standard library, and by `#[remote]` for structs and enums.
pub trait LongLists: Sized {
    /// Calls `visit` for each list of plain numbers in the value.
    fn visit_lists(&mut self, _visit: &mut Visit<'_>) {}

    /// Calls `visit` for each list of plain numbers in a list of such values.
    #[doc(hidden)]
    fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
        for element in list {
            element.visit_lists(visit);
        }
    }
}

/// What is called for each list.
pub type Visit<'v> = dyn FnMut(&mut dyn LongList) + 'v;

/// A list of plain numbers, or a text.
#[doc(hidden)]
pub trait LongList {
    /// Where the owner of the list stands in memory.
    fn address(&self) -> usize;
    /// Number of elements.
    fn count(&self) -> usize;
    /// Size of the elements in bytes.
    fn size(&self) -> usize;
    /// Takes the list, and leaves an empty one.
    fn take(&mut self) -> BlockMemory;
    /// Takes back what [`take`](Self::take) returned.
    fn give_back(&mut self, memory: BlockMemory);
}

macro_rules! long_list {
    ($list:ty, |$memory:ident| $give_back:expr) => {
        impl LongList for $list {
            fn address(&self) -> usize {
                std::ptr::from_ref(self).addr()
            }

            fn count(&self) -> usize {
                self.len()
            }

            fn size(&self) -> usize {
                size_of_val(&self[..])
            }

            fn take(&mut self) -> BlockMemory {
                std::mem::take(self).into()
            }

            fn give_back(&mut self, $memory: BlockMemory) {
                *self = $give_back;
            }
        }
    };
}

macro_rules! plain {
    ($number:ident) => {
        impl LongLists for $number {
            fn visit_lists_of(list: &mut Vec<Self>, visit: &mut Visit<'_>) {
                visit(list);
            }
        }

        impl From<Vec<$number>> for BlockMemory {
            fn from(list: Vec<$number>) -> Self {
                Self::of_list(list)
            }
        }

        plain_list!($number);
    };
}

macro_rules! plain_list {
    (bool) => {
        long_list!(Vec<bool>, |memory| {
            let bytes = memory.into_list::<u8>().unwrap_or_default();
            bytes.into_iter().map(|byte| byte != 0).collect()
        });
    };
    ($number:ty) => {
        long_list!(Vec<$number>, |memory| memory
            .into_list()
            .unwrap_or_default());
    };
}

for_each_plain!(plain);
long_list!(String, |memory| {
    let bytes = memory.into_list().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
});

impl From<String> for BlockMemory {
    fn from(text: String) -> Self {
        Self::One(text.into_bytes())
    }
}

impl LongLists for String {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        visit(self);
    }
}

macro_rules! without_lists {
    ($($plain:ty)*) => {
        $(impl LongLists for $plain {})*
    };
}

without_lists!(() char usize isize);

macro_rules! containers {
    ($([$($param:ident)*] $container:ty: |$value:ident, $visit:ident| $visits:expr;)*) => {
        $(impl<$($param: LongLists),*> LongLists for $container {
            fn visit_lists(&mut self, $visit: &mut Visit<'_>) {
                let $value = self;
                $visits
            }
        })*
    };
}

containers! {
    [T] Vec<T>: |list, visit| T::visit_lists_of(list, visit);
    [T] Option<T>: |value, visit| value.iter_mut().for_each(|it| it.visit_lists(visit));
    [T] Box<T>: |value, visit| T::visit_lists(value, visit);
    [T E] Result<T, E>: |value, visit| match value {
        Ok(value) => value.visit_lists(visit),
        Err(error) => error.visit_lists(visit),
    };
}

impl<T: LongLists, const N: usize> LongLists for [T; N] {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        self.iter_mut().for_each(|it| it.visit_lists(visit));
    }
}

// The serialiser does not meet the lists in these themselves, but references to them.
impl<T> LongLists for VecDeque<T> {}
impl<K, T, S> LongLists for HashMap<K, T, S> {}
impl<K, T> LongLists for BTreeMap<K, T> {}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: LongLists),*> LongLists for ($($name,)*) {
            #[allow(non_snake_case)]
            fn visit_lists(&mut self, visit: &mut Visit<'_>) {
                let ($($name,)*) = self;
                $($name.visit_lists(visit);)*
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);

/// Minimum size in bytes of a list that is sent from where it lies.
const LONG: usize = 64 * 1024;

#[cfg(test)]
mod tests;
