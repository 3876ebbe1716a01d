//! The model of a session holds, and would not if the session code were wrong.
//!
//! The long search is `cargo run --release -p tests --bin model`.

use ipc_core::session::mutant::Mutant;
use stateright::{Checker, Model};
use tests::model::{Budget, Search};

const RECONNECT: &str = "a reconnect ends in an answer";

const NON_IDEMPOTENT: &[bool] = &[false, false];

fn budget(drops: u8, crashes: u8, evictions: u8, cancels: u8) -> Budget {
    Budget {
        drops,
        crashes,
        evictions,
        cancels,
        ..Budget::default()
    }
}

fn with_goodbye(budget: Budget) -> Budget {
    Budget {
        goodbyes: 1,
        ..budget
    }
}

/// The promises that are broken, and how many states there are.
fn broken(search: Search) -> (Vec<&'static str>, usize) {
    let checker = search.checker().threads(2).spawn_bfs().join();
    let discoveries = checker.discoveries();
    let mut broken: Vec<_> = discoveries.into_keys().collect();
    if let Some(at) = broken.iter().position(|property| *property == RECONNECT) {
        broken.remove(at);
    } else if checker.is_done() && broken.is_empty() {
        broken.push("no reconnect ends in an answer");
    }
    (broken, checker.unique_state_count())
}

fn holds(calls: &[bool], budget: Budget, at_least: usize) {
    let (broken, states) = broken(Search::new(calls, budget));
    assert_eq!(broken, <[&str; 0]>::default());
    assert!(states >= at_least, "only {states} states");
}

#[test]
fn every_promise_holds_with_drops_and_a_crash() {
    holds(NON_IDEMPOTENT, budget(2, 1, 0, 0), 50_000);
}

#[test]
fn every_promise_holds_with_evictions_and_cancelled_calls() {
    holds(NON_IDEMPOTENT, budget(1, 1, 1, 1), 30_000);
}

#[test]
fn every_promise_holds_with_an_idempotent_call_among_others() {
    holds(&[true, false], budget(1, 1, 0, 1), 20_000);
}

#[test]
fn every_promise_holds_with_a_goodbye_over_running_calls() {
    holds(NON_IDEMPOTENT, with_goodbye(budget(1, 1, 0, 0)), 50_000);
}

#[test]
fn every_promise_holds_with_a_goodbye_to_a_client_that_knows_no_unknown_outcomes() {
    let search = Search::new(NON_IDEMPOTENT, with_goodbye(budget(1, 0, 0, 0)));
    let (broken, states) = broken(search.without_faults());
    assert_eq!(broken, <[&str; 0]>::default());
    assert!(states >= 10_000, "only {states} states");
}

#[test]
fn every_promise_holds_with_refusals_and_a_server_whose_clock_runs_ahead() {
    let budget = Budget {
        refusals: 1,
        lates: 1,
        ..budget(1, 0, 0, 1)
    };
    holds(NON_IDEMPOTENT, budget, 15_000);
}

/// The mutant is found, and by this promise among others.
fn killed(mutants: &[Mutant], budget: Budget, by: &str) {
    let (broken, _) = broken(Search::new(NON_IDEMPOTENT, budget).with(mutants));
    assert!(broken.contains(&by), "{mutants:?} broke {broken:?} only");
}

const AT_MOST_ONCE: &str = "at most once";

#[test]
fn blind_sending_again_without_dedup_is_noticed() {
    let mutants = [Mutant::BlindResend, Mutant::NoDedup];
    killed(&mutants, budget(1, 0, 0, 0), AT_MOST_ONCE);
}

#[test]
fn blind_sending_again_after_a_restart_is_noticed() {
    killed(&[Mutant::BlindResend], budget(0, 1, 0, 0), AT_MOST_ONCE);
}

#[test]
fn a_key_without_incarnation_is_noticed() {
    killed(&[Mutant::NoIncarnation], budget(0, 1, 0, 0), AT_MOST_ONCE);
}

#[test]
fn no_dedup_is_noticed() {
    killed(&[Mutant::NoDedup], budget(1, 0, 0, 0), AT_MOST_ONCE);
}

#[test]
fn sessions_that_come_back_by_name_are_noticed() {
    killed(&[Mutant::RevivesSessions], budget(1, 0, 1, 0), AT_MOST_ONCE);
}

#[test]
fn forgetting_what_was_sent_is_noticed() {
    killed(
        &[Mutant::ForgetsWhatItSent],
        budget(0, 1, 0, 0),
        AT_MOST_ONCE,
    );
}

#[test]
fn confirming_too_much_is_noticed() {
    let by = "refused or not sent means never executed";
    killed(&[Mutant::ConfirmsTooMuch], budget(1, 0, 0, 0), by);
}

#[test]
fn a_stale_hello_that_steals_is_noticed() {
    let by = "no newer connection yields to an older one";
    killed(&[Mutant::StaleHelloSteals], budget(2, 0, 0, 0), by);
}

/// The client takes a goodbye as word that what was not answered did not run.
#[test]
fn a_goodbye_over_unanswered_calls_is_noticed() {
    let budget = with_goodbye(budget(0, 1, 0, 0));
    killed(&[Mutant::SaysByeOverCalls], budget, AT_MOST_ONCE);
}

/// The client does not know the answer that would make the goodbye true.
#[test]
fn a_goodbye_instead_of_a_cut_is_noticed() {
    let budget = with_goodbye(Budget::default());
    let search = Search::new(NON_IDEMPOTENT, budget).with(&[Mutant::SaysByeOverCalls]);
    let (broken, _) = broken(search.without_faults());
    assert!(broken.contains(&AT_MOST_ONCE), "{broken:?}");
}

/// The client sends such a call again, and after a crash nobody knows any more that it ran.
#[test]
fn calls_taken_behind_a_goodbye_are_noticed() {
    let budget = with_goodbye(budget(0, 1, 0, 0));
    killed(&[Mutant::ReadsBehindBye], budget, AT_MOST_ONCE);
}

#[test]
fn an_answer_that_is_lost_and_not_sent_again_is_noticed() {
    let by = "every call is answered";
    killed(&[Mutant::SwallowsLostAnswers], budget(2, 0, 0, 0), by);
}

#[test]
fn overtaking_a_call_that_was_not_cancelled_is_noticed() {
    let by = "one call at a time, unless it was cancelled";
    killed(&[Mutant::OvertakesAnyCall], budget(0, 0, 0, 0), by);
}

#[test]
fn keeping_a_confirmed_answer_is_noticed() {
    let by = "nothing is kept that was confirmed";
    killed(&[Mutant::KeepsConfirmed], budget(0, 0, 0, 1), by);
}

#[test]
fn a_missing_fence_is_noticed() {
    let search = Search::new(NON_IDEMPOTENT, budget(1, 0, 0, 1)).without_fence();
    let (broken, _) = broken(search);
    assert!(
        broken.contains(&"nothing old begins after a resumption"),
        "{broken:?}"
    );
}

/// Numbers that are used again need fence and digest; with both of them the fault is contained.
#[test]
fn numbers_used_again_without_fence_and_digest_are_noticed() {
    let mutants = [Mutant::ReusesNumbers, Mutant::NoDigest];
    let search = Search::new(NON_IDEMPOTENT, budget(1, 0, 0, 1));
    let (broken, _) = broken(search.with(&mutants).without_fence());
    assert!(broken.contains(&"no answer of another call"), "{broken:?}");
}

/// The digest is a second line of defence: as long as no number is used again, nothing depends on it.
#[test]
fn a_missing_digest_alone_does_no_harm() {
    let search = Search::new(NON_IDEMPOTENT, budget(1, 1, 0, 1));
    let (broken, _) = broken(search.with(&[Mutant::NoDigest]));
    assert_eq!(broken, <[&str; 0]>::default());
}
