//! What a client keeps of a call until it ends.

use std::time::Instant;

use crate::session::link::Link;
use crate::wire::block::Probe;
use crate::wire::frame::{CallFrame, OutgoingFrame};
use crate::wire::message;

#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) frame: KeptFrame,
    /// True if it is a call of the server itself.
    pub(super) is_command: bool,
    /// Finds long lists in the result.
    pub(super) probe: Option<Probe>,
    /// The number that the caller was given. Differs from the number on the wire if the call was asked again.
    pub(super) given: u64,
    /// The lowest number in flight when the call was made, which its frame confirms.
    pub(super) oldest: u64,
    pub(super) idempotent: bool,
    pub(super) deadline: Option<Instant>,
    /// Where the call starts in the stream of the connection at hand, if it was queued there.
    pub(super) start: Option<u64>,
    /// True if an earlier connection may have carried it.
    pub(super) sent: bool,
    /// True if it may have run in an earlier session, or under an earlier number.
    pub(super) forgotten: bool,
    /// True if this session has got it under two numbers.
    pub(super) asked_again: bool,
    /// True if it was refused because of an interruption, and made again.
    pub(super) passed_over: bool,
    /// True if its time is over, and only the question whether it has begun is open.
    pub(super) timed_out: bool,
}

impl InFlight {
    /// False if the call certainly never left: what is queued leaves even when nobody waits for its answer any more.
    pub(super) fn may_have_left(&self) -> bool {
        self.may_have_run() || self.start.is_some()
    }

    /// The same before the connection at hand.
    pub(super) fn may_have_run(&self) -> bool {
        self.sent || self.forgotten
    }
}

/// The frame of a call, kept in case that it must be sent again. A short one is copied when it is sent, which costs less
/// than sharing it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "proof", derive(Hash))]
pub(super) enum KeptFrame {
    Short(Vec<u8>),
    Long(OutgoingFrame),
}

impl KeptFrame {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Short(frame) => frame.len(),
            Self::Long(frame) => frame.len(),
        }
    }

    /// Queues the frame. Returns the position in the stream at which it starts.
    #[inline]
    pub(super) fn send(&self, link: &mut Link) -> u64 {
        match self {
            Self::Short(frame) => link.send_copy(frame),
            Self::Long(frame) => link.send(frame.clone()),
        }
    }

    /// Gives the call another number.
    pub(super) fn renumber(&mut self, number: u64, acknowledged: u64) {
        match self {
            Self::Short(frame) => message::renumber(frame, number, acknowledged),
            Self::Long(frame) => *frame = message::renumbered(frame, number, acknowledged),
        }
    }
}

impl From<CallFrame> for KeptFrame {
    #[inline]
    fn from(frame: CallFrame) -> Self {
        match frame.len() <= Link::SHORT {
            true => Self::Short(frame.into_vec()),
            false => Self::Long(frame.into()),
        }
    }
}
