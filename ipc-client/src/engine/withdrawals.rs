//! Claims that are ended in the background.

use std::time::Instant;

use ipc_core::Args;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::commands::name;
use ipc_core::session::client::{CallOutcome, Clock};

use super::Engine;

impl Engine {
    /// Ends a claim. Nobody waits for the answer, and the call lasts until the server has given one: as long as this client
    /// has its session, nobody else would end the claim.
    pub(crate) fn withdraw(&mut self, claim: u128, now: Instant) {
        if self.closed {
            return;
        }
        let args = Args::new().named("claim", claim);
        if let Ok(frame) = OutgoingCall::command(name::RELEASE, args).take_frame() {
            // Can be made twice: the claim is over after the first time.
            let number = self.session.call(frame, true, None, now);
            self.withdrawals.push((number, claim));
        }
    }

    /// Takes the end of a call. Returns false if it was not one of these.
    pub(super) fn withdrawal_ended(
        &mut self,
        call: u64,
        outcome: &CallOutcome,
        now: impl Clock,
    ) -> bool {
        let mut withdrawals = self.withdrawals.iter();
        let Some(at) = withdrawals.position(|(number, _)| *number == call) else {
            return false;
        };
        let (_, claim) = self.withdrawals.swap_remove(at);
        let is_answered = matches!(
            outcome,
            CallOutcome::Returned(_) | CallOutcome::Refused(_) | CallOutcome::Failed(_)
        );
        // Over a connection, the end of such a call is final: to make it again could go on for ever.
        if !is_answered && self.session.is_disconnected() {
            self.withdraw(claim, now.now());
        }
        true
    }
}
