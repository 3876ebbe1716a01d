//! Devices that were taken away from a client, and whether the calls of a session were made by a program that knows.

use std::collections::HashMap;
use std::time::Instant;

/// What the client of a session knows about the devices that its party has lost.
///
/// A device that was taken away from a party is refused to it until the client has confirmed a refusal that says so: calls that
/// were on their way when the lease ended must not run, even if nobody else has leased the device since. Each session has to
/// be told, because each has its own calls on the way.
#[derive(Debug, Default)]
pub(super) struct KnownFences {
    /// Refusals that the client has not confirmed: the device, when it was lost, and the call that was refused.
    told: Vec<(String, Instant, u64)>,
    /// When the devices were lost of whose loss the client knows.
    known: HashMap<String, Instant>,
}

impl KnownFences {
    /// Returns true if the client knows that it lost `device` at this time.
    pub(super) fn is_known(&self, device: &str, lost: Instant) -> bool {
        self.known.get(device) == Some(&lost)
    }

    /// Notes that `call` is refused because `device` was lost at this time.
    pub(super) fn tell(&mut self, device: &str, lost: Instant, call: u64) {
        let is_told = |(other, at, _): &(String, Instant, u64)| other == device && *at == lost;
        if !self.told.iter().any(is_told) {
            self.told.push((device.to_string(), lost, call));
        }
    }

    /// Notes that the client has given up this call, and that nobody reads its refusal.
    pub(super) fn gave_up(&mut self, call: u64) {
        self.told.retain(|(_, _, told)| *told != call);
    }

    /// Notes that the client has read the answers to all calls below `acknowledged`.
    #[inline]
    pub(super) fn confirm(&mut self, acknowledged: u64) {
        if !self.told.is_empty() {
            self.confirm_told(acknowledged);
        }
    }

    #[cold]
    fn confirm_told(&mut self, acknowledged: u64) {
        for (device, lost, _) in self
            .told
            .extract_if(.., |(_, _, call)| *call < acknowledged)
        {
            self.known.insert(device, lost);
        }
    }

    /// Notes that the client has a lease of `device` again: in a session, calls before that have ended.
    pub(super) fn has_leased(&mut self, device: &str, lost: Instant) {
        self.known.insert(device.to_string(), lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_known_once_its_refusal_was_confirmed() {
        let lost = Instant::now();
        let mut fences = KnownFences::default();
        fences.tell("laser", lost, 7);
        fences.confirm(7);
        assert!(
            !fences.is_known("laser", lost),
            "call 8 may have been sent before"
        );
        fences.confirm(8);
        assert!(fences.is_known("laser", lost));
    }

    /// A call that its caller gave up while its refusal was on the way used to count as read with the next call.
    #[test]
    fn the_refusal_of_a_call_that_was_given_up_tells_nothing() {
        let lost = Instant::now();
        let mut fences = KnownFences::default();
        fences.tell("laser", lost, 7);
        fences.gave_up(7);
        fences.confirm(8);
        assert!(!fences.is_known("laser", lost));
        fences.tell("laser", lost, 8);
        fences.gave_up(7);
        fences.confirm(9);
        assert!(fences.is_known("laser", lost));
    }

    #[test]
    fn another_loss_is_told_anew() {
        let lost = Instant::now();
        let again = lost + std::time::Duration::from_secs(1);
        let mut fences = KnownFences::default();
        fences.has_leased("laser", lost);
        assert!(fences.is_known("laser", lost) && !fences.is_known("laser", again));
    }
}
