//! What a client keeps of a call until it ends.

use std::time::Instant;

use crate::wire::frame::OutgoingFrame;

#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) frame: OutgoingFrame,
    /// The lowest number in flight when the call was made, which its frame confirms.
    pub(super) oldest: u64,
    pub(super) idempotent: bool,
    pub(super) deadline: Option<Instant>,
    /// Where the call starts in the stream of the connection at hand, if it was queued there.
    pub(super) start: Option<u64>,
    /// True if an earlier connection may have carried it.
    pub(super) sent: bool,
    /// True if an earlier session may have run it.
    pub(super) forgotten: bool,
}

impl InFlight {
    /// False if the call certainly never left: what is queued leaves even when nobody waits for its answer any more.
    pub(super) fn may_have_left(&self) -> bool {
        self.sent || self.start.is_some()
    }
}
