//! What the passing of time does to claims.

use std::time::Instant;

use super::LeaseTable;

impl LeaseTable {
    /// Ends the leases and claims whose time is over. `busy` returns whether a call of a party runs, which stops its
    /// clocks. Returns when to look again, if no other operation comes before that.
    ///
    /// Clocks are looked at once a second, so a shorter call may not stop them, and a longer one stops them to within a
    /// second. If the process was suspended, the time in which it was does not count.
    pub fn look(&mut self, now: Instant, busy: impl Fn(u64) -> bool) -> Option<Instant> {
        let previous = self.looked.replace(now);
        let mut ended = Vec::new();
        for claim in &mut self.claims {
            let is_busy = claim.has_clock() && busy(claim.party);
            let stops = is_busy && !has_mutant!(self, CountsWhileBusy);
            if let Some(end) = claim.look(previous, now, stops) {
                ended.push((claim.number, end));
            }
        }
        for (number, end) in ended {
            if let Some(at) = self.position(number) {
                self.end(at, end, now);
            }
        }
        self.settle();
        let looks = self.claims.iter().filter_map(|claim| claim.next_look(now));
        looks.min()
    }
}
