//! What decoding one payload may use up.

use std::cell::Cell;

use crate::wire::codec::CodecError;

/// What decoding one payload may use up.
#[derive(Debug)]
pub(crate) struct Budget {
    elements: Cell<usize>,
    memory: Cell<usize>,
    /// What `memory` began with.
    limit: usize,
    failure: Cell<Option<Exceeded>>,
    /// The enum whose variant is being read.
    variant_of: Cell<Option<&'static str>>,
}

#[derive(Clone, Copy, Debug)]
enum Exceeded {
    Depth,
    Elements,
    Memory,
}

impl Budget {
    /// Elements that take no bytes are allowed this often, beyond one element per byte.
    const FREE_ELEMENTS: usize = 65_536;
    /// Bytes of memory that one byte of the payload may take. Dense numbers take one, options of numbers two to nine.
    const MEMORY_PER_BYTE: usize = 8;

    /// For a payload of `bytes`, which may take `memory` bytes beyond 8 times that.
    pub(crate) fn new(bytes: usize, memory: usize) -> Self {
        let memory = Self::memory_for(bytes, memory);
        Self::with_left(bytes, memory, memory)
    }

    /// All that a payload of `bytes` may take in memory.
    pub(crate) fn memory_for(bytes: usize, memory: usize) -> usize {
        bytes
            .saturating_mul(Self::MEMORY_PER_BYTE)
            .saturating_add(memory)
    }

    /// For the last `bytes` of a payload, of whose memory `left` is left.
    pub(crate) fn with_left(bytes: usize, left: usize, limit: usize) -> Self {
        Self {
            elements: Cell::new(bytes.saturating_add(Self::FREE_ELEMENTS)),
            memory: Cell::new(left),
            limit,
            failure: Cell::new(None),
            variant_of: Cell::new(None),
        }
    }

    pub(crate) fn memory_left(&self) -> usize {
        self.memory.get()
    }

    /// The limit that was exceeded, if one was: whatever error came of it says less.
    pub(crate) fn failure(&self) -> Option<CodecError> {
        self.failure.get().map(|exceeded| match exceeded {
            Exceeded::Depth => CodecError::TooDeep,
            Exceeded::Elements => CodecError::TooManyElements,
            Exceeded::Memory => CodecError::TooMuchMemory { limit: self.limit },
        })
    }

    /// The enum of which no variant could be told, if that is what went wrong.
    pub(crate) fn unknown_variant_of(&self) -> Option<&'static str> {
        self.variant_of.get()
    }

    /// Notes that the variant of an enum is read next; `None` once it is known.
    pub(super) fn reads_variant_of(&self, name: Option<&'static str>) {
        self.variant_of.set(name);
    }

    /// Counts an element; `None` if it is one too many. The callers make the error, which is larger than all else here.
    #[inline]
    pub(super) fn take_element(&self) -> Option<()> {
        let left = self.elements.get().checked_sub(1);
        let left = left.or_else(|| self.exceeded(Exceeded::Elements))?;
        self.elements.set(left);
        Some(())
    }

    /// Pays for `bytes` of memory; `None` if that is too much.
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
