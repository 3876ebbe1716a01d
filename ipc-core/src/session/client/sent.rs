//! How far the calls have gone out over the connection at hand.

use super::in_flight::InFlight;
use crate::session::link::Link;

/// How far the calls have gone out over the connection at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    /// Calls with lower numbers have gone out or have ended.
    pub(super) next: u64,
    /// Number of calls in flight that have gone out.
    pub(super) under_way: usize,
    /// The answers to calls with lower numbers have been confirmed.
    pub(super) confirmed: u64,
}

impl Sent {
    /// Queues a call, which has the lowest number of those that have not gone out.
    #[inline]
    pub(super) fn send(&mut self, number: u64, call: &mut InFlight, link: &mut Link) {
        self.next = number + 1;
        call.start = Some(call.frame.send(link));
        self.under_way += 1;
        self.confirmed = self.confirmed.max(call.oldest);
    }
}
