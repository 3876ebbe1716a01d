//! A thousand random schedules in which drivers hang, clients come and go, and the server stops, crashes or is suspended.
//!
//! One seed alone: `SEED=17 cargo test -p tests --test schedules`. More of them:
//! `SCHEDULES=100000 cargo test --release -p tests --test schedules`.

#![allow(clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use ipc_core::session::mutant::Mutant;
use ipc_hub::mutant::Mutant as Rule;
use tests::schedules::{Fault, Wrong, play, play_with};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn no_schedule_breaks_a_promise() {
    let seeds = match (number("SEED"), number("SCHEDULES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, schedules) => 0..schedules.unwrap_or(1000),
    };
    let mut total = BTreeMap::new();
    for seed in seeds.clone() {
        let tally = play(seed).unwrap_or_else(|broken| panic!("\n{broken}"));
        for (what, count) in tally {
            *total.entry(what).or_insert(0) += count;
        }
    }
    println!("{total:?}");
    if seeds.count() >= 1000 {
        for what in [
            "returned",
            "refused",
            "refused as stuck",
            "cancelled",
            "timed out",
            "unknown",
            "resumed",
            "stuck",
            "recovered",
            "goodbye over running calls",
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
fn a_schedule_replays() {
    assert_eq!(play(7), play(7));
}

/// Asserts that schedules with faults in the code break this promise.
fn breaks(wrong: Wrong, promise: &str) {
    let mut broken = (0..1000).filter_map(|seed| play_with(seed, wrong).err());
    let is_noticed = broken.any(|broken| {
        assert!(!broken.transcript.is_empty(), "there is no transcript");
        broken.promise.contains(promise)
    });
    assert!(is_noticed, "{wrong:?} goes unnoticed");
}

#[test]
fn a_server_that_goes_wrong_is_noticed() {
    for (fault, promise) in [
        (Fault::AnswersTwice, "was answered twice"),
        (Fault::LosesAnswers, "nothing is before it"),
        (Fault::WaitsForStuckDevices, "is stuck and does not refuse"),
        (Fault::StaysStuck, "is still stuck"),
    ] {
        let wrong = Wrong {
            fault: Some(fault),
            ..Wrong::default()
        };
        breaks(wrong, promise);
    }
}

#[test]
fn a_rule_that_is_broken_is_noticed() {
    for (rule, promise) in [
        (Rule::LosesPatience, "is stuck because of"),
        (Rule::IgnoresSuspension, "is stuck because of"),
        (Rule::PassesOnWhileCallsRun, "the place passes on"),
        (Rule::GivesUpTheLost, "passes on too soon"),
        (Rule::KeepsTheLost, "is kept for too long"),
        (Rule::KeepsThePlace, "the place does not pass on"),
        (Rule::WaitsForLateCalls, "the place does not pass on"),
    ] {
        let wrong = Wrong {
            rule: Some(rule),
            ..Wrong::default()
        };
        breaks(wrong, promise);
    }
}

#[test]
fn a_session_that_breaks_a_rule_is_noticed() {
    let mutants: [(&'static [Mutant], &str); 6] = [
        (&[Mutant::SaysByeOverCalls], "goodbye without an answer"),
        (&[Mutant::OvertakesAnyCall], "whose caller waits"),
        (&[Mutant::NoDedup], "runs: Call"),
        (&[Mutant::BlindResend], "runs: Call"),
        (&[Mutant::ForgetsWhatItSent], "runs: Call"),
        (&[Mutant::ConfirmsTooMuch], "refused: Call"),
    ];
    for (mutants, promise) in mutants {
        let wrong = Wrong {
            mutants,
            ..Wrong::default()
        };
        breaks(wrong, promise);
    }
}
