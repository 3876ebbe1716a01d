//! How devices change hands: closed, released, given, opened.

use super::*;

#[test]
fn a_device_is_closed_released_and_only_then_given_or_opened() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    bench.claim(2, 20, "laser");
    bench.taken();
    bench.release(1, 10);
    let taken = bench.taken();
    let told: Vec<String> = taken.iter().map(short).collect();
    let expected = [
        "close laser",
        "close meter",
        "release laser: the lease has ended",
        "release meter: the lease has ended",
        "10 of 1 ended by its client: released",
    ];
    assert_eq!(told, expected);
    let turn = |name: &str| {
        let mut turns = taken.iter().filter_map(|change| match change {
            Change::Release { device, turn, .. } if **device == *name => Some(*turn),
            _ => None,
        });
        turns.next_back().unwrap()
    };
    assert_eq!(place(&bench.asked(2, 20)), 1, "the hook has not run");
    bench.table.released("meter", turn("meter"));
    assert_eq!(bench.told(), ["open meter"], "nobody waits for it");
    bench.table.released("laser", turn("meter"));
    assert_eq!(place(&bench.asked(2, 20)), 1, "that was another release");
    bench.table.released("laser", turn("laser"));
    bench.table.released("laser", turn("laser"));
    assert!(is_held(&bench.asked(2, 20)));
    assert_eq!(bench.told(), ["give laser to 2", "20 of 2 granted"]);
}

#[test]
fn a_device_is_not_kept_closed_for_a_claim_that_waits_for_another_one() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.claim(2, 20, "meter");
    bench.claim(3, 30, "laser meter");
    bench.taken();
    bench.release(1, 10);
    bench.run_hooks();
    assert_eq!(bench.told(), ["open laser"]);
    bench.release(2, 20);
    bench.run_hooks();
    assert_eq!(bench.told(), [""; 0]);
    assert!(is_held(&bench.asked(3, 30)));
    assert_eq!(
        bench.told(),
        ["give laser to 3", "give meter to 3", "30 of 3 granted"]
    );
}

#[test]
fn a_device_opens_when_the_claim_that_is_next_ends_or_falls_silent() {
    let mut bench = bench();
    for ends in [true, false] {
        let number = 10 + u128::from(ends);
        bench.claim(1, number, "laser");
        bench.claim(2, number + 10, "laser");
        bench.release(1, number);
        bench.run_hooks();
        bench.taken();
        match ends {
            true => assert!(bench.release(2, number + 10)),
            false => bench.pass(5),
        }
        let told = bench.told();
        assert_eq!(told.last().unwrap(), "open laser", "{told:?}");
        bench.release(2, number + 10);
    }
}

#[test]
fn a_kick_gives_notice_and_then_closes() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    bench.claim(2, 20, "laser");
    bench.taken();
    let now = bench.now;
    let notice = Duration::from_secs(3);
    let kick = |bench: &mut Bench, notice| {
        let lease = bench.table.kick("laser", "ann", "maintenance", notice, now);
        lease.map(|lease| (lease.client, lease.ends_ms))
    };
    assert_eq!(kick(&mut bench, notice), Some((1, Some(3000))));
    // A later end does not replace an earlier one.
    assert_eq!(kick(&mut bench, 2 * notice), Some((1, Some(3000))));
    assert_eq!(bench.told(), [""; 0]);
    // It is a person who wants the device: a call does not stop the notice, but the hook waits for it.
    bench.busy = Some(1);
    bench.pass(2);
    assert!(is_held(&bench.asked(1, 10)));
    bench.pass(1);
    assert_eq!(bench.told()[..2], ["close laser", "close meter"]);
    let state = bench.asked(1, 10);
    assert!(
        state.to_string().ends_with("ago by ann: maintenance"),
        "{state}"
    );

    assert!(bench.table.kick("pump", "ann", "", notice, now).is_none());
    bench.claim(3, 30, "pump");
    let at_once = bench.table.kick("pump", "ann", "", Duration::ZERO, now);
    assert_eq!(at_once.unwrap().client, 3);
    assert_eq!(bench.asked(3, 30).to_string(), "ended 3.0s ago by ann: ");
}

/// A party that is about to be kicked cannot evade it.
#[test]
fn the_notice_of_a_kick_stands_for_whoever_gets_the_lease() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    let now = bench.now;
    let notice = Duration::from_secs(3);
    bench.table.kick("laser", "ann", "maintenance", notice, now);
    bench.table.transfer(1, 10, 2, now).unwrap();
    bench.table.renew(2, 10, Some(notice * 100), now);
    bench.pass(4);
    assert!(why(&bench.asked(2, 10)).contains("maintenance"));
    assert!(bench.table.fence(2, "laser").is_some());
}

#[test]
fn leases_go_on_without_a_device_that_was_removed_and_claims_for_it_end() {
    let mut bench = bench();
    bench.claim(1, 10, "laser meter");
    bench.claim(2, 20, "pump");
    bench.claim(3, 30, "laser pump");
    bench.taken();
    bench.table.device_removed("laser", bench.now);
    let told = bench.told();
    assert_eq!(
        told,
        ["30 of 3 ended by the server: the device `laser` was removed"]
    );
    assert_eq!(bench.table.list(bench.now)[0].devices, ["meter"]);
    bench.table.device_removed("pump", bench.now);
    let told = bench.told();
    assert_eq!(
        told,
        ["20 of 2 ended by the server: the device `pump` was removed"]
    );
    assert!(bench.table.fence(2, "pump").is_none());
}

/// The hook of the removed device ends late, when another one of the same name is being released.
#[test]
fn a_late_hook_does_not_release_a_new_device_of_the_same_name() {
    let mut bench = bench();
    bench.claim(1, 10, "laser");
    bench.release(1, 10);
    let late = bench.taken();
    bench.table.device_removed("laser", bench.now);
    bench.claim(2, 20, "laser");
    bench.claim(3, 30, "laser");
    bench.release(2, 20);
    for change in late {
        if let Change::Release { device, turn, .. } = change {
            bench.table.released(&device, turn);
        }
    }
    assert_eq!(place(&bench.asked(3, 30)), 1);
    bench.run_hooks();
    assert!(is_held(&bench.asked(3, 30)));
}
