//! What is known from outside of the table, and which promise is broken.

use ipc_core::interface::commands::LeaseInfo;
use ipc_hub::leases::{Change, RESERVED};

use super::world::{CLOSED, Hook, Origin, World, program_of};
use super::{DEVICES, Search};

/// A promise that was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A call entered that was made under a lease that had ended otherwise than by its holder, after the device had been
    /// given to another party.
    EnteredFenced,
    /// A call entered a device that another party held.
    EnteredHeld,
    /// A device was given to a party while another one held it.
    TwoHolders,
    /// A claim was granted without all of its devices.
    Partial,
    /// A device was given to a party while the hook of the lease before was due, or ran with a call inside.
    GrantedBeforeTheHook,
    /// A call entered that was made under a lease whose hook had run.
    EnteredAfterTheHook,
    /// A claim was granted while its party had no connection.
    GrantedWhileLost,
    /// A claim was granted before another one that came first.
    Overtook,
    /// A clock ended a lease while a call of its holder was inside a driver.
    EndedWhileBusy,
    /// A dead end with a claim that waits.
    Stuck,
}

/// What each lease and device has been through.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Watch {
    /// The parties that hold the devices; 0 for nobody.
    pub(super) holders: [u64; 2],
    /// The parties that had the claims when these were ended by others; 0 for none.
    pub(super) fenced: [u64; 3],
    /// For each of them, the devices that have been given to others since, and those whose hook has run.
    pub(super) given_on: [[bool; 2]; 3],
    pub(super) released: [[bool; 2]; 3],
    pub(super) granted: [bool; 3],
    pub(super) has_returned: bool,
}

impl Watch {
    /// All that was between the server and its clients is over.
    pub(super) fn forget_server(&mut self) {
        *self = Self {
            granted: self.granted,
            has_returned: self.has_returned,
            ..Self::default()
        };
    }
}

impl World {
    pub(super) fn break_promise(&mut self, broken: Broken) {
        self.broken |= 1 << broken as u16;
    }

    /// Whether this promise has been broken.
    pub fn is_broken(&self, broken: Broken) -> bool {
        self.broken & (1 << broken as u16) != 0
    }

    /// Whether each program has held its devices.
    pub fn have_all_been_granted(&self) -> bool {
        self.watch.granted == [true; 3]
    }

    /// Whether a lease that was reserved has been given back.
    pub fn has_returned(&self) -> bool {
        self.watch.has_returned
    }

    /// Does what the table has said. `before` lists the claims before the operation.
    pub(super) fn carry_out(&mut self, search: &Search, before: &[LeaseInfo]) {
        while let Some(change) = self.table.next_change() {
            match change {
                Change::Close { device } => self.gate_of(&device).owner = CLOSED,
                Change::Release {
                    device,
                    turn,
                    party,
                    ..
                } => {
                    let origin = Origin { party, claim: None };
                    self.gate_of(&device).hook = Some(Hook { turn, origin });
                }
                Change::Give { device, party, .. } => self.give(&device, party),
                Change::Open { device } => self.gate_of(&device).owner = 0,
                Change::Granted { party, claim } => self.granted(search, party, claim, before),
                Change::Ended {
                    party,
                    claim,
                    was_held,
                    end,
                    ..
                } => {
                    let claim = usize::try_from(claim).unwrap();
                    for at in search.claims[claim].iter().filter(|_| was_held) {
                        self.watch.holders[*at] = 0;
                        if let Some(hook) = &mut self.gates[*at].hook {
                            hook.origin.claim = Some(claim);
                        }
                    }
                    if was_held && end.by != "its client" {
                        self.watch.fenced[claim] = party;
                    }
                    let is_busy = self.is_busy(party);
                    if is_busy && end.by == "the server" {
                        self.break_promise(Broken::EndedWhileBusy);
                    }
                }
                _ => {}
            }
        }
        let all = self.table.list(self.now);
        for device in DEVICES {
            let has = |it: &&LeaseInfo| it.place == 0 && it.devices.iter().any(|it| it == device);
            if all.iter().filter(has).count() > 1 {
                self.break_promise(Broken::TwoHolders);
            }
        }
    }

    fn give(&mut self, device: &str, party: u64) {
        let at = DEVICES.iter().position(|name| *name == device).unwrap();
        if self.gates[at].hook.is_some() {
            self.break_promise(Broken::GrantedBeforeTheHook);
        }
        self.gates[at].owner = party;
        self.watch.holders[at] = party;
        if party != RESERVED {
            // What it knows is not about the lease that it has now.
            self.programs[program_of(party)].was_told[at] = false;
        }
        for claim in 0..3 {
            let fenced = self.watch.fenced[claim];
            self.watch.given_on[claim][at] |= ![0, party].contains(&fenced);
        }
    }

    fn granted(&mut self, search: &Search, party: u64, claim: u128, before: &[LeaseInfo]) {
        let program = usize::try_from(claim).unwrap();
        let devices = search.claims[program];
        if devices.iter().any(|at| self.watch.holders[*at] != party) {
            self.break_promise(Broken::Partial);
        }
        let at = before.iter().position(|it| it.claim == claim);
        if let Some(lease) = at.map(|at| &before[at]).filter(|it| it.place == 0) {
            // Transferred, or returned to.
            self.watch.has_returned |= lease.client == 0;
            return;
        }
        self.watch.granted[program] = true;
        if !self.programs[program_of(party)].is_connected {
            self.break_promise(Broken::GrantedWhileLost);
        }
        for other in before.iter().take(at.unwrap_or(before.len())) {
            let of = usize::try_from(other.claim).unwrap();
            let overlaps = search.claims[of].iter().any(|at| devices.contains(at));
            let program = &self.programs[of];
            let is_present = program.is_connected && !program.is_stopped;
            if other.place > 0 && overlaps && is_present {
                self.break_promise(Broken::Overtook);
            }
        }
    }
}
