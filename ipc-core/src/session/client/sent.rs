//! How far the calls have gone out over the connection at hand.

use super::in_flight::InFlight;
use crate::session::link::Link;

/// How far the calls have gone out over the connection at hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    /// Calls below this number have.
    pub(super) next: u64,
    /// How many of those in flight have.
    pub(super) under_way: usize,
    /// Up to where answers have been confirmed.
    pub(super) confirmed: u64,
}

impl Sent {
    #[inline]
    pub(super) fn send(&mut self, number: u64, call: &mut InFlight, link: &mut Link) {
        self.next = number + 1;
        call.start = Some(call.frame.send(link));
        self.under_way += 1;
        self.confirmed = self.confirmed.max(call.oldest);
    }
}
