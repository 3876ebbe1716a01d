//! A model of three programs that share two devices, for an exhaustive search. Who may use a device is decided by the
//! shipped [`LeaseTable`]; the programs, the gates of the devices and the network are made up.

mod gate;
mod mixes;
mod step;
mod take;
mod watch;
mod world;

use std::time::Instant;

use ipc_core::interface::commands::LeaseRequest;
use ipc_hub::leases::LeaseTable;
use ipc_hub::mutant::Mutant;
use stateright::{Model, Property};

pub use mixes::{LEASE_MIXES, LeaseMix};
pub use watch::Broken;
pub use world::{Step, World};

/// How much happens in one run besides claims, grants and releases. Whatever is counted here may happen at any step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Programs make calls.
    pub calls: u8,
    /// A program loses its connection.
    pub drops: u8,
    /// A program is stopped, and goes on later.
    pub stops: u8,
    /// Somebody ends a lease, at once or with notice.
    pub kicks: u8,
    /// A holder gives its lease to another program.
    pub transfers: u8,
    /// The server is restarted with the leases that it saved.
    pub restarts: u8,
    /// Time passes: longer than any grace, notice or lease.
    pub passes: u8,
}

/// What is wrong with the gates, or with how the server asks the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The gates do not look at the owners of the devices.
    IgnoresOwners,
    /// The owner of a device is looked at before a call waits at the gate, and not again.
    ChecksBeforeTheGate,
    /// A call made under a lease that has ended may enter a device that nobody has leased.
    LetsFencedCallsIn,
    /// A fence is forgotten at the first refusal, when other calls of the party may be under way.
    ForgetsFencesAtOnce,
    /// The hook does not wait for the call inside.
    RunsHooksBesideCalls,
    /// The table is not told that a hook has run.
    LosesHooks,
}

/// What is searched.
#[derive(Debug)]
pub struct Search {
    /// For each program, the devices of its claim.
    pub claims: [&'static [usize]; 3],
    /// What happens besides.
    pub budget: Budget,
    /// Whether leases last for a limited time.
    pub is_limited: bool,
    /// What is wrong with the table.
    pub mutant: Option<Mutant>,
    /// What is wrong around it.
    pub fault: Option<Fault>,
    start: Instant,
}

/// The devices, in order of their names.
pub(crate) const DEVICES: [&str; 2] = ["laser", "meter"];

impl Search {
    /// A search with the table and the gates as they are.
    pub fn new(claims: [&'static [usize]; 3], budget: Budget) -> Self {
        Self {
            claims,
            budget,
            is_limited: false,
            mutant: None,
            fault: None,
            start: Instant::now(),
        }
    }

    /// The same with leases that last for a limited time.
    pub fn limited(mut self) -> Self {
        self.is_limited = true;
        self
    }

    /// The same with a fault in the table.
    pub fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    /// The same with a fault around the table.
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn new_table(&self) -> LeaseTable {
        let mut table = LeaseTable::new(Default::default());
        table.plant(self.mutant);
        table
    }

    /// What a program asks for. The number of the claim is that of the program.
    fn request(&self, program: usize) -> LeaseRequest {
        let devices = self.claims[program].iter();
        LeaseRequest {
            claim: program as u128,
            devices: devices.map(|at| DEVICES[*at].to_string()).collect(),
            identity: format!("program {program}"),
            grace_ms: Some(SHORT),
            for_ms: self.is_limited.then_some(SHORT),
            may_wait: true,
            ..LeaseRequest::default()
        }
    }
}

/// The grace, notice and duration of leases in milliseconds: as long as a claim that is not asked for is not passed over.
const SHORT: u64 = 5000;

impl Model for Search {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(self, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(self, step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "no call of a fenced party enters a driver after the grant to another",
                |_, w: &World| !w.is_broken(Broken::EnteredFenced),
            ),
            Property::always(
                "nobody enters a device that another party holds",
                |_, w: &World| !w.is_broken(Broken::EnteredHeld),
            ),
            Property::always("a device has one holder", |_, w: &World| {
                !w.is_broken(Broken::TwoHolders)
            }),
            Property::always("all devices or none", |_, w: &World| {
                !w.is_broken(Broken::Partial)
            }),
            Property::always(
                "the hook runs before the grant, with nobody inside",
                |_, w: &World| !w.is_broken(Broken::GrantedBeforeTheHook),
            ),
            Property::always(
                "no call made under a lease enters once its hook has run",
                |_, w: &World| !w.is_broken(Broken::EnteredAfterTheHook),
            ),
            Property::always("nobody is granted while lost", |_, w: &World| {
                !w.is_broken(Broken::GrantedWhileLost)
            }),
            Property::always("first come, first served", |_, w: &World| {
                !w.is_broken(Broken::Overtook)
            }),
            Property::always("no clock ends a lease during a call", |_, w: &World| {
                !w.is_broken(Broken::EndedWhileBusy)
            }),
            // A path cannot go on for ever, because all that can be done again uses something up. So "in the end every
            // claim is granted" is: there is no dead end with a claim that waits.
            Property::always("every claim that waits is granted", |_, w: &World| {
                !w.is_broken(Broken::Stuck)
            }),
            Property::sometimes(ALL_SERVED, |_, w: &World| w.have_all_been_granted()),
        ];
        if self.budget.restarts > 0 {
            properties.push(Property::sometimes(RETURNED, |_, w: &World| {
                w.has_returned()
            }));
        }
        properties
    }
}

/// What is to be found in a search, rather than not to be found.
pub const ALL_SERVED: &str = "all claims have been granted";
/// The same, if the server is restarted.
pub const RETURNED: &str = "a holder returns to its lease after a restart";
