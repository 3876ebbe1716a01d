//! Calls that are made once more under another number.

use super::ClientSession;
use super::in_flight::InFlight;
use crate::wire::failure::Refusal;

impl ClientSession {
    /// Makes a call once more whose outcome is unknown, under a new number: under the old one, the server would only give
    /// the same answer again.
    pub(super) fn ask_again(&mut self, number: u64) {
        if let Some(mut call) = self.take(number) {
            (call.forgotten, call.asked_again) = (true, true);
            self.make_again(call);
        }
    }

    /// Makes a call once more that the server has refused because of an interruption, if this client has no settings that
    /// could have changed. Returns false if the refusal stands, as that of the second try does.
    pub(super) fn pass_over(&mut self, number: u64, refusal: &Refusal) -> bool {
        if self.has_called || !matches!(refusal, Refusal::Interrupted { .. }) {
            return false;
        }
        let is_over = |call: &InFlight| call.timed_out || call.passed_over;
        if self.calls.get(number).is_none_or(is_over) {
            return false;
        }
        if let Some(mut call) = self.take(number) {
            call.passed_over = true;
            self.make_again(call);
        }
        true
    }

    fn make_again(&mut self, mut call: InFlight) {
        self.last_number += 1;
        let number = self.last_number;
        call.oldest = self.oldest_call().unwrap_or(number);
        call.frame.renumber(number, call.oldest);
        (call.start, call.sent) = (None, false);
        self.insert(number, call);
    }

    /// The number on the wire of the call that its caller knows by the number `given`.
    pub(super) fn number_of(&self, given: u64) -> Option<u64> {
        if self.calls.get(given).is_some() {
            return Some(given);
        }
        let mut calls = self.calls.iter();
        calls.find_map(|(number, call)| (call.given == given).then_some(number))
    }
}
