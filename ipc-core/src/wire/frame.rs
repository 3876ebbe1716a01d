//! Frames: `u32` little-endian length of what follows, `u16` control message, payload.
//!
//! Only the connection reads frames; without the feature `protocol`, they can be written but not read.

use std::fmt;

use bytes::Bytes;

use super::ctrl::CtrlMsg;
use super::redact::Length;

#[cfg(feature = "protocol")]
mod reader;

#[cfg(feature = "protocol")]
pub use reader::FrameError;
#[cfg(feature = "protocol")]
pub(crate) use reader::{Frame, FrameReader};

/// Length and control message.
#[cfg(feature = "protocol")]
pub(crate) const HEADER: usize = 6;
const LENGTH: usize = 4;

/// Starts a frame; the payload is appended to it, then [`finish`] fills in the length.
pub(crate) fn begin(ctrl: CtrlMsg) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend_from_slice(&[0; LENGTH]);
    frame.extend_from_slice(&ctrl.number().to_le_bytes());
    frame
}

/// Fills in the length of a frame that [`begin`] started.
pub(crate) fn finish(frame: &mut [u8]) {
    set_length(frame, frame.len());
}

/// Frames are bounded by the codec's limits, far below 4 GiB.
fn set_length(head: &mut [u8], whole: usize) {
    let len = u32::try_from(whole.saturating_sub(LENGTH)).unwrap_or(u32::MAX);
    if let Some(prefix) = head.first_chunk_mut::<LENGTH>() {
        *prefix = len.to_le_bytes();
    }
}

/// A complete frame on its way out, in two pieces, so that a long array need not be copied to stand behind its header.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OutgoingFrame {
    head: Bytes,
    tail: Bytes,
}

impl OutgoingFrame {
    /// The frame that [`begin`] started with `head`, and that ends with `tail`.
    pub(crate) fn finished(mut head: Vec<u8>, tail: Bytes) -> Self {
        let whole = head.len().saturating_add(tail.len());
        set_length(&mut head, whole);
        let head = head.into();
        Self { head, tail }
    }

    /// The length of both pieces together.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The control message.
    pub fn ctrl(&self) -> Option<CtrlMsg> {
        let number = self.head.get(LENGTH..)?.first_chunk()?;
        CtrlMsg::from_number(u16::from_le_bytes(*number))
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.head[..], &self.tail[..]].concat()
    }
}

/// What the connection does with a frame that is to be sent.
#[cfg(feature = "protocol")]
impl OutgoingFrame {
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
            .field(&Length(self.len()))
            .finish()
    }
}

impl From<Vec<u8>> for OutgoingFrame {
    fn from(frame: Vec<u8>) -> Self {
        let (head, tail) = (frame.into(), Bytes::new());
        Self { head, tail }
    }
}
