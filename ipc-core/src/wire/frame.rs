//! Frames: `u32` little-endian length of what follows, `u16` control message, payload.
//!
//! A proxy writes each call into a frame with `begin` and `finish`. The rest is for connections, and behind the feature
//! `protocol`.

use super::ctrl::CtrlMsg;

#[cfg(feature = "protocol")]
mod outgoing;
#[cfg(feature = "protocol")]
mod reader;

#[cfg(feature = "protocol")]
pub(crate) use reader::{Frame, FrameReader};
#[cfg(feature = "protocol")]
pub use {
    outgoing::OutgoingFrame,
    reader::{FrameError, PartialFrame},
};

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
