//! Long lists of plain numbers in memory of their own, apart from the bytes of the value that they belong to.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;

use bytemuck::{AnyBitPattern, NoUninit};
use bytes::Bytes;

use super::codec::ValueReader;
use super::redact::ByteCount;

/// The bytes of a value, some of its long lists apart from them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Payload {
    pub(crate) bytes: Bytes,
    pub(crate) blocks: ReadBlocks,
}

impl Payload {
    /// Returns the number of bytes, those of the lists included.
    pub fn len(&self) -> usize {
        self.bytes.len() + self.blocks.size()
    }

    /// Returns true if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes in one piece. Copies them if some are apart.
    pub fn into_bytes(self) -> Bytes {
        if self.blocks.is_empty() {
            return self.bytes;
        }
        pieces(&self.bytes, &self.blocks).concat().into()
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let blocks = ReadBlocks::default();
        Self { bytes, blocks }
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = ByteCount(self.len());
        f.debug_tuple("Payload").field(&count).finish()
    }
}

/// A list apart from the bytes that it stands between.
#[derive(Clone, PartialEq, Eq)]
#[doc(hidden)]
pub struct ReadBlock {
    /// Number of bytes that follow it.
    pub(crate) rest: usize,
    pub(crate) memory: BlockMemory,
}

/// Lists apart from the bytes that they stand between, in the reverse order of their places.
///
/// It is handed on with every value, and most have none: then it is a pointer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReadBlocks(Option<Box<List>>);

#[derive(Clone, PartialEq, Eq)]
struct List(Vec<ReadBlock>);

impl ReadBlocks {
    /// Number of bytes in all of them.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        match &self.0 {
            None => 0,
            Some(list) => list.0.iter().map(|it| it.memory.bytes().len()).sum(),
        }
    }

    fn pop(&mut self) -> Option<ReadBlock> {
        self.0.as_mut()?.0.pop()
    }
}

impl Deref for ReadBlocks {
    type Target = [ReadBlock];

    #[inline]
    fn deref(&self) -> &[ReadBlock] {
        match &self.0 {
            None => &[],
            Some(list) => &list.0,
        }
    }
}

impl FromIterator<ReadBlock> for ReadBlocks {
    fn from_iter<I: IntoIterator<Item = ReadBlock>>(blocks: I) -> Self {
        let list: Vec<ReadBlock> = blocks.into_iter().collect();
        Self((!list.is_empty()).then(|| Box::new(List(list))))
    }
}

impl fmt::Debug for ReadBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = ByteCount(self.size());
        f.debug_tuple("ReadBlocks").field(&size).finish()
    }
}

/// The bytes around `blocks` and those in them, in their order.
pub(crate) fn pieces<'a>(mut rest: &'a [u8], blocks: &'a [ReadBlock]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for block in blocks.iter().rev() {
        let (before, after) = rest.split_at(rest.len().saturating_sub(block.rest));
        pieces.extend([before, block.memory.bytes()]);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// A list of which only the beginning has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutBlock {
    /// Number of its bytes that have come.
    pub(crate) begun: usize,
    /// Size of its elements in bytes: 1, 2, 4, 8 or 16.
    pub(crate) element: usize,
    /// Its whole size in bytes.
    pub(crate) size: usize,
}

/// Reads one value and drops it, to find out where its long lists lie; see [`codec::probe`](super::codec::probe).
pub type ValueProbe = fn(&mut ValueReader<'_>) -> bool;

/// Finds the long lists in values that stand one behind the other, one function for each value.
pub type Probe = &'static [ValueProbe];

/// The memory of a list: that of the `Vec` which the list becomes.
#[derive(Clone, PartialEq, Eq)]
#[doc(hidden)]
#[allow(clippy::exhaustive_enums)]
pub enum BlockMemory {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
    Eight(Vec<u64>),
    Sixteen(Vec<u128>),
}

/// Evaluates an expression for the `Vec` of each variant.
macro_rules! with_list {
    ($memory:expr, $list:ident => $value:expr) => {
        match $memory {
            BlockMemory::One($list) => $value,
            BlockMemory::Two($list) => $value,
            BlockMemory::Four($list) => $value,
            BlockMemory::Eight($list) => $value,
            BlockMemory::Sixteen($list) => $value,
        }
    };
}

impl BlockMemory {
    /// Creates memory for elements of this size in bytes.
    pub(crate) fn new(element: usize) -> Self {
        match element {
            1 => Self::One(Vec::new()),
            2 => Self::Two(Vec::new()),
            4 => Self::Four(Vec::new()),
            8 => Self::Eight(Vec::new()),
            _ => Self::Sixteen(Vec::new()),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        with_list!(self, list => bytemuck::cast_slice(list))
    }

    /// Number of bytes for which there is memory.
    pub(crate) fn capacity(&self) -> usize {
        with_list!(self, list => list.capacity() * element_of(list))
    }

    /// The memory of a list. Of other elements than plain numbers, it is empty.
    pub(crate) fn of_list<T: NoUninit>(list: Vec<T>) -> Self {
        use bytemuck::allocation::try_cast_vec;
        match size_of::<T>() {
            1 => Self::One(try_cast_vec(list).unwrap_or_default()),
            2 => Self::Two(try_cast_vec(list).unwrap_or_default()),
            4 => Self::Four(try_cast_vec(list).unwrap_or_default()),
            8 => Self::Eight(try_cast_vec(list).unwrap_or_default()),
            _ => Self::Sixteen(try_cast_vec(list).unwrap_or_default()),
        }
    }

    /// Returns the list of numbers, or `None` if they have another size.
    pub(crate) fn into_list<T: NoUninit + AnyBitPattern>(self) -> Option<Vec<T>> {
        with_list!(self, list => bytemuck::allocation::try_cast_vec(list).ok())
    }
}

/// What is filled from the network.
#[cfg(feature = "protocol")]
impl BlockMemory {
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        with_list!(self, list => bytemuck::cast_slice_mut(list))
    }

    /// Size of an element in bytes.
    pub(crate) fn element(&self) -> usize {
        with_list!(self, list => element_of(list))
    }

    /// Makes room for `bytes` more bytes.
    pub(crate) fn reserve_exact(&mut self, bytes: usize) {
        with_list!(self, list => list.reserve_exact(bytes.div_ceil(element_of(list))));
    }

    /// Grows to at least `bytes` bytes, or shrinks to at most that many. New bytes are 0.
    pub(crate) fn resize(&mut self, bytes: usize) {
        with_list!(self, list => list.resize(bytes.div_ceil(element_of(list)), 0));
    }
}

impl AsRef<[u8]> for BlockMemory {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

fn element_of<T>(_list: &[T]) -> usize {
    size_of::<T>()
}

/// The lists that are apart from the bytes that are being decoded.
#[derive(Default)]
pub(crate) struct Aside {
    /// Number of bytes that follow the next one; `None` if there is none.
    next: Cell<Option<usize>>,
    blocks: RefCell<ReadBlocks>,
    /// The list at which the bytes ended.
    cut: Cell<Option<CutBlock>>,
}

impl Aside {
    #[inline]
    pub(crate) fn new(blocks: ReadBlocks) -> Self {
        Self {
            next: Cell::new(blocks.last().map(|block| block.rest)),
            blocks: RefCell::new(blocks),
            cut: Cell::new(None),
        }
    }

    /// Returns true if the next list stands in front of the last `rest` bytes.
    #[inline]
    pub(crate) fn is_next(&self, rest: usize) -> bool {
        self.next.get() == Some(rest)
    }

    /// Takes the next list.
    pub(crate) fn take(&self) -> Option<BlockMemory> {
        let mut blocks = self.blocks.try_borrow_mut().ok()?;
        let taken = blocks.pop();
        self.next.set(blocks.last().map(|block| block.rest));
        taken.map(|block| block.memory)
    }

    /// The lists that have not been taken.
    pub(crate) fn into_blocks(self) -> ReadBlocks {
        self.blocks.into_inner()
    }

    /// Number of bytes in the lists that have not been taken.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        let blocks = self.blocks.try_borrow();
        blocks.map_or(0, |blocks| blocks.size())
    }

    /// Notes that the bytes ended in a list.
    #[cold]
    pub(crate) fn note_cut(&self, cut: CutBlock) {
        self.cut.set(Some(cut));
    }

    #[cfg(any(test, feature = "protocol"))]
    pub(crate) fn cut(&self) -> Option<CutBlock> {
        self.cut.get()
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
