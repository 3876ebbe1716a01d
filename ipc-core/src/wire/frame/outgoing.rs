//! Frames on their way out.

use std::fmt;

use bytes::Bytes;

use super::{CallFrame, ctrl_of, finish};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::redact::ByteCount;

/// A complete frame on its way out, in two pieces, so that a long array need not be copied to stand behind its header.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OutgoingFrame {
    head: Bytes,
    tail: Bytes,
}

impl OutgoingFrame {
    /// The frame that [`begin`](super::begin) started with `head`, and that ends with `tail`.
    pub(crate) fn finished(mut head: Vec<u8>, tail: Bytes) -> Self {
        finish(&mut head, tail.len());
        let head = head.into();
        Self { head, tail }
    }

    /// The length of both pieces together.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The control message.
    pub fn ctrl(&self) -> Option<CtrlMsg> {
        ctrl_of(&self.head)
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.head[..], &self.tail[..]].concat()
    }

    /// The same frame with its first piece changed.
    pub(crate) fn with_head(&self, change: impl FnOnce(&mut [u8])) -> Self {
        let mut head = self.head.to_vec();
        change(&mut head);
        let (head, tail) = (head.into(), self.tail.clone());
        Self { head, tail }
    }

    /// The pieces in their order, none of them empty.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Bytes> {
        [self.head, self.tail]
            .into_iter()
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
    fn from(CallFrame { head, tail }: CallFrame) -> Self {
        let head = head.into();
        Self { head, tail }
    }
}

impl From<Vec<u8>> for OutgoingFrame {
    fn from(frame: Vec<u8>) -> Self {
        let (head, tail) = (frame.into(), Bytes::new());
        Self { head, tail }
    }
}
