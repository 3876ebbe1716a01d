//! Three clients that lease the devices of a shared server, through a bad network each: no call runs twice, none
//! succeeds falsely, and none enters a device that its client has lost.
//!
//! Small here; the full count is a command, see `tests/src/bin/faults.rs`.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    reason = "a test says what it expects by unwrapping"
)]

use tests::SECRET;
use tests::faults::leases::lab::Sabotage;
use tests::faults::leases::run::{self, Plan, Report};
use tests::faults::ledger::Outcome;

fn plan(calls: u64) -> Plan {
    Plan {
        program: env!("CARGO_BIN_EXE_faults").into(),
        calls,
        secret: None,
        seed: 1,
        mean: 1500,
        sabotage: None,
    }
}

fn play(plan: &Plan) -> Report {
    let report = run::run(plan).expect("a verdict");
    println!("{report}\n{}", report.last_line());
    report
}

fn passes(plan: &Plan) {
    let report = play(plan);
    assert_eq!(report.complaints(), [""; 0]);
    assert_eq!(report.verdict.unknown, 0);
    let refused = [Outcome::Held, Outcome::Fenced].map(|outcome| report.verdict.ended(outcome));
    assert!(refused.iter().all(|count| *count > 0), "{report}");
    assert!(report.lost > 50 && report.stops > 0, "{report}");
}

#[test]
fn nobody_uses_a_device_that_it_has_lost() {
    passes(&plan(800));
}

#[test]
fn nobody_uses_a_device_that_it_has_lost_under_a_secret() {
    passes(&Plan {
        secret: Some(SECRET.into()),
        seed: 2,
        ..plan(800)
    });
}

/// A fault of the server is found by this complaint, in one of several runs.
fn finds(sabotage: Sabotage, complaint: &str) {
    let found = (1..=20).any(|seed| {
        let report = play(&Plan {
            sabotage: Some(sabotage),
            seed,
            ..plan(500)
        });
        let complaints = report.complaints();
        complaints.iter().any(|said| said.ends_with(complaint))
    });
    assert!(found, "{sabotage:?} was not noticed");
}

#[test]
fn a_server_that_runs_calls_twice_is_noticed() {
    finds(Sabotage::NoDedup, "doubles");
}

#[test]
fn a_server_that_lets_in_whoever_has_lost_a_device_is_noticed() {
    finds(Sabotage::NeverFences, "calls by a fenced client");
}

#[test]
fn a_server_that_grants_devices_in_use_is_noticed() {
    finds(Sabotage::GrantsBeforeTheHook, "calls by a fenced client");
}
