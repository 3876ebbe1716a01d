//! What a client keeps of a call until it ends.

use std::time::Instant;

use crate::wire::block::Probe;
use crate::wire::frame::OutgoingFrame;

#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) frame: OutgoingFrame,
    /// Finds long lists in the result.
    pub(super) probe: Option<Probe>,
    /// The number that the caller was given; another one than on the wire if the call was asked again.
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
