//! Frames on their way out.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use super::{CallFrame, ctrl_of, finish};
use crate::wire::bulk::{self, LongBlock};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::redact::ByteCount;
use crate::wire::spare;

/// A complete frame on its way out. Long lists are not copied to where they stand in it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OutgoingFrame {
    head: Bytes,
    /// The lists that stand between the bytes of `head`.
    blocks: Vec<LongBlock>,
}

impl OutgoingFrame {
    /// The frame that [`begin`](super::begin) started with `head`, and in which `blocks` stand.
    pub(crate) fn finished(mut head: Vec<u8>, blocks: Vec<LongBlock>) -> Self {
        let apart = bulk::len_of(&blocks);
        if head.len().saturating_add(apart) >= spare::MIN {
            spare::keep_freed_memory();
        }
        finish(&mut head, apart);
        let head = head.into();
        Self { head, blocks }
    }

    /// The length of the whole frame.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + bulk::len_of(&self.blocks)
    }

    /// The control message.
    pub fn ctrl(&self) -> Option<CtrlMsg> {
        ctrl_of(&self.head)
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        bulk::joined(&self.head, &self.blocks)
    }

    /// The same frame with the bytes around its long lists changed.
    pub(crate) fn with_head(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut head = self.head.to_vec();
        change(&mut head);
        let (head, blocks) = (head.into(), self.blocks.clone());
        Self { head, blocks }
    }

    /// Gives its memory to later frames, unless it is still being sent.
    pub(crate) fn recycle(self) {
        if self.head.len() >= spare::MIN {
            spare::give(self.head);
        }
    }

    /// The pieces in their order, none of them empty.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Bytes> {
        let Self { mut head, blocks } = self;
        let mut start = 0;
        let mut pieces = VecDeque::new();
        for block in blocks {
            let before = block.at.saturating_sub(start).min(head.len());
            start = block.at;
            pieces.extend([head.split_to(before), block.bytes]);
        }
        // Without blocks, as in most frames, nothing is allocated.
        std::iter::from_fn(move || pieces.pop_front())
            .chain(std::iter::once(head))
            .filter(|piece| !piece.is_empty())
    }
}

impl fmt::Debug for OutgoingFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OutgoingFrame")
            .field(&self.ctrl())
            .field(&ByteCount(self.len()))
            .finish()
    }
}

impl From<CallFrame> for OutgoingFrame {
    fn from(CallFrame { head, blocks, .. }: CallFrame) -> Self {
        let head = head.into();
        Self { head, blocks }
    }
}

impl From<Vec<u8>> for OutgoingFrame {
    fn from(frame: Vec<u8>) -> Self {
        let (head, blocks) = (frame.into(), Vec::new());
        Self { head, blocks }
    }
}
