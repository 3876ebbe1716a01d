//! Calls through a bad network: none runs twice, none succeeds falsely, and none ends unknown while the server lives.
//!
//! Small here; the full counts are commands, see `tests/src/bin/faults.rs`.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    reason = "a test says what it expects by unwrapping"
)]

use std::path::Path;

use tests::faults::every_byte;
use tests::faults::ledger::Outcome;
use tests::faults::proxy::Fault;
use tests::faults::run::{self, Plan};
use tests::faults::worker::Mix;

const PROGRAM: &str = env!("CARGO_BIN_EXE_faults");
const SECRET: &str = "waktu dan ruang";

fn passes(plan: &Plan) -> run::Report {
    let report = run::run(plan).expect("a verdict");
    println!("{report}\n{}", report.last_line());
    assert_eq!(run::complaints(&report), [""; 0]);
    report
}

#[test]
fn nothing_is_doubled_or_lost_on_a_bad_network() {
    let report = passes(&Plan {
        calls: 2500,
        ..Plan::new(PROGRAM)
    });
    assert_eq!(report.verdict.unknown, 0);
    assert_eq!(
        report.verdict.repeats, 0,
        "not even what may be repeated is"
    );
    assert!(report.faults.iter().map(|(_, count)| count).sum::<u64>() > 100);
}

#[test]
fn nothing_is_doubled_or_lost_on_a_bad_network_under_a_secret() {
    let secret = Some(SECRET.into());
    let report = passes(&Plan {
        calls: 2500,
        secret,
        seed: 2,
        ..Plan::new(PROGRAM)
    });
    assert_eq!(report.verdict.unknown, 0);
}

#[test]
fn a_call_that_was_given_up_never_answers_another_one() {
    let report = passes(&Plan {
        calls: 1000,
        mix: Mix::GivenUp,
        seed: 3,
        ..Plan::new(PROGRAM)
    });
    assert_eq!(report.verdict.unknown, 0);
    assert!(
        report.verdict.ended(Outcome::Cancelled) > 50,
        "{}",
        report.verdict
    );
    assert!(
        report.verdict.ended(Outcome::TimedOut) > 50,
        "{}",
        report.verdict
    );
}

#[test]
fn a_call_survives_a_cut_at_every_byte() {
    for (secret, fault, places) in [(None, Fault::Cut, 200), (Some(SECRET), Fault::Reset, 400)] {
        let report = every_byte::run(Path::new(PROGRAM), secret, &[fault]).expect("a verdict");
        println!("{report}");
        assert_eq!(report.verdict.complaints(), [""; 0]);
        assert_eq!(report.verdict.ended(Outcome::Right), report.verdict.calls);
        assert!(report.cuts > places, "{report}");
    }
}
