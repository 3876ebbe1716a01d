//! What a party is told that has lost a device.

use ipc_core::Release;

use super::*;

#[test]
fn a_party_that_lost_a_device_is_told_once() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    let now = bench.now;
    bench
        .table
        .kick("laser", "ann", "maintenance", Duration::ZERO, now);
    bench.run_hooks();
    bench.claim(2, 20, "laser");
    let told = bench.table.fence(1, "laser").unwrap().clone();
    assert_eq!(
        (&*told.by, &*told.why, told.at),
        ("ann", "maintenance", now)
    );
    assert!(
        bench.table.fence(1, "laser").is_some(),
        "until it has been told"
    );
    assert_eq!(bench.table.was_fenced(1, "laser"), Some(told));
    assert_eq!(bench.table.was_fenced(1, "laser"), None);
    assert!(bench.table.was_fenced(1, "meter").is_some());
    assert!(bench.table.fence(2, "laser").is_none());
}

#[test]
fn there_is_no_fence_after_a_release_of_its_own() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.release(1, 10);
    bench.run_hooks();
    assert!(bench.table.fence(1, "laser").is_none());
}

/// Calls made under the lease that was lost may still be under way when the next one ends.
#[test]
fn a_fence_outlives_the_next_lease() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    let now = bench.now;
    bench.table.kick("laser", "ann", "", Duration::ZERO, now);
    bench.run_hooks();
    assert!(is_held(&bench.claim(1, 11, "laser")));
    bench.release(1, 11);
    bench.run_hooks();
    assert!(bench.table.fence(1, "laser").is_some());
}

/// The session of a party takes such a loss as known. Asked for in two steps, it was that of the lease that had just ended, and
/// calls made under that lease ran: twice in 10,000 rounds.
#[test]
fn only_a_loss_before_the_present_lease_is_regained() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    assert!(bench.table.regained(1).is_empty());
    let lost = bench.now;
    bench.table.kick("laser", "ann", "", Duration::ZERO, lost);
    bench.run_hooks();
    assert!(bench.table.regained(1).is_empty(), "it has nothing");
    bench.claim(1, 11, "laser");
    assert_eq!(bench.table.regained(1), [("laser".to_string(), lost)]);
    assert!(bench.table.regained(2).is_empty());
    bench.pass(1);
    let again = bench.now;
    bench.table.kick("laser", "ann", "", Duration::ZERO, again);
    assert!(
        bench.table.regained(1).is_empty(),
        "the second loss is news"
    );
}

#[test]
fn nothing_is_kept_of_a_party_that_is_gone() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.table.party_lost(1, bench.now);
    bench.pass(16);
    assert!(bench.table.fence(1, "laser").is_some());
    bench.table.party_gone(1, Release::Lost, bench.now);
    assert!(bench.table.fence(1, "laser").is_none());
    assert!(bench.table.parties.is_empty());
}
