//! First come, first served, over overlapping sets.

use super::*;

#[test]
fn overlapping_claims_are_granted_in_order_and_others_side_by_side() {
    let mut bench = bench();
    assert!(is_held(&bench.claim(1, 10, "laser")));
    assert_eq!(place(&bench.claim(2, 20, "laser meter")), 1);
    // The meter is free, but somebody waits for it.
    assert_eq!(place(&bench.claim(3, 30, "meter")), 2);
    assert!(is_held(&bench.claim(4, 40, "pump")));
    assert_eq!(place(&bench.asked(3, 30)), 2);
    bench.release(1, 10);
    bench.run_hooks();
    assert_eq!(place(&bench.asked(3, 30)), 2);
    assert!(is_held(&bench.asked(2, 20)));
    bench.release(2, 20);
    bench.run_hooks();
    assert!(is_held(&bench.asked(3, 30)));
}

#[test]
fn a_claim_that_waits_is_told_whom_it_waits_for() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "meter");
    bench.now += Duration::from_secs(1);
    let state = bench.claim(3, 30, "laser meter pump");
    let ClaimState::Waiting { place: 1, behind } = state else {
        panic!("{state}");
    };
    let behind: Vec<_> = behind
        .iter()
        .map(|holder| (&*holder.device, holder.client, holder.since_ms))
        .collect();
    assert_eq!(behind, [("laser", 1, 1000), ("meter", 2, 1000)]);
    bench.release(1, 10);
    bench.release(2, 20);
    let ClaimState::Waiting { place: 1, behind } = bench.asked(3, 30) else {
        panic!("not released yet");
    };
    assert_eq!(behind, []);
}

#[test]
fn places_count_those_that_are_waited_for_through_others() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    bench.claim(3, 30, "laser meter");
    assert_eq!(place(&bench.claim(4, 40, "meter")), 3);
    bench.claim(5, 50, "pump");
    assert_eq!(place(&bench.claim(6, 60, "pump")), 1, "not in that line");
    let places: Vec<_> = bench.table.list(bench.now);
    let places: Vec<_> = places.iter().map(|it| (it.client, it.place)).collect();
    assert_eq!(places, [(1, 0), (2, 1), (3, 2), (4, 3), (5, 0), (6, 1)]);
}

/// A device is granted only in answer to a question: its client may have given up waiting without a word.
#[test]
fn a_claim_is_granted_when_it_is_asked_for_and_not_before() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    bench.taken();
    bench.release(1, 10);
    bench.run_hooks();
    assert_eq!(bench.table.holder("laser", bench.now), None);
    assert_eq!(bench.told(), [""; 0], "kept closed for the next one");
    assert!(is_held(&bench.asked(2, 20)));
    assert_eq!(bench.told(), ["give laser to 2", "20 of 2 granted"]);
}

#[test]
fn a_claim_that_is_not_asked_for_is_passed_over_and_keeps_its_place() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser");
    bench.pass(4);
    bench.claim(3, 30, "laser");
    bench.pass(2);
    // Not asked for in 6 s.
    assert_eq!(place(&bench.asked(3, 30)), 1);
    // It has its place again as soon as it is asked for.
    assert_eq!(place(&bench.asked(2, 20)), 1);
    assert_eq!(place(&bench.asked(3, 30)), 2);
    bench.pass(6);
    bench.release(1, 10);
    bench.run_hooks();
    assert!(is_held(&bench.asked(3, 30)));
    assert_eq!(place(&bench.asked(2, 20)), 1);
}

#[test]
fn nobody_is_passed_over_by_a_grant_that_would_close_a_circle() {
    let mut bench = bench();
    bench.claim(9, 90, "meter");
    bench.claim(1, 10, "laser");
    bench.claim(1, 11, "meter");
    // 2 waits for 1, because of both.
    bench.claim(2, 20, "laser");
    bench.claim(2, 21, "meter");
    for _ in 0..6 {
        bench.pass(1);
        bench.asked(2, 20);
        bench.asked(2, 21);
    }
    bench.release(9, 90);
    bench.run_hooks();
    // If it got the meter, 1 would wait for 2, and 2 for 1 because of the laser.
    assert_eq!(place(&bench.asked(2, 21)), 1);
    assert!(is_held(&bench.asked(1, 11)));
    bench.release(1, 11);
    bench.run_hooks();
    assert!(is_held(&bench.asked(2, 21)));
}
