//! The state of everything: the table, the programs, the gates, and the calls on their way.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use ipc_hub::leases::LeaseTable;

use super::watch::Watch;
use super::{Budget, DEVICES, Search};

/// The owner word of a device that changes hands.
pub(super) const CLOSED: u64 = u64::MAX;

/// A program that uses the devices.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Program {
    /// Its number at the server.
    pub(super) party: u64,
    pub(super) is_connected: bool,
    /// True once it has been connected to this server, which may then still receive what it sent.
    pub(super) has_session: bool,
    /// True while its process is stopped. Its connection stands, and its calls go on.
    pub(super) is_stopped: bool,
    pub(super) wish: Wish,
    /// The claims that it believes to hold.
    pub(super) holds: [bool; 3],
    /// The devices of which it has been told that it has lost them.
    pub(super) was_told: [bool; 2],
    /// True if it may call without a lease.
    pub(super) is_free: bool,
}

/// What a program does about its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wish {
    /// It has not asked yet.
    NotAsked,
    /// It waits.
    Asking,
    /// It has had its devices, or was refused.
    Over,
}

/// Who made a call, and under which lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) party: u64,
    pub(super) claim: Option<usize>,
}

/// A call on its way.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Call {
    pub(super) origin: Origin,
    pub(super) device: usize,
}

/// The gate of a device, and the driver behind it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Gate {
    /// Who may enter: 0 for all, a party, or [`CLOSED`].
    pub(super) owner: u64,
    /// The party that entered last; 0 once the release hook has run.
    pub(super) user: u64,
    pub(super) inside: Option<Call>,
    pub(super) queue: VecDeque<Call>,
    /// The release hook that is due, at the head of the queue.
    pub(super) hook: Option<Hook>,
}

/// A release hook, and the lease whose end made it due.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Hook {
    pub(super) turn: u64,
    pub(super) origin: Origin,
}

/// The state of everything.
#[derive(Clone)]
pub struct World {
    pub(super) table: LeaseTable,
    pub(super) now: Instant,
    pub(super) programs: [Program; 3],
    pub(super) gates: [Gate; 2],
    /// Calls that have not reached the server, in the order in which they were made.
    pub(super) flying: Vec<Call>,
    pub(super) left: Budget,
    pub(super) watch: Watch,
    pub(super) broken: u16,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A program asks for its lease.
    Claim(usize),
    /// A program asks whether it has its lease.
    Ask(usize),
    /// A program releases a lease.
    Release(usize, usize),
    /// A program gives a lease to another one.
    Transfer(usize, usize, usize),
    /// A program calls a device, under a lease if it has one.
    Call(usize, usize, Option<usize>),
    /// The first call of a program that is on its way reaches the server.
    Arrive(usize),
    /// The call at the head of the queue of a device enters, or is refused.
    Enter(usize),
    /// The driver of a device returns.
    Leave(usize),
    /// The release hook of a device runs.
    RunHook(usize),
    /// The server learns that a program knows of what it has lost.
    Confirm(usize),
    /// A program loses its connection.
    Lose(usize),
    /// A program is connected again.
    Return(usize),
    /// A program is stopped.
    Stop(usize),
    /// A program that was stopped goes on.
    GoOn(usize),
    /// Somebody ends the lease of a device, after a notice or at once.
    Kick(usize, bool),
    /// Time passes, in seconds.
    Pass(u64),
    /// The server is restarted.
    Restart,
    /// Nothing can happen any more, and a claim waits.
    GetStuck,
}

/// The program whose party this is.
pub(super) fn program_of(party: u64) -> usize {
    usize::try_from((party - 1) % 3).unwrap()
}

impl World {
    pub(super) fn new(search: &Search) -> Self {
        let program = |party| Program {
            party,
            is_connected: true,
            has_session: true,
            is_stopped: false,
            wish: Wish::NotAsked,
            holds: [false; 3],
            was_told: [false; 2],
            is_free: false,
        };
        Self {
            table: search.new_table(),
            now: search.start,
            programs: [1, 2, 3].map(program),
            gates: Default::default(),
            flying: Vec::new(),
            left: search.budget,
            watch: Watch::default(),
            broken: 0,
        }
    }

    pub(super) fn gate_of(&mut self, device: &str) -> &mut Gate {
        let at = DEVICES.iter().position(|name| *name == device).unwrap();
        &mut self.gates[at]
    }

    /// Returns true if a call of the party is inside a driver.
    pub(super) fn is_busy(&self, party: u64) -> bool {
        let mut inside = self.gates.iter().filter_map(|gate| gate.inside);
        inside.any(|call| call.origin.party == party)
    }

    /// Returns true if a call of the party is on its way, or waits at a gate.
    pub(super) fn has_calls(&self, party: u64) -> bool {
        let queued = self.gates.iter().flat_map(|gate| &gate.queue);
        let mut calls = self.flying.iter().chain(queued);
        calls.any(|call| call.origin.party == party)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.table, self.now, &self.programs, &self.gates).hash(state);
        (&self.flying, self.left).hash(state);
        (&self.watch, self.broken).hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        let digest = |world: &Self| {
            let mut hasher = DefaultHasher::new();
            world.hash(&mut hasher);
            hasher.finish()
        };
        digest(self) == digest(other)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("programs", &self.programs)
            .field("gates", &self.gates)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
