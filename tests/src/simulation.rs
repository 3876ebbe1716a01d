//! One client and one server on a simulated network with a simulated clock: partitions, held and delayed packets,
//! crashes and restarts, all of it decided by a seed.

mod client;
mod ledger;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ipc_core::session::mutant::Mutant;
use ledger::Ledger;

use crate::random::Random;

pub use ledger::Tally;

const SERVER: &str = "server";
const CLIENT: &str = "client";
const PORT: u16 = 9000;
const TROUBLE: Duration = Duration::from_secs(6);

/// Plays one seed to its end. An error says which promise was broken.
pub fn play(seed: u64) -> Result<Tally, String> {
    play_with(seed, &[])
}

/// The same with faults in the session code.
pub fn play_with(seed: u64, mutants: &'static [Mutant]) -> Result<Tally, String> {
    let ledger = Arc::new(Ledger::default());
    let mut random = Random::new(seed);
    let slowness = [0, 1, 2]
        .into_iter()
        .find(|_| random.percent(50))
        .unwrap_or(2);
    let mut sim = turmoil::Builder::new()
        .rng_seed(random.next_u64())
        .tick_duration(Duration::from_millis(5))
        .simulation_duration(Duration::from_secs(120))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(2 * 12_u64.pow(slowness)))
        .build();
    let starts = Arc::new(AtomicU64::new(0));
    sim.host(SERVER, {
        let ledger = Arc::clone(&ledger);
        move || {
            let start = starts.fetch_add(1, Ordering::Relaxed);
            let random = Random::new(seed ^ (start << 32) ^ 1);
            server::run(Arc::clone(&ledger), random, start, mutants)
        }
    });
    sim.client(
        CLIENT,
        client::run(Arc::clone(&ledger), Random::new(seed ^ 2), mutants),
    );
    let mut faults = Faults::new(random);
    loop {
        faults.at(&mut sim, &ledger);
        match sim.step() {
            Ok(false) => {}
            Ok(true) => return ledger.verdict(),
            Err(error) => return Err(error.to_string()),
        }
    }
}

struct Faults {
    random: Random,
    next: Duration,
    is_down: bool,
    is_calm: bool,
    /// Crashes that are still to come.
    crashes: u64,
    /// How long it stays as it is, in milliseconds at most.
    pace: u64,
}

impl Faults {
    fn new(mut random: Random) -> Self {
        let pace = 50 << random.below(5);
        let crashes = random.below(4);
        Self {
            random,
            next: Duration::ZERO,
            is_down: false,
            is_calm: false,
            crashes,
            pace,
        }
    }

    fn at(&mut self, sim: &mut turmoil::Sim<'_>, ledger: &Ledger) {
        if sim.elapsed() > TROUBLE {
            if !self.is_calm {
                self.is_calm = true;
                self.mend(sim);
            }
            return;
        }
        if sim.elapsed() < self.next {
            return;
        }
        self.next = sim.elapsed() + Duration::from_millis(1 + self.random.below(self.pace));
        match self.random.below(10) {
            0 => sim.partition(CLIENT, SERVER),
            1 => sim.partition_oneway(CLIENT, SERVER),
            2 => sim.partition_oneway(SERVER, CLIENT),
            3 | 4 => sim.hold(CLIENT, SERVER),
            5 if !self.is_down && self.crashes > 0 => {
                self.crashes -= 1;
                ledger.crashed();
                sim.crash(SERVER);
                self.is_down = true;
            }
            6 if !self.is_down && self.crashes > 0 => {
                self.crashes -= 1;
                ledger.crashed();
                sim.bounce(SERVER);
            }
            _ => self.mend(sim),
        }
    }

    fn mend(&mut self, sim: &mut turmoil::Sim<'_>) {
        sim.repair(CLIENT, SERVER);
        sim.release(CLIENT, SERVER);
        if std::mem::take(&mut self.is_down) {
            sim.bounce(SERVER);
        }
    }
}
