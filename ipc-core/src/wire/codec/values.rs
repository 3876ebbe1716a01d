//! Several values in one payload, some of its long lists apart from them.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{CodecError, read_value};
#[cfg(any(test, feature = "protocol"))]
use crate::wire::block::{BlockMemory, CutBlock, Probe, ReadBlock};
use crate::wire::block::{Payload, ReadBlocks};
use crate::wire::guard::Budget;
use crate::wire::redact::ByteCount;

/// Reads the values of one complete payload, one after the other, within one budget.
pub struct ValueReader<'a> {
    rest: &'a [u8],
    budget: Budget,
}

impl fmt::Debug for ValueReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = ByteCount(self.rest.len());
        f.debug_tuple("ValueReader").field(&rest).finish()
    }
}

impl<'a> ValueReader<'a> {
    /// Creates a reader at the beginning of `bytes`, of which the lists in `blocks` are apart. Together, the values may take
    /// `memory` bytes in addition to 8 times their size.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], blocks: ReadBlocks, memory: usize) -> Self {
        Self {
            rest: bytes,
            budget: Budget::around(bytes.len(), blocks, memory),
        }
    }

    /// Reads the next value.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        read_value(&mut self.rest, &self.budget)
    }

    /// Checks that all bytes and all lists have been read.
    #[inline]
    pub(crate) fn finish(&self) -> Result<(), CodecError> {
        match self.rest.len() + self.budget.aside().size() {
            0 => Ok(()),
            extra => Err(CodecError::TrailingBytes { extra }),
        }
    }

    #[cfg(test)]
    pub(super) fn charged(&self) -> usize {
        self.budget.charged()
    }

    /// Takes the lists that have not been read.
    pub(crate) fn take_blocks(&mut self) -> ReadBlocks {
        self.budget.take_blocks()
    }
}

/// Decodes the one value of `payload`. It may take `memory` bytes in addition to 8 times its size.
pub(crate) fn decode_payload<T: DeserializeOwned>(
    payload: Payload,
    memory: usize,
) -> Result<T, CodecError> {
    let Payload { bytes, blocks } = payload;
    let mut reader = ValueReader::new(&bytes, blocks, memory);
    let value = reader.read()?;
    reader.finish()?;
    Ok(value)
}

/// Reads a `T` and drops it. Returns false if it cannot be read. One part of a
/// [`Probe`](crate::wire::block::Probe).
pub fn probe<T: DeserializeOwned>(reader: &mut ValueReader<'_>) -> bool {
    reader.read::<T>().is_ok()
}

/// Finds the first long list that is cut off in `bytes`, the beginning of values of which the whole has not come. Of each
/// list that is apart already, `apart` has the number of bytes that follow it and the size of its elements, last list first.
#[cfg(any(test, feature = "protocol"))]
pub(crate) fn find_cut(probe: Probe, bytes: &[u8], apart: &[(usize, usize)]) -> Option<CutBlock> {
    // The lists that are apart are read as empty ones.
    let husk = |&(rest, element): &(usize, usize)| ReadBlock {
        rest,
        memory: BlockMemory::new(element),
    };
    let husks = apart.iter().map(husk).collect();
    // No more than the whole value may take, whatever the limit of its call.
    let mut reader = ValueReader::new(bytes, husks, super::MIN_DECODE_MEMORY);
    let is_cut = probe.iter().any(|reads| !reads(&mut reader));
    reader.budget.aside().cut().filter(|_| is_cut)
}
