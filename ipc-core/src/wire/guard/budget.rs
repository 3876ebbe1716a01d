//! What decoding one payload may use up.

use std::cell::Cell;

use serde::de::Error;

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

    pub(super) fn take_element<E: Error>(&self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => {
                self.elements.set(left);
                Ok(())
            }
            None => Err(self.exceeded(Exceeded::Elements)),
        }
    }

    /// Pays for `bytes` of memory.
    pub(crate) fn charge<E: Error>(&self, bytes: usize) -> Result<(), E> {
        match self.memory.get().checked_sub(bytes) {
            Some(left) => {
                self.memory.set(left);
                Ok(())
            }
            None => Err(self.exceeded(Exceeded::Memory)),
        }
    }

    pub(super) fn descend<E: Error>(&self, levels: u32) -> Result<u32, E> {
        levels
            .checked_sub(1)
            .ok_or_else(|| self.exceeded(Exceeded::Depth))
    }

    #[cold]
    fn exceeded<E: Error>(&self, limit: Exceeded) -> E {
        self.failure.set(Some(limit));
        E::custom("beyond a limit")
    }
}
