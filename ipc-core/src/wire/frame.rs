//! Frames: `u32` little-endian length of what follows, `u16` control message, payload.
//!
//! A proxy writes each call into a frame with `begin` and `finish`. The rest is for connections, and behind the feature
//! `protocol`.

use std::fmt;

use super::block::Probe;
use super::bulk::{self, LongBlock};
use super::ctrl::CtrlMsg;
use super::redact::ByteCount;

#[cfg(feature = "protocol")]
mod outgoing;
#[cfg(feature = "protocol")]
mod partial;
#[cfg(feature = "protocol")]
mod reader;
#[cfg(feature = "protocol")]
mod reply;

#[cfg(feature = "protocol")]
pub(crate) use reader::{Frame, FrameReader};
#[cfg(feature = "protocol")]
pub use {
    outgoing::OutgoingFrame,
    partial::PartialFrame,
    reader::FrameError,
    reply::{ReplyFrame, ShortFrame},
};

/// Length and control message.
#[cfg(feature = "protocol")]
pub(crate) const HEADER: usize = 6;
const LENGTH: usize = 4;

/// Starts a frame; the payload is appended to it, then [`finish`] fills in the length.
pub(crate) fn begin(ctrl: CtrlMsg) -> Vec<u8> {
    let mut frame = Vec::new();
    begin_in(&mut frame, ctrl);
    frame
}

/// Starts a frame in `memory`, in place of what is in it.
#[inline]
pub(crate) fn begin_in(memory: &mut Vec<u8>, ctrl: CtrlMsg) {
    memory.clear();
    memory.reserve(128);
    let [low, high] = ctrl.number().to_le_bytes();
    memory.extend_from_slice(&[0, 0, 0, 0, low, high]);
}

/// Fills in the length of a frame that [`begin`] started with `head`, and in which `apart` further bytes are not copied.
pub(crate) fn finish(head: &mut [u8], apart: usize) {
    let whole = head.len().saturating_add(apart);
    set_length(head, whole);
}

/// The frame of a call, complete but for its numbers. Long lists in the arguments are not copied.
#[derive(Clone, Default)]
pub struct CallFrame {
    pub(crate) head: Vec<u8>,
    /// The lists that stand between the bytes of `head`.
    pub(crate) blocks: Vec<LongBlock>,
    /// Finds long lists in the result.
    #[cfg_attr(not(feature = "protocol"), allow(dead_code))]
    pub(crate) probe: Option<Probe>,
}

impl CallFrame {
    /// Returns the length of the whole frame in bytes.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + bulk::len_of(&self.blocks)
    }

    /// Returns the control message.
    #[cfg(feature = "protocol")]
    #[inline]
    pub(crate) fn ctrl(&self) -> Option<CtrlMsg> {
        ctrl_of(&self.head)
    }

    /// Returns the frame in one piece.
    #[inline]
    pub fn into_vec(self) -> Vec<u8> {
        match self.blocks.is_empty() {
            true => self.head,
            false => bulk::joined(&self.head, &self.blocks),
        }
    }
}

impl From<Vec<u8>> for CallFrame {
    fn from(head: Vec<u8>) -> Self {
        Self {
            head,
            ..Self::default()
        }
    }
}

impl fmt::Debug for CallFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallFrame")
            .field(&ByteCount(self.len()))
            .finish()
    }
}

/// The control message of a frame.
#[cfg(feature = "protocol")]
fn ctrl_of(frame: &[u8]) -> Option<CtrlMsg> {
    CtrlMsg::from_number(number_of(frame)?)
}

/// The number of the control message of a frame, which this version may not define.
#[cfg(feature = "protocol")]
fn number_of(frame: &[u8]) -> Option<u16> {
    let number = frame.get(LENGTH..)?.first_chunk()?;
    Some(u16::from_le_bytes(*number))
}

/// Frames are bounded by the codec's limits, far below 4 GiB.
fn set_length(head: &mut [u8], whole: usize) {
    let len = u32::try_from(whole.saturating_sub(LENGTH)).unwrap_or(u32::MAX);
    if let Some(prefix) = head.first_chunk_mut::<LENGTH>() {
        *prefix = len.to_le_bytes();
    }
}
