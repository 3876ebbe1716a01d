//! Searches all that can happen to a session, and to programs that share devices, in several mixes of events:
//! `cargo run --release -p tests --bin model`. An argument selects the mixes with this text in their names.

use std::fmt::Debug;
use std::hash::Hash;
use std::process::ExitCode;
use std::time::Instant;

use stateright::{Checker, Model};
use tests::leases_model::{ALL_SERVED, LEASE_MIXES, LeaseMix, RETURNED};
use tests::model::{MIXES, Mix};

fn main() -> ExitCode {
    let only = std::env::args().nth(1);
    let is_chosen = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    let mut total = Total::default();
    let began = Instant::now();
    for Mix { name, search } in MIXES.iter().filter(|mix| is_chosen(mix.name)) {
        total.search(name, search(), &["a reconnect ends in an answer"]);
    }
    for LeaseMix { name, search } in LEASE_MIXES.iter().filter(|mix| is_chosen(mix.name)) {
        total.search(name, search(), &[ALL_SERVED, RETURNED]);
    }
    let Total { states, is_broken } = total;
    println!("{states} states in {:.1} s", began.elapsed().as_secs_f64());
    match is_broken {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// What was found so far.
#[derive(Default)]
struct Total {
    states: usize,
    is_broken: bool,
}

impl Total {
    /// Searches a mix. The properties in `wanted` are to be found, and all others are not.
    fn search<M>(&mut self, name: &str, model: M, wanted: &[&str])
    where
        M: Model + Send + Sync + 'static,
        M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
        M::Action: Clone + Debug + PartialEq + Send + Sync,
    {
        let start = Instant::now();
        let checker = model.checker().threads(2).spawn_dfs().join();
        let states = checker.unique_state_count();
        self.states += states;
        println!(
            "{name}: {states} states, depth {}, {:.1} s",
            checker.max_depth(),
            start.elapsed().as_secs_f64()
        );
        for (property, path) in checker.discoveries() {
            if wanted.contains(&property) {
                continue;
            }
            self.is_broken = true;
            println!("  BROKEN: {property}");
            path.into_actions()
                .iter()
                .for_each(|step| println!("    {step:?}"));
        }
    }
}
