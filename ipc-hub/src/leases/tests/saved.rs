//! Leases that outlive the server.

use super::*;
use crate::leases::RESERVED;

fn of(identity: &str, claim: u128, devices: &str) -> LeaseRequest {
    LeaseRequest {
        identity: identity.to_string(),
        for_ms: Some(100_000),
        because: "sweep".to_string(),
        ..request(claim, devices)
    }
}

/// A server that was restarted 40 s later.
fn restarted(bench: &mut Bench) {
    bench.pass(40);
    let saved = bench.table.saved(bench.now);
    bench.table = LeaseTable::new(LeaseLimits::default());
    bench.table.restore(saved, known, bench.now);
    bench.drain();
}

#[test]
fn leases_of_clients_with_an_identity_are_reserved_after_a_restart() {
    let mut bench = bench();
    bench.try_claim(1, of("scan", 10, "laser")).unwrap();
    bench.claim(2, 20, "meter");
    bench.try_claim(3, of("log", 30, "laser")).unwrap();
    bench.taken();
    restarted(&mut bench);
    assert_eq!(
        bench.told().last().unwrap(),
        &format!("give laser to {RESERVED}")
    );
    let list = bench.table.list(bench.now);
    assert_eq!(list.len(), 1, "one has no identity, and one only waited");
    let reserved = &list[0];
    assert_eq!((reserved.client, &*reserved.name), (0, "scan"));
    assert_eq!((&*reserved.because, reserved.place), ("sweep", 0));
    assert_eq!(
        (reserved.is_doubtful, reserved.ends_ms),
        (true, Some(60_000))
    );

    // Neither another client nor the same one under another number gets it.
    let error = bench.try_claim(7, of("other", 10, "laser")).unwrap_err();
    assert_eq!(error, LeaseError::NumberInUse);
    assert_eq!(
        place(&bench.try_claim(6, of("scan", 11, "laser")).unwrap()),
        1
    );
    bench.pass(50);
    let state = bench.try_claim(5, of("scan", 10, "laser")).unwrap();
    let left = ClaimState::Held {
        ends_ms: Some(10_000),
    };
    assert_eq!(
        state, left,
        "60 of 100 s were left, and 50 more have passed"
    );
    assert!(bench.told().contains(&"give laser to 5".to_string()));
    assert!(!bench.table.list(bench.now)[0].is_doubtful);
}

#[test]
fn a_reserved_lease_ends_if_nobody_returns() {
    let mut bench = bench();
    bench.try_claim(1, of("scan", 10, "laser")).unwrap();
    restarted(&mut bench);
    bench.pass(59);
    assert_eq!(bench.table.list(bench.now).len(), 1);
    bench.pass(2);
    assert_eq!(bench.table.list(bench.now).len(), 0);
    // It learns that it has lost the device, rather than being given it anew.
    let state = bench.try_claim(5, of("scan", 10, "laser")).unwrap();
    assert!(why(&state).contains("did not return"), "{state}");
}

#[test]
fn what_was_saved_and_is_no_longer_possible_is_left_out() {
    let mut bench = bench();
    let saved = vec![
        of("scan", 10, "laser meter"),
        of("scan", 11, "lazer"),
        of("scan", 12, "meter"),
        of("scan", 10, "pump"),
        of("", 13, "pump"),
        of("scan", 14, ""),
        of("scan", 15, "pump"),
    ];
    bench.table.restore(saved, known, bench.now);
    let numbers: Vec<_> = bench.table.list(bench.now);
    let numbers: Vec<_> = numbers.iter().map(|lease| lease.claim).collect();
    assert_eq!(numbers, [10, 15]);
}

#[test]
fn the_identity_of_the_old_holder_does_not_outlive_a_transfer() {
    let mut bench = bench();
    bench.try_claim(1, of("scan", 10, "laser")).unwrap();
    bench.table.transfer(1, 10, 2, bench.now).unwrap();
    assert_eq!(bench.table.saved(bench.now), []);
}

#[test]
fn a_return_that_would_close_a_circle_is_refused() {
    let mut bench = bench();
    bench.try_claim(1, of("scan", 10, "laser")).unwrap();
    restarted(&mut bench);
    bench.claim(2, 20, "meter");
    bench.claim(5, 50, "meter");
    bench.claim(2, 21, "laser");
    let error = bench.try_claim(5, of("scan", 10, "laser")).unwrap_err();
    assert!(matches!(error, LeaseError::Circle(_)), "{error}");
    assert_eq!(bench.table.list(bench.now)[0].client, 0);
}
