//! What can happen next.

use ipc_core::interface::commands::ClaimState;

use super::gate::Check;
use super::world::{Step, Wish, World};
use super::{Fault, Search};

impl World {
    pub(super) fn steps(&self, search: &Search, steps: &mut Vec<Step>) {
        if self.broken != 0 {
            return;
        }
        for program in 0..3 {
            self.steps_of(search, program, steps);
        }
        for (at, gate) in self.gates.iter().enumerate() {
            if gate.inside.is_some() {
                steps.push(Step::Leave(at));
            }
            let may_run = gate.is_empty() || search.has(Fault::RunsHooksBesideCalls);
            if gate.hook.is_some() && may_run {
                steps.push(Step::RunHook(at));
            }
            // The hook is at the head of the queue.
            let check = self.head(search, at).filter(|_| gate.hook.is_none());
            if check.is_some_and(|check| check != Check::Waits) {
                steps.push(Step::Enter(at));
            }
        }
        let waits = |at: usize| self.programs[at].wish == Wish::Asking;
        if steps.is_empty() {
            if (0..3).any(waits) {
                steps.push(Step::GetStuck);
            }
            return;
        }
        self.events(steps);
    }

    fn steps_of(&self, search: &Search, at: usize, steps: &mut Vec<Step>) {
        let program = &self.programs[at];
        let party = program.party;
        if self.flying.iter().any(|call| call.origin.party == party) {
            steps.push(Step::Arrive(at));
        }
        if program.is_stopped {
            return steps.push(Step::GoOn(at));
        }
        // A claim and a question may arrive when the connection is known to be lost.
        match program.wish {
            _ if !program.has_session => {}
            Wish::NotAsked => steps.push(Step::Claim(at)),
            Wish::Asking if self.would_learn(at) => steps.push(Step::Ask(at)),
            Wish::Asking | Wish::Over => {}
        }
        if !program.is_connected {
            return steps.push(Step::Return(at));
        }
        if program.was_told.contains(&true) && !self.has_calls(party) {
            steps.push(Step::Confirm(at));
        }
        let may_call = self.left.calls > 0;
        for claim in (0..3).filter(|claim| program.holds[*claim]) {
            steps.push(Step::Release(at, claim));
            if may_call {
                let devices = search.claims[claim].iter();
                steps.extend(devices.map(|device| Step::Call(at, *device, Some(claim))));
            }
            if self.left.transfers > 0 {
                let others = (0..3).filter(|other| *other != at);
                steps.extend(others.map(|other| Step::Transfer(at, claim, other)));
            }
        }
        if program.is_free && may_call {
            let devices = search.claims[at].iter();
            steps.extend(devices.map(|device| Step::Call(at, *device, None)));
        }
    }

    /// Returns true if a question about the claim of a program would be answered by something new.
    fn would_learn(&self, at: usize) -> bool {
        let mut table = self.table.clone();
        let state = table.asked(self.programs[at].party, at as u128, self.now);
        !matches!(state, ClaimState::Waiting { .. })
    }

    fn events(&self, steps: &mut Vec<Step>) {
        let left = &self.left;
        for (at, program) in self.programs.iter().enumerate() {
            if left.drops > 0 && program.is_connected {
                steps.push(Step::Lose(at));
            }
            if left.stops > 0 && !program.is_stopped {
                steps.push(Step::Stop(at));
            }
        }
        if left.kicks > 0 {
            let held = (0..2).filter(|at| self.watch.holders[*at] != 0);
            steps.extend(held.flat_map(|at| [Step::Kick(at, false), Step::Kick(at, true)]));
        }
        if left.restarts > 0 {
            steps.push(Step::Restart);
        }
        if left.passes > 0 {
            let all = self.table.list(self.now);
            // The grace of a reserved lease is longer than all other times.
            let is_reserved = all.iter().any(|lease| lease.client == 0);
            steps.push(Step::Pass(if is_reserved { 61 } else { 6 }));
        }
    }
}
