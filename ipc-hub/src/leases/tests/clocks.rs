//! What ends by the passing of time, and what stops it.

use super::*;

fn lasting(claim: u128, devices: &str, seconds: u64) -> LeaseRequest {
    LeaseRequest {
        for_ms: Some(seconds * 1000),
        ..request(claim, devices)
    }
}

#[test]
fn a_connected_holder_keeps_its_lease_for_a_day() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.taken();
    assert_eq!(bench.look(), None);
    for _ in 0..24 {
        bench.pass(3600);
    }
    assert!(is_held(&bench.asked(1, 10)));
    assert_eq!(bench.told(), [""; 0]);
}

#[test]
fn a_lease_lasts_for_as_long_as_was_asked_for_and_can_be_renewed() {
    let mut bench = bench();
    bench.try_claim(1, lasting(10, "laser", 10)).unwrap();
    bench.pass(6);
    let ends = ClaimState::Held {
        ends_ms: Some(4000),
    };
    assert_eq!(bench.asked(1, 10), ends);
    let ten = Some(Duration::from_secs(10));
    let now = bench.now;
    assert!(is_held(&bench.table.renew(1, 10, ten, now)));
    bench.pass(9);
    assert!(is_held(&bench.asked(1, 10)));
    bench.pass(2);
    assert!(why(&bench.asked(1, 10)).contains("lasted"));
    assert!(bench.table.fence(1, "laser").is_some());

    bench.try_claim(2, lasting(20, "meter", 10)).unwrap();
    let now = bench.now;
    let forever = bench.table.renew(2, 20, None, now);
    assert_eq!(forever, ClaimState::Held { ends_ms: None });
    bench.pass(100);
    assert!(is_held(&bench.asked(2, 20)));
    assert_eq!(bench.table.renew(2, 99, ten, now), ClaimState::Unknown);
}

/// The time of a claim that waits begins when it is granted.
#[test]
fn the_time_of_a_lease_begins_with_the_grant() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.try_claim(2, lasting(20, "laser", 10)).unwrap();
    for _ in 0..20 {
        bench.pass(1);
        assert_eq!(place(&bench.asked(2, 20)), 1);
    }
    bench.release(1, 10);
    bench.run_hooks();
    let ends = ClaimState::Held {
        ends_ms: Some(10_000),
    };
    assert_eq!(bench.asked(2, 20), ends);
}

#[test]
fn the_lease_of_a_lost_holder_is_doubtful_and_ends_with_its_grace() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    let now = bench.now;
    bench.table.party_lost(1, now);
    bench.pass(14);
    bench.asked(2, 20);
    let lease = &bench.table.list(bench.now)[0];
    assert_eq!((lease.is_doubtful, lease.ends_ms), (true, Some(1000)));
    let now = bench.now;
    bench.table.party_back(1, now);
    assert!(!bench.table.list(bench.now)[0].is_doubtful);
    bench.pass(4);
    bench.asked(2, 20);
    bench.taken();

    bench.table.party_lost(1, bench.now);
    bench
        .table
        .party_lost(1, bench.now + Duration::from_secs(3));
    for _ in 0..15 {
        bench.pass(1);
        bench.asked(2, 20);
    }
    let told = bench.told();
    let hook = format!("release laser: {}", ipc_core::Release::Lost);
    assert!(told.contains(&hook), "{told:?}");
    assert!(told[0] == "close laser", "{told:?}");
    assert!(bench.table.fence(1, "laser").is_some());
}

#[test]
fn a_claim_of_a_lost_party_is_passed_over_and_ends_with_its_grace() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    bench.claim(3, 30, "laser");
    bench.table.party_lost(2, bench.now);
    assert_eq!(place(&bench.asked(3, 30)), 1);
    bench.release(1, 10);
    bench.run_hooks();
    // Its last question arrives after the loss.
    assert_eq!(place(&bench.asked(2, 20)), 1);
    bench.table.party_back(2, bench.now);
    assert_eq!(place(&bench.asked(3, 30)), 2);
    assert!(is_held(&bench.asked(2, 20)));
    bench.table.party_lost(3, bench.now);
    bench.pass(16);
    assert!(why(&bench.asked(3, 30)).contains("did not return"));
}

/// A claim that arrives after the connection was lost.
#[test]
fn a_lost_party_is_not_granted_anything() {
    let mut bench = bench();
    bench.table.party_lost(1, bench.now);
    assert_eq!(place(&bench.claim(1, 10, "laser")), 1);
    assert!(is_held(&bench.claim(2, 20, "laser")));
    bench.pass(16);
    assert!(why(&bench.asked(1, 10)).contains("did not return"));
}

#[test]
fn a_claim_that_is_never_asked_for_ends_with_its_grace() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    bench.pass(14);
    assert_eq!(bench.table.list(bench.now).len(), 2);
    bench.pass(2);
    assert!(why(&bench.asked(2, 20)).contains("stopped asking"));
    assert_eq!(bench.look(), None);
}

#[test]
fn no_clock_runs_while_the_party_is_busy() {
    let mut bench = bench();
    bench.try_claim(1, lasting(10, "laser", 10)).unwrap();
    bench.claim(1, 11, "meter");
    bench.claim(2, 20, "pump");
    bench.claim(1, 12, "pump");
    bench.pass(4);
    bench.busy = Some(1);
    bench.table.party_lost(1, bench.now);
    bench.pass(3600);
    let all = bench.table.list(bench.now);
    let mut ends: Vec<_> = all.iter().map(|it| it.ends_ms).collect();
    assert_eq!(ends.pop(), Some(None), "it waits: {all:?}");
    assert_eq!(ends, [Some(6000), Some(15_000), None]);
    bench.busy = None;
    bench.pass(5);
    assert_eq!(bench.table.list(bench.now).len(), 4);
    bench.pass(2);
    assert_eq!(bench.table.list(bench.now).len(), 3, "the first one");
    bench.pass(10);
    assert_eq!(bench.table.list(bench.now).len(), 1);
}

/// Nobody could return or ask while this process did not run.
#[test]
fn the_time_of_a_suspended_process_does_not_count() {
    let mut bench = bench();
    bench.try_claim(1, lasting(10, "laser", 10)).unwrap();
    bench.table.party_lost(1, bench.now);
    bench.claim(2, 20, "laser");
    bench.look();
    bench.now += Duration::from_secs(3600);
    bench.look();
    assert!(is_held(&bench.asked(1, 10)));
    assert_eq!(bench.table.list(bench.now).len(), 2);
    bench.pass(11);
    assert!(why(&bench.asked(1, 10)).contains("lasted"));
}

#[test]
fn durations_beyond_all_bounds_are_without_limit() {
    let mut bench = bench();
    let request = LeaseRequest {
        for_ms: Some(u64::MAX),
        grace_ms: Some(u64::MAX),
        ..request(10, "laser")
    };
    bench.try_claim(1, request).unwrap();
    bench.table.party_lost(1, bench.now);
    bench.pass(100);
    assert!(is_held(&bench.asked(1, 10)));
    let at_once = LeaseRequest {
        grace_ms: Some(0),
        ..super::request(20, "meter")
    };
    bench.try_claim(2, at_once).unwrap();
    bench.table.party_lost(2, bench.now);
    bench.look();
    assert!(why(&bench.asked(2, 20)).contains("did not return"));
}
