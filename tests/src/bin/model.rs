//! Searches all that can happen to a session, in several mixes of faults: `cargo run --release -p tests --bin model`.

use std::process::ExitCode;
use std::time::Instant;

use stateright::{Checker, Model};
use tests::model::{MIXES, Mix};

fn main() -> ExitCode {
    let only = std::env::args().nth(1);
    let (mut total, mut holds) = (0, true);
    let began = Instant::now();
    for Mix { name, search } in MIXES
        .iter()
        .filter(|mix| only.as_deref().is_none_or(|only| mix.name.contains(only)))
    {
        let start = Instant::now();
        let checker = search().checker().threads(2).spawn_dfs().join();
        let states = checker.unique_state_count();
        total += states;
        println!(
            "{name}: {states} states, depth {}, {:.1} s",
            checker.max_depth(),
            start.elapsed().as_secs_f64()
        );
        for (property, path) in checker.discoveries() {
            if property.starts_with("a reconnect") {
                continue;
            }
            holds = false;
            println!("  BROKEN: {property}");
            path.into_actions()
                .iter()
                .for_each(|step| println!("    {step:?}"));
        }
    }
    println!("{total} states in {:.1} s", began.elapsed().as_secs_f64());
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
