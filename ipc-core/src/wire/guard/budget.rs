//! The budget for decoding one payload.

use std::cell::Cell;

use crate::wire::block::{Aside, ReadBlocks};
use crate::wire::codec::CodecError;

/// The depth, elements and memory that decoding one payload may still use.
#[derive(Debug)]
pub(crate) struct Budget {
    elements: Cell<usize>,
    memory: Cell<usize>,
    /// The initial value of `memory`.
    limit: usize,
    failure: Cell<Option<Exceeded>>,
    /// The enum whose variant is being read.
    variant_of: Cell<Option<&'static str>>,
    aside: Aside,
}

#[derive(Clone, Copy, Debug)]
enum Exceeded {
    Depth,
    Elements,
    Memory,
}

impl Budget {
    /// Number of elements that are allowed beyond one per byte of the payload, since some elements take no bytes.
    const FREE_ELEMENTS: usize = 65_536;
    /// Bytes of memory allowed per byte of the payload. Plain numbers take one, options of numbers two to nine.
    const MEMORY_PER_BYTE: usize = 8;

    /// Creates the budget for a payload of `bytes`, which may take `memory` bytes in addition to 8 times its size.
    #[inline]
    pub(crate) fn new(bytes: usize, memory: usize) -> Self {
        Self::around(bytes, ReadBlocks::default(), memory)
    }

    /// Creates the budget for a payload of `bytes` and the long lists that are not among them.
    #[inline]
    pub(crate) fn around(bytes: usize, blocks: ReadBlocks, memory: usize) -> Self {
        let bytes = bytes + blocks.size();
        let memory = bytes
            .saturating_mul(Self::MEMORY_PER_BYTE)
            .saturating_add(memory);
        Self {
            elements: Cell::new(bytes.saturating_add(Self::FREE_ELEMENTS)),
            memory: Cell::new(memory),
            limit: memory,
            failure: Cell::new(None),
            variant_of: Cell::new(None),
            aside: Aside::new(blocks),
        }
    }

    /// Returns the long lists that are not among the bytes of the payload.
    #[inline]
    pub(crate) fn aside(&self) -> &Aside {
        &self.aside
    }

    /// Takes these lists.
    pub(crate) fn take_blocks(&mut self) -> ReadBlocks {
        std::mem::take(&mut self.aside).into_blocks()
    }

    #[cfg(test)]
    pub(crate) fn charged(&self) -> usize {
        self.limit - self.memory.get()
    }

    /// Returns the error for the exceeded limit, if any. It says more than the error that passed through serde.
    pub(crate) fn failure(&self) -> Option<CodecError> {
        self.failure.get().map(|exceeded| match exceeded {
            Exceeded::Depth => CodecError::TooDeep,
            Exceeded::Elements => CodecError::TooManyElements,
            Exceeded::Memory => CodecError::TooMuchMemory { limit: self.limit },
        })
    }

    /// Returns the name of the enum whose variant could not be identified, if that was the error.
    pub(crate) fn unknown_variant_of(&self) -> Option<&'static str> {
        self.variant_of.get()
    }

    /// Records that the variant of the enum `name` is read next, or with `None` that it has been identified.
    pub(super) fn reads_variant_of(&self, name: Option<&'static str>) {
        self.variant_of.set(name);
    }

    /// Charges `count` elements. Returns `None` if that is too many; the callers create the error, because an error as a
    /// return value would be larger than everything else here.
    #[inline]
    pub(super) fn take_elements(&self, count: usize) -> Option<()> {
        let left = self.elements.get().checked_sub(count);
        let left = left.or_else(|| self.exceeded(Exceeded::Elements))?;
        self.elements.set(left);
        Some(())
    }

    /// Charges `bytes` of memory. Returns `None` if that is too much.
    #[inline]
    pub(crate) fn charge(&self, bytes: usize) -> Option<()> {
        let left = self.memory.get().checked_sub(bytes);
        let left = left.or_else(|| self.exceeded(Exceeded::Memory))?;
        self.memory.set(left);
        Some(())
    }

    #[inline]
    pub(super) fn descend(&self, levels: u32) -> Option<u32> {
        let left = levels.checked_sub(1);
        left.or_else(|| self.exceeded(Exceeded::Depth))
    }

    #[cold]
    fn exceeded<T>(&self, limit: Exceeded) -> Option<T> {
        self.failure.set(Some(limit));
        None
    }
}
