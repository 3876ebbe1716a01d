//! A thousand runs over a simulated network that is cut, held up and delayed, with a server that crashes.
//!
//! One seed alone: `SEED=17 cargo test -p tests --test simulation`. More of them:
//! `SEEDS=10000 cargo test --release -p tests --test simulation`.

use std::collections::BTreeMap;

use ipc_core::session::mutant::Mutant;
use tests::simulation::{play, play_with};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = match (number("SEED"), number("SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, seeds) => 0..seeds.unwrap_or(1000),
    };
    let mut total = BTreeMap::new();
    for seed in seeds.clone() {
        let tally = play(seed).unwrap_or_else(|broken| panic!("SEED={seed}: {broken}"));
        for (what, count) in tally {
            *total.entry(what).or_insert(0) += count;
        }
    }
    println!("{total:?}");
    if seeds.count() >= 1000 {
        for what in [
            "returned",
            "unknown",
            "timed out",
            "not sent",
            "given up",
            "resumed",
            "crash",
        ] {
            assert!(
                total.get(what).is_some_and(|count| *count > 50),
                "{what}: {total:?}"
            );
        }
    }
}

#[test]
fn a_seed_replays() {
    assert_eq!(play(7), play(7));
}

/// The simulation finds planted faults.
#[test]
fn wrong_session_code_is_noticed() {
    let mutants: [&'static [Mutant]; 5] = [
        &[Mutant::NoDedup],
        &[Mutant::BlindResend],
        &[Mutant::ForgetsWhatItSent],
        &[Mutant::RevivesSessions],
        &[Mutant::ConfirmsTooMuch],
    ];
    for mutants in mutants {
        let noticed = (0..300).any(|seed| play_with(seed, mutants).is_err());
        assert!(noticed, "{mutants:?} goes unnoticed");
    }
}
