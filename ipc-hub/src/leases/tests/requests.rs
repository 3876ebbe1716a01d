//! Claims, what is refused, and how claims end.

use ipc_core::Release;

use super::*;

#[test]
fn a_free_device_is_leased_at_once_and_given_to_its_holder() {
    let mut bench = bench();
    assert!(is_held(&bench.claim(1, 10, "meter laser")));
    assert_eq!(
        bench.told(),
        ["give laser to 1", "give meter to 1", "10 of 1 granted"]
    );
    assert_eq!(bench.look(), None, "nothing to wait for");
    let holder = bench.table.holder("laser", bench.now).unwrap();
    assert_eq!((holder.client, &*holder.device), (1, "laser"));
    assert_eq!(bench.table.holder("pump", bench.now), None);
}

#[test]
fn claims_are_idempotent_under_their_number_even_after_their_end() {
    let mut bench = bench();
    assert!(is_held(&bench.claim(1, 10, "laser")));
    assert!(is_held(&bench.claim(1, 10, "laser meter")));
    assert_eq!(bench.table.list(bench.now).len(), 1);
    assert!(bench.release(1, 10));
    assert!(!bench.release(1, 10));
    assert_eq!(why(&bench.claim(1, 10, "laser")), "released");
    assert_eq!(why(&bench.asked(1, 10)), "released");
    assert_eq!(bench.table.list(bench.now), []);
    assert_eq!(bench.asked(1, 11), ClaimState::Unknown);
    assert_eq!(bench.asked(2, 10), ClaimState::Unknown, "not its own");
}

#[test]
fn a_claim_that_may_not_wait_is_granted_or_ends() {
    let mut bench = bench();
    let impatient = |claim| LeaseRequest {
        may_wait: false,
        ..request(claim, "laser")
    };
    assert!(is_held(&bench.try_claim(1, impatient(10)).unwrap()));
    let state = bench.try_claim(2, impatient(20)).unwrap();
    assert!(why(&state).contains("at once"), "{state}");
    assert_eq!(bench.table.list(bench.now).len(), 1);
}

#[test]
fn bad_requests_are_refused_and_change_nothing() {
    let mut bench = bench();
    bench.claim(7, 70, "pump");
    bench.taken();
    let many = "laser ".repeat(33);
    let long = LeaseRequest {
        identity: "i".repeat(201),
        ..request(1, "laser")
    };
    let refused = [
        (request(1, ""), "at least one device"),
        (request(1, "laser meter laser"), "`laser` is named twice"),
        (request(1, "laser lazer"), "no device `lazer`"),
        (request(1, &many), "at most 32 devices, but 33"),
        (request(70, "laser"), "in use by another client"),
        (long, "at most 200 characters"),
    ];
    for (request, text) in refused {
        let error = bench.try_claim(1, request).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
    assert_eq!(bench.table.list(bench.now).len(), 1);
    assert_eq!(bench.told(), [""; 0]);
    assert!(is_held(&bench.claim(1, 1, "laser")));
}

#[test]
fn what_clients_say_is_cut_and_made_fit_to_show() {
    let mut bench = bench();
    let because = format!("\u{1b}[31m{}", "sweep ".repeat(200_000));
    let request = LeaseRequest {
        because,
        ..request(10, "laser")
    };
    assert!(is_held(&bench.try_claim(1, request).unwrap()));
    let because = bench.table.holder("laser", bench.now).unwrap().because;
    assert!(because.chars().count() <= 200, "{because}");
    assert!(!because.contains('\u{1b}'), "{because}");
    let unknown = super::request(11, &"x".repeat(1_000_000));
    let error = bench.try_claim(1, unknown).unwrap_err().to_string();
    assert!(error.len() < 400, "{error}");
}

#[test]
fn the_numbers_of_claims_are_limited() {
    let mut bench = bench();
    let limits = LeaseLimits {
        devices_per_lease: 2,
        waiting: 2,
        per_party: 2,
    };
    bench.table = LeaseTable::new(limits);
    bench.claim(1, 10, "laser");
    bench.claim(1, 11, "meter");
    let error = bench.try_claim(1, request(12, "pump")).unwrap_err();
    assert_eq!(error, LeaseError::TooMany(2));
    bench.claim(2, 20, "laser");
    bench.claim(3, 30, "laser");
    let error = bench.try_claim(4, request(40, "laser")).unwrap_err();
    assert_eq!(error, LeaseError::LineIsFull(2));
    assert!(is_held(&bench.claim(4, 41, "pump")), "need not wait");
}

#[test]
fn a_party_has_one_claim_for_a_device() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    let error = bench.try_claim(1, request(11, "laser meter")).unwrap_err();
    assert_eq!(error, LeaseError::AlreadyAsked("laser".into()));
    bench.claim(2, 20, "laser");
    let error = bench.try_claim(2, request(21, "laser")).unwrap_err();
    assert_eq!(error, LeaseError::AlreadyAsked("laser".into()));
    bench.release(1, 10);
    assert_eq!(place(&bench.claim(1, 12, "laser")), 2);
}

#[test]
fn circles_are_refused_and_named() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "meter");
    bench.claim(3, 30, "pump");
    assert_eq!(place(&bench.claim(1, 11, "meter")), 1);
    assert_eq!(place(&bench.claim(2, 21, "pump")), 1);
    let error = bench.try_claim(3, request(31, "laser")).unwrap_err();
    let LeaseError::Circle(circle) = &error else {
        panic!("{error}")
    };
    let circle: Vec<_> = circle.iter().map(|it| (&*it.device, it.party)).collect();
    assert_eq!(circle, [("laser", 1), ("meter", 2), ("pump", 3)]);
    // Without waiting there is no circle.
    let impatient = LeaseRequest {
        may_wait: false,
        ..request(32, "laser")
    };
    assert!(why(&bench.try_claim(3, impatient).unwrap()).contains("at once"));
    assert!(bench.release(3, 30));
    bench.run_hooks();
    assert!(is_held(&bench.asked(2, 21)));
}

/// Two earlier claims make a circle, too: each party is to have a device first that the other one waits for.
#[test]
fn circles_of_claims_that_wait_are_refused() {
    let mut bench = bench();
    bench.claim(9, 90, "laser");
    bench.claim(2, 20, "meter");
    assert_eq!(place(&bench.claim(1, 10, "laser")), 1);
    assert_eq!(place(&bench.claim(2, 21, "laser")), 2);
    let error = bench.try_claim(1, request(11, "meter")).unwrap_err();
    assert!(matches!(error, LeaseError::Circle(_)), "{error}");
}

#[test]
fn a_lease_is_transferred_without_a_hook() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    bench.claim(3, 30, "meter");
    bench.taken();
    let now = bench.now;
    let lease = bench.table.transfer(1, 10, 2, now).unwrap();
    assert_eq!((lease.client, lease.place), (2, 0));
    assert_eq!(
        bench.told(),
        ["give laser to 2", "give meter to 2", "10 of 2 granted"]
    );
    assert_eq!(why(&bench.asked(1, 10)), "given to another client");
    assert_eq!(why(&bench.claim(1, 10, "laser")), "given to another client");
    assert!(is_held(&bench.asked(2, 10)));
    assert!(!bench.release(1, 10));
    assert!(
        bench.table.fence(1, "laser").is_none(),
        "it was its own wish"
    );

    let mut refused = |party, to| bench.table.transfer(party, 10, to, now).unwrap_err();
    assert_eq!(refused(1, 2), LeaseError::NotHeld);
    assert_eq!(refused(2, 3), LeaseError::AlreadyAsked("meter".into()));
    bench.table.party_lost(4, now);
    let error = bench.table.transfer(2, 10, 4, now).unwrap_err();
    assert_eq!(error, LeaseError::NewHolderIsLost);
    assert_eq!(bench.table.transfer(2, 10, 2, now).unwrap().client, 2);
    let waits = bench.table.transfer(3, 30, 5, now).unwrap_err();
    assert_eq!(waits, LeaseError::NotHeld);
}

#[test]
fn a_transfer_that_would_close_a_circle_is_refused() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "meter");
    bench.claim(3, 30, "pump");
    bench.claim(1, 11, "meter");
    bench.claim(3, 31, "laser");
    // Then 1 would wait for 3, and 3 for 1.
    let now = bench.now;
    let error = bench.table.transfer(2, 20, 3, now).unwrap_err();
    assert!(matches!(error, LeaseError::Circle(_)), "{error}");
    assert!(is_held(&bench.asked(2, 20)));
}

#[test]
fn all_claims_of_a_party_that_is_gone_end() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "laser meter");
    bench.claim(1, 11, "pump");
    bench.taken();
    bench.table.party_gone(1, Release::Finished, bench.now);
    let told = bench.told();
    let hook = format!("release laser: {}", Release::Finished);
    assert!(told.contains(&hook), "{told:?}");
    assert!(told.contains(&"10 of 1 ended by its client: the client has finished".into()));
    assert_eq!(bench.table.list(bench.now).len(), 1);
    assert_eq!(bench.asked(1, 10), ClaimState::Unknown, "forgotten");
}
