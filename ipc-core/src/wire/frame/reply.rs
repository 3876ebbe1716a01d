//! Frames that answer calls.

use std::fmt;

use super::{OutgoingFrame, ctrl_of, finish};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::redact::ByteCount;

/// A complete frame that answers a call.
#[derive(Clone, Debug, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum ReplyFrame {
    /// A short one, which takes no memory of its own.
    Short(ShortFrame),
    /// Any other.
    Whole(OutgoingFrame),
}

/// A complete frame of up to 64 bytes.
#[derive(Clone, Hash)]
pub struct ShortFrame {
    bytes: [u8; Self::MAX],
    len: usize,
}

impl ShortFrame {
    const MAX: usize = 64;

    /// The frame that [`begin`](super::begin) started with `head`, and that ends there. `None` if it is too long.
    #[inline]
    pub(crate) fn finished(head: &mut [u8]) -> Option<Self> {
        let mut bytes = [0; Self::MAX];
        let len = head.len();
        finish(head, 0);
        bytes.get_mut(..len)?.copy_from_slice(head);
        Some(Self { bytes, len })
    }

    /// All of it.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl ReplyFrame {
    /// The control message.
    #[inline]
    pub fn ctrl(&self) -> Option<CtrlMsg> {
        match self {
            Self::Short(frame) => ctrl_of(frame.bytes()),
            Self::Whole(frame) => frame.ctrl(),
        }
    }

    /// All of it in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Short(frame) => frame.bytes().to_vec(),
            Self::Whole(frame) => frame.to_vec(),
        }
    }

    /// The length in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Short(frame) => frame.len,
            Self::Whole(frame) => frame.len(),
        }
    }
}

impl fmt::Debug for ShortFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShortFrame")
            .field(&ctrl_of(self.bytes()))
            .field(&ByteCount(self.len))
            .finish()
    }
}

impl<T: Into<OutgoingFrame>> From<T> for ReplyFrame {
    fn from(frame: T) -> Self {
        Self::Whole(frame.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::begin;
    use super::*;

    #[test]
    fn a_short_frame_is_the_same_bytes_as_any_other() {
        for payload in [0, 1, 57, 58, 59] {
            let mut head = begin(CtrlMsg::Ok);
            head.resize(head.len() + payload, 7);
            let whole = OutgoingFrame::finished(head.clone(), Vec::new());
            let short = ShortFrame::finished(&mut head);
            assert_eq!(short.is_some(), payload <= 58);
            let Some(short) = short else { continue };
            assert_eq!(short.bytes(), whole.to_vec());
            let (short, whole) = (ReplyFrame::Short(short), ReplyFrame::Whole(whole));
            assert_eq!(
                (short.len(), short.ctrl(), short.to_vec()),
                (whole.len(), whole.ctrl(), whole.to_vec())
            );
        }
    }
}
