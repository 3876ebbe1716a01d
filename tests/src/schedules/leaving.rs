//! How a client leaves the server, and what the next one waits for.

use std::time::{Duration, Instant};

use ipc_core::session::server::{Farewell, ServerSession};
use ipc_core::wire::ctrl::ByeReason;

use super::lab::Lab;
use super::serving::{Phase, Serving, Situation};
use super::{Fault, PERIOD};

impl Serving {
    pub(super) fn disconnect(&mut self, lab: &mut Lab) {
        self.session.pump().session.detach();
        if let Some(wire) = self.wire.take() {
            lab.network.server_closes(wire);
        }
    }

    pub(super) fn leave_if_asked(&mut self, lab: &mut Lab, situation: Situation) -> bool {
        let stops = situation.stops_at.map(|_| ByeReason::Stopping);
        let Some(reason) = stops.or(self.request) else {
            return false;
        };
        let mut pump = self.session.pump();
        if reason == ByeReason::IdleHandover && pump.session.has_waiting() && !self.has_last_word {
            // These calls came in time and are answered first.
            self.has_last_word = true;
            return false;
        }
        refuse_waiting(&mut pump.session, reason);
        drop(pump);
        lab.note(|| format!("the server asks its client to leave: {reason:?}"));
        let since = lab.now;
        self.phase = Phase::Leaving { reason, since };
        true
    }

    /// Waits for running calls to end and be answered, but not for hung ones.
    pub(super) fn await_calls(
        &mut self,
        lab: &mut Lab,
        reason: ByeReason,
        since: Instant,
        situation: Situation,
    ) {
        let until = situation.stops_at.unwrap_or(since + LAST_CALL);
        let mut pump = self.session.pump();
        let is_awaited = pump.running.iter().any(|call| !call.is_given_up());
        if is_awaited && lab.now < until && pump.session.end().is_none() {
            return;
        }
        if say_bye(&mut pump.session, reason) {
            lab.leave(self.key);
        }
        drop(pump);
        lab.count("goodbye");
        self.flush(lab);
        self.disconnect(lab);
        self.retire(lab, reason != ByeReason::Disconnected);
    }

    /// The client is gone. Its place is free once nothing of it runs.
    pub(super) fn retire(&mut self, lab: &mut Lab, may_return: bool) {
        lab.note(|| format!("the server gives its client up, who may come back: {may_return}"));
        self.disconnect(lab);
        let mut pump = self.session.pump();
        if !lab.has(Fault::KeepsThePlace) {
            for call in &mut pump.running {
                call.give_up(lab.now);
            }
        }
        lab.abandon(self.key);
        self.phase = Phase::Retiring { may_return };
    }

    pub(super) fn await_drivers(&mut self, lab: &mut Lab, may_return: bool, situation: Situation) {
        let mut pump = self.session.pump();
        let must_go = situation.stops_at.is_some_and(|at| at <= lab.now);
        for call in &mut pump.running {
            if must_go && !call.is_stuck() {
                call.leave_behind(lab.mark_stuck(self.key, call.number, true));
            }
        }
        let is_inside = pump.running.iter().any(|call| !call.is_stuck());
        if is_inside && !must_go && !lab.has(Fault::PassesOnWhileCallsRun) {
            if lab.patience(self.key) + 2 * PERIOD < lab.clock {
                lab.break_promise("the place does not pass on".into());
            }
            return;
        }
        self.phase = Phase::Over { may_return };
    }
}

/// Refuses the calls that wait.
pub(super) fn refuse_waiting(session: &mut ServerSession, reason: ByeReason) {
    session.refuse_waiting(reason);
}

/// Says goodbye. Returns true if that has answered every call that runs.
fn say_bye(session: &mut ServerSession, reason: ByeReason) -> bool {
    session.say_bye(reason, "") == Farewell::Said
}

/// How long a client that is to leave may still wait for a call that runs.
const LAST_CALL: Duration = Duration::from_secs(10);
