//! Goodbyes of the server, and the answers that must come before them.

use super::ServerSession;
use super::answer::{Answer, Done, refusal_frame, unknown_frame};
use super::calls::{Running, Waiting};
use crate::session::arrival::bye;
use crate::wire::ctrl::{ByeReason, Feature};
use crate::wire::failure::Refusal;

/// How the server leaves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Farewell {
    /// With a goodbye: every call that was taken from the connection has its answer.
    Said,
    /// Without one: a call runs, and the client does not know the answer that says so. It takes the end of the connection
    /// for a loss, and keeps the call.
    Cut,
}

impl ServerSession {
    /// Refuses all calls that wait for their turn, because the server is about to say goodbye.
    pub fn refuse_waiting(&mut self, reason: ByeReason) {
        while let Some(Waiting { call, digest, .. }) = self.next_waiting() {
            let method = call.method().to_string();
            let refusal = match reason {
                ByeReason::Stopping => Refusal::Stopping { method },
                _ => Refusal::Cancelled { method },
            };
            let number = call.number;
            self.answer(number, digest, refusal_frame(number, refusal));
        }
    }

    /// Ends the connection, not the session: what is queued is still to be written, and nothing more is read.
    ///
    /// A client takes a goodbye as word that what was not answered before did not run. So calls that wait are refused,
    /// and calls that run are answered with the fault [`Unknown`](crate::wire::failure::FaultKind::Unknown); what their
    /// drivers return later is dropped. If the client does not know this fault, its calls run on and the goodbye is left
    /// out.
    pub fn say_bye(&mut self, reason: ByeReason, message: &str) -> Farewell {
        if !has_mutant!(self, SaysByeOverCalls) {
            self.refuse_waiting(reason);
            self.give_up_running();
        }
        self.is_leaving = !has_mutant!(self, ReadsBehindBye);
        if self.has_running() && !has_mutant!(self, SaysByeOverCalls) {
            return Farewell::Cut;
        }
        if let Some(link) = &mut self.link {
            link.send_last(bye(reason, message));
        }
        Farewell::Said
    }

    /// Answers all calls that run, if the client knows the answer.
    fn give_up_running(&mut self) {
        if !self.features.offer(Feature::Faults) {
            return;
        }
        for Running { number, digest, .. } in std::mem::take(&mut self.running) {
            self.send(&unknown_frame(number));
            if number >= self.confirmed {
                let answer = Answer::Unknown;
                self.done.insert(number, Done { digest, answer });
            }
        }
    }
}
