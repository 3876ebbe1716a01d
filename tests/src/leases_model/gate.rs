//! A gate with its driver, and how calls get in.

use super::watch::Broken;
use super::world::{CLOSED, Call, Gate, World, program_of};
use super::{DEVICES, Fault, Search};

/// What becomes of a call that is looked at.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Check {
    Passes,
    Waits,
    Refused,
}

impl Gate {
    /// Returns true if the call or the hook at the head of the queue may be looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.inside.is_none()
    }
}

impl World {
    /// What the gate and the server look at before a call enters. They ask for the fence only if the device was used by
    /// another party since, or released: not for each call.
    pub(super) fn check(&self, search: &Search, call: Call) -> Check {
        let gate = &self.gates[call.device];
        let party = call.origin.party;
        let fence = self.table.fence(party, DEVICES[call.device]);
        let is_fenced = fence.is_some() && !search.has(Fault::LetsFencedCallsIn);
        match gate.owner {
            _ if search.has(Fault::IgnoresOwners) => Check::Passes,
            0 if is_fenced && gate.user != party => Check::Refused,
            0 => Check::Passes,
            CLOSED if is_fenced => Check::Refused,
            CLOSED => Check::Waits,
            owner if owner == party => Check::Passes,
            _ => Check::Refused,
        }
    }

    /// A call has reached the server.
    pub(super) fn arrive(&mut self, search: &Search, program: usize) {
        let of = |call: &Call| program_of(call.origin.party) == program;
        let Some(at) = self.flying.iter().position(of) else {
            return;
        };
        let call = self.flying.remove(at);
        match self.check(search, call) {
            Check::Refused => self.refuse(search, call),
            Check::Passes | Check::Waits => self.gates[call.device].queue.push_back(call),
        }
    }

    /// What the call at the head of a queue may do; `None` if there is none, or it has to wait for others.
    pub(super) fn head(&self, search: &Search, device: usize) -> Option<Check> {
        let gate = &self.gates[device];
        let call = gate.queue.front().filter(|_| gate.is_empty())?;
        match search.has(Fault::ChecksBeforeTheGate) {
            true => Some(Check::Passes),
            false => Some(self.check(search, *call)),
        }
    }

    pub(super) fn enter(&mut self, search: &Search, device: usize) {
        let check = self.head(search, device);
        let Some(call) = self.gates[device].queue.pop_front() else {
            return;
        };
        if check == Some(Check::Refused) {
            return self.refuse(search, call);
        }
        let (holder, party) = (self.watch.holders[device], call.origin.party);
        if let Some(claim) = call.origin.claim
            && holder != party
            && self.watch.fenced[claim] == party
        {
            if self.watch.given_on[claim][device] {
                self.break_promise(Broken::EnteredFenced);
            }
            if self.watch.released[claim][device] {
                self.break_promise(Broken::EnteredAfterTheHook);
            }
        }
        if holder != party && holder != 0 {
            self.break_promise(Broken::EnteredHeld);
        }
        let gate = &mut self.gates[device];
        gate.user = party;
        gate.inside = Some(call);
    }

    fn refuse(&mut self, search: &Search, call: Call) {
        let fence = self.table.fence(call.origin.party, DEVICES[call.device]);
        let is_fenced = fence.is_some();
        let program = &mut self.programs[program_of(call.origin.party)];
        if program.is_connected && !program.is_stopped {
            program.was_told[call.device] |= is_fenced;
            // It has none of the leases of this device that it may believe to have.
            for (holds, devices) in program.holds.iter_mut().zip(search.claims) {
                *holds &= !devices.contains(&call.device);
            }
        }
        if search.has(Fault::ForgetsFencesAtOnce) {
            let device = DEVICES[call.device];
            self.table.was_fenced(call.origin.party, device);
        }
    }

    pub(super) fn run_hook(&mut self, search: &Search, device: usize) {
        let gate = &mut self.gates[device];
        let Some(hook) = gate.hook.take() else {
            return;
        };
        gate.user = 0;
        if gate
            .inside
            .is_some_and(|call| call.origin.party == hook.origin.party)
        {
            self.break_promise(Broken::GrantedBeforeTheHook);
        }
        if let Some(claim) = hook.origin.claim {
            self.watch.released[claim][device] = true;
        }
        if !search.has(Fault::LosesHooks) {
            self.table.released(DEVICES[device], hook.turn);
            self.carry_out(search, &[]);
        }
    }
}
