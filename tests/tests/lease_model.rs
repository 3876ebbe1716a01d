//! The model of leases holds, and would not if the table of leases, or the gates, were wrong.
//!
//! The long search is `cargo run --release -p tests --bin model`.

use ipc_hub::mutant::Mutant;
use stateright::{Checker, Model};
use tests::leases_model::{ALL_SERVED, Budget, Fault, RETURNED, Search};

/// Each program shares a device with the next one.
const CHAIN: [&[usize]; 3] = [&[0], &[0, 1], &[1]];
/// Two want both devices, and one of them is wanted by a third.
const BOTH: [&[usize]; 3] = [&[0, 1], &[0, 1], &[1]];
/// All want the same.
const ONE: [&[usize]; 3] = [&[0], &[0], &[0]];

const NONE: Budget = Budget {
    calls: 0,
    drops: 0,
    stops: 0,
    kicks: 0,
    transfers: 0,
    restarts: 0,
    passes: 0,
};
const CALL: Budget = Budget { calls: 1, ..NONE };

/// The promises that are broken, and how many states there are.
fn broken(search: Search) -> (Vec<&'static str>, usize) {
    let mut wanted = vec![ALL_SERVED];
    if search.budget.restarts > 0 {
        wanted.push(RETURNED);
    }
    let checker = search.checker().threads(2).spawn_bfs().join();
    let mut broken: Vec<_> = checker.discoveries().into_keys().collect();
    let before = broken.len();
    broken.retain(|property| !wanted.contains(property));
    if before - broken.len() < wanted.len() && broken.is_empty() {
        broken.push("what should be found is not");
    }
    (broken, checker.unique_state_count())
}

fn holds(search: Search, at_least: usize) {
    let (broken, states) = broken(search);
    assert_eq!(broken, <[&str; 0]>::default());
    assert!(states >= at_least, "only {states} states");
}

#[test]
fn every_promise_holds_with_calls() {
    let two = Budget { calls: 2, ..NONE };
    holds(Search::new(CHAIN, two), 8_000);
    holds(Search::new(ONE, two), 2_000);
}

#[test]
fn every_promise_holds_with_a_lost_connection() {
    let budget = Budget {
        drops: 1,
        passes: 1,
        ..CALL
    };
    holds(Search::new(CHAIN, budget), 50_000);
}

#[test]
fn every_promise_holds_with_a_program_that_is_stopped() {
    let budget = Budget {
        stops: 1,
        passes: 1,
        ..CALL
    };
    holds(Search::new(CHAIN, budget), 40_000);
}

#[test]
fn every_promise_holds_with_a_kick_over_two_calls() {
    let budget = Budget {
        calls: 2,
        kicks: 1,
        ..NONE
    };
    holds(Search::new(CHAIN, budget), 50_000);
}

#[test]
fn every_promise_holds_with_a_kick_after_a_notice() {
    let budget = Budget {
        kicks: 1,
        passes: 1,
        ..CALL
    };
    holds(Search::new(BOTH, budget), 50_000);
}

#[test]
fn every_promise_holds_with_a_transfer() {
    let budget = Budget {
        transfers: 1,
        kicks: 1,
        ..CALL
    };
    holds(Search::new(CHAIN, budget), 10_000);
}

#[test]
fn every_promise_holds_with_leases_that_last_for_a_limited_time() {
    let budget = Budget { passes: 2, ..CALL };
    holds(Search::new(CHAIN, budget).limited(), 20_000);
}

#[test]
fn every_promise_holds_with_a_restart_of_the_server() {
    let budget = Budget {
        restarts: 1,
        ..CALL
    };
    holds(Search::new(BOTH, budget), 10_000);
}

/// The fault is found, and by this promise among others.
fn killed(search: Search, by: &str) {
    let fault = format!("{:?} {:?}", search.mutant, search.fault);
    let (broken, _) = broken(search);
    assert!(broken.contains(&by), "{fault} broke {broken:?} only");
}

const FENCE: &str = "no call of a fenced party enters a driver after the grant to another";

#[test]
fn a_gate_without_a_fence_is_noticed() {
    let budget = Budget { kicks: 1, ..CALL };
    let search = || Search::new(ONE, budget).with_fault(Fault::IgnoresOwners);
    killed(search(), FENCE);
    killed(search(), "nobody enters a device that another party holds");
}

#[test]
fn a_lease_whose_end_does_not_close_its_devices_is_noticed() {
    let budget = Budget { kicks: 1, ..CALL };
    let by = "no call made under a lease enters once its hook has run";
    killed(Search::new(ONE, budget).with(Mutant::NeverCloses), by);
}

#[test]
fn a_lease_whose_end_fences_nobody_is_noticed() {
    let budget = Budget { kicks: 1, ..CALL };
    killed(Search::new(ONE, budget).with(Mutant::NeverFences), FENCE);
}

#[test]
fn a_check_before_the_gate_is_noticed() {
    let budget = Budget {
        calls: 2,
        kicks: 1,
        ..NONE
    };
    let search = Search::new(ONE, budget).with_fault(Fault::ChecksBeforeTheGate);
    killed(search, FENCE);
}

#[test]
fn a_fence_that_only_the_next_owner_puts_up_is_noticed() {
    let budget = Budget { kicks: 1, ..CALL };
    let search = Search::new(ONE, budget).with_fault(Fault::LetsFencedCallsIn);
    killed(search, FENCE);
}

#[test]
fn a_fence_that_is_forgotten_at_the_first_refusal_is_noticed() {
    let budget = Budget {
        calls: 2,
        kicks: 1,
        ..NONE
    };
    let search = Search::new(ONE, budget).with_fault(Fault::ForgetsFencesAtOnce);
    killed(search, FENCE);
}

#[test]
fn clocks_that_run_during_a_call_are_noticed() {
    let budget = Budget { passes: 1, ..CALL };
    let by = "no clock ends a lease during a call";
    let limited = Search::new(ONE, budget).limited();
    killed(limited.with(Mutant::CountsWhileBusy), by);
    let lost = Search::new(ONE, Budget { drops: 1, ..budget });
    killed(lost.with(Mutant::CountsWhileBusy), by);
}

#[test]
fn barging_is_noticed() {
    let by = "first come, first served";
    killed(Search::new(ONE, NONE).with(Mutant::Barges), by);
    killed(Search::new(CHAIN, NONE).with(Mutant::Barges), by);
}

#[test]
fn a_grant_in_part_is_noticed() {
    let search = Search::new(BOTH, NONE).with(Mutant::GrantsInPart);
    killed(search, "all devices or none");
}

const HOOK: &str = "the hook runs before the grant, with nobody inside";

#[test]
fn a_hook_after_the_grant_is_noticed() {
    killed(
        Search::new(ONE, NONE).with(Mutant::GrantsBeforeTheHook),
        HOOK,
    );
}

#[test]
fn a_hook_beside_a_call_is_noticed() {
    let search = Search::new(ONE, CALL).with_fault(Fault::RunsHooksBesideCalls);
    killed(search, HOOK);
}

#[test]
fn a_grant_to_a_lost_party_is_noticed() {
    let budget = Budget { drops: 1, ..NONE };
    let search = Search::new(ONE, budget).with(Mutant::GrantsToTheLost);
    killed(search, "nobody is granted while lost");
}

#[test]
fn a_hook_that_is_not_reported_is_noticed() {
    let search = Search::new(ONE, NONE).with_fault(Fault::LosesHooks);
    killed(search, "every claim that waits is granted");
}
