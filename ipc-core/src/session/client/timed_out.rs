//! Calls whose time is over, while the server can still say that they had not begun.

use std::time::{Duration, Instant};

use super::{CallOutcome, ClientSession, Event, LinkState};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::message::frame_of;

impl ClientSession {
    /// Cancels a call whose time is over, and keeps it for a moment if it may still be waiting for its turn: a server that
    /// has not begun it refuses it then, and the caller learns that the driver was not entered. Returns false if there is
    /// nothing to learn.
    pub(super) fn ask_whether_it_began(&mut self, given: u64, now: Instant) -> bool {
        let Some(number) = self.number_of(given) else {
            return false;
        };
        let given_up = self.abandoned.iter().copied();
        let is_behind_another = given_up
            .chain(self.oldest_call())
            .any(|other| other < number);
        let (LinkState::Ready(link), Some(call)) = (&mut self.state, self.calls.get_mut(number))
        else {
            return false;
        };
        if call.timed_out || call.start.is_none() || !is_behind_another {
            return false;
        }
        link.send(frame_of(CtrlMsg::Cancel, &number));
        call.timed_out = true;
        self.set_deadline(number, now.checked_add(ANSWERED_WITHIN));
        true
    }

    /// Ends these calls with their connection: over another one they would be made again.
    pub(super) fn end_timed_out(&mut self) {
        let timed_out = self.calls.iter().filter(|(_, call)| call.timed_out);
        for number in timed_out.map(|(number, _)| number).collect::<Vec<_>>() {
            if let Some(call) = self.take(number) {
                self.abandoned.push(number);
                self.events.push_back(Event::Ended {
                    call: call.given,
                    outcome: CallOutcome::TimedOut,
                });
            }
        }
    }
}

/// How long a call whose time is over waits for the answer to its cancellation.
const ANSWERED_WITHIN: Duration = Duration::from_millis(100);
