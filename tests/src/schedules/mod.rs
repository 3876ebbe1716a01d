//! Random schedules of drivers that hang, of clients that come, give up and go, and of a server that stops, crashes or is
//! suspended, in virtual time.
//!
//! Both ends of the sessions, the table of sessions, the order of clients, and the rules about running calls and about the
//! place of a client are the shipped ones. The network, the devices with their gates, and the order of the threads are made
//! up here.

mod client;
mod gates;
mod lab;
mod leaving;
mod ledger;
mod network;
mod pump;
mod queue;
mod server;
mod serving;
mod steps;
mod world;

use std::fmt;
use std::time::Duration;

use ipc_core::session::mutant::Mutant;
use ipc_hub::mutant::Mutant as RuleMutant;

pub use ledger::Tally;
use world::World;

/// What a server that is played does wrong on purpose, to show that the schedules would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Fault {
    /// Each result is sent twice.
    AnswersTwice,
    /// The result of a call that made its device stuck is dropped.
    LosesAnswers,
    /// Calls to a device that is stuck wait for it.
    WaitsForStuckDevices,
    /// A device stays stuck when the call has returned.
    StaysStuck,
}

/// What is wrong with the code that is played.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Wrong {
    /// In the sessions.
    pub mutants: &'static [Mutant],
    /// In the rules about calls and places.
    pub rule: Option<RuleMutant>,
    /// In the server around them.
    pub fault: Option<Fault>,
}

/// A promise that a schedule has broken.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Broken {
    /// The seed of the schedule.
    pub seed: u64,
    /// Which promise.
    pub promise: String,
    /// What happened until then.
    pub transcript: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transcript
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))?;
        write!(f, "SEED={}: {}", self.seed, self.promise)
    }
}

/// Plays the schedule of a seed to its end. Returns how often what happened.
pub fn play(seed: u64) -> Result<Tally, Broken> {
    play_with(seed, Wrong::default())
}

/// The same with faults in the code.
pub fn play_with(seed: u64, wrong: Wrong) -> Result<Tally, Broken> {
    World::new(seed, wrong, false).play().map_err(|_| {
        // Once more, because the transcript costs more time than the schedule.
        let again = World::new(seed, wrong, true).play();
        let (promise, transcript) = again.err().unwrap_or_default();
        Broken {
            seed,
            promise,
            transcript,
        }
    })
}

/// Number of devices.
const DEVICES: usize = 3;
/// Longest time between two looks of the server at what runs.
const PERIOD: Duration = Duration::from_millis(100);
/// How long a call must have run to make its device stuck.
const OVERRUN: Duration = Duration::from_secs(10);
/// How long the place of a client that has lost its connection is kept while others wait.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
/// How long ago its caller must have given it up.
const GIVEN_UP_FOR: Duration = Duration::from_secs(1);
