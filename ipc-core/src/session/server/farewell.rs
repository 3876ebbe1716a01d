//! Answers to calls that the server does not see through to their end, and the goodbye behind them.

use super::{MIN_REPLY, Running, ServerSession};
use crate::session::arrival::bye;
use crate::wire::ctrl::{ByeReason, Feature};
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::failure_frame;

impl ServerSession {
    /// A refusal in a form that the client understands.
    pub fn for_client(&self, refusal: Refusal) -> Refusal {
        refusal.for_client(&self.features)
    }

    /// Refuses all calls that wait; `refusal` is told the method of each.
    pub fn refuse_waiting(&mut self, refusal: impl Fn(String) -> Refusal) {
        while let Some((call, digest, _)) = self.next_waiting() {
            let number = call.header.number;
            let refused = Failure::Refused(refusal(call.header.method));
            self.answer(
                number,
                digest,
                failure_frame(number, &refused, MIN_REPLY).into(),
            );
        }
    }

    /// Answers all calls that run: what becomes of them is not known. What their drivers return later is dropped.
    ///
    /// Returns true if every call that was taken from the connection has its answer now. Otherwise the client is one that
    /// does not know this answer: its connection must be [dropped](Self::detach) without a goodbye.
    #[must_use = "a goodbye over an unanswered call would make the client run it again"]
    pub fn give_up_running(&mut self) -> bool {
        if self.running.is_empty() || has_mutant!(self, SaysByeOverCalls) {
            return true;
        }
        if !self.features.offer(Feature::Faults) {
            return false;
        }
        let fault = Fault::own(
            FaultKind::Unknown,
            "it still runs at the server, and nobody waits for its end any more",
        );
        let fault = Failure::Fault(Box::new(fault));
        for Running { number, digest, .. } in std::mem::take(&mut self.running) {
            self.answer(
                number,
                digest,
                failure_frame(number, &fault, MIN_REPLY).into(),
            );
        }
        true
    }

    pub(super) fn answer(&mut self, number: u64, digest: u64, frame: OutgoingFrame) {
        self.send(frame.clone());
        self.keep(number, digest, frame);
    }

    /// Ends the connection, not the session. Every call must have been answered before; see
    /// [`refuse_waiting`](Self::refuse_waiting) and [`give_up_running`](Self::give_up_running).
    pub fn say_bye(&mut self, reason: ByeReason, message: &str) {
        if let Some(link) = &mut self.link {
            link.send_last(bye(reason, message));
        }
    }
}
