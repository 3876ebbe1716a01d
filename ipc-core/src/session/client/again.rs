//! Calls that are made once more under another number.

use super::ClientSession;

impl ClientSession {
    /// Makes a call once more whose outcome is unknown, under a new number: under the old one, the server would only give
    /// the same answer again.
    pub(super) fn ask_again(&mut self, number: u64) {
        let Some(mut call) = self.take(number) else {
            return;
        };
        self.last_number += 1;
        let number = self.last_number;
        call.oldest = self.oldest_call().unwrap_or(number);
        call.frame.renumber(number, call.oldest);
        (call.start, call.sent) = (None, false);
        (call.forgotten, call.asked_again) = (true, true);
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
