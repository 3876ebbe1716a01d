//! Reservations and leases at the gate of a device: `ipc-core/src/interface/{slot,gate}`.

use std::sync::Arc;

use crate::blocked::Blocked;
use crate::check::{DEADLOCK, fails, holds};
use crate::gate::{CLOSED, Entry, Place};
use crate::gates::{Device, enter, entry, park, stuck};
use crate::slot::Slot;
use crate::sync::{AtomicBool, Fault, Ordering, thread};

/// A call reserves the gate and enters twice, while another caller and a release hook want to enter, too. None of them comes
/// between.
fn reservation(is_dropped_early: bool, fault: Option<Fault>) {
    let device = Device::new(Slot::new(0));
    let others = [entry(2), Entry::hook(3)].map(|other| {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            let uses = device.enter(other, park).unwrap();
            assert!(*uses != 1, "came between");
        })
    });
    if let Some(fault) = fault {
        fault.commit();
    }
    let reserved = device.reserve(entry(1), park).unwrap();
    *enter(&device, 1) += 1;
    let reserved = (!is_dropped_early).then_some(reserved);
    *enter(&device, 1) += 1;
    drop(reserved);
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(*enter(&device, 1), 2);
}

#[test]
fn nobody_comes_between_the_entries_of_a_reservation() {
    holds(Some(2), || reservation(false, None));
}

#[test]
fn somebody_may_come_between_entries_without_a_reservation() {
    fails("came between", || reservation(true, None));
}

#[test]
fn a_reservation_that_ends_in_silence_leaves_others_asleep() {
    fails(DEADLOCK, || reservation(false, Some(Fault::NoWakeUps)));
}

/// A caller of another party finds the gate reserved, and has locked the driver to see that. The one that has reserved it gets
/// in all the same, on two threads.
fn helpers() {
    let device = Device::new(Slot::new(0));
    let _reserved = device.reserve(entry(1), park).unwrap();
    let other = {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            let give_up = |_: &Place<'_>| Err(Blocked::GivenUp);
            assert!(device.enter(entry(2), give_up).is_err());
        })
    };
    let helper = {
        let device = Arc::clone(&device);
        thread::spawn(move || *enter(&device, 1) += 1)
    };
    *enter(&device, 1) += 1;
    helper.join().unwrap();
    other.join().unwrap();
    assert_eq!(*enter(&device, 1), 2);
}

#[test]
fn whoever_has_reserved_the_gate_gets_in_on_any_thread() {
    holds(Some(2), helpers);
}

/// A call that has reserved the gate is marked as stuck at any time, and a hook is left to it, or runs when it has ended.
fn stuck_reservation() {
    let device = Device::new(Slot::new(0));
    let reserved = device.reserve(entry(1), park).unwrap();
    let marker = {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            device.gate.mark_stuck(1, stuck());
            let wait = |place: &Place<'_>| {
                let duty = Arc::clone(&device);
                let run_hook = move || duty.use_on_duty(Entry::hook(9), |hooks| *hooks += 1);
                if let Some(stuck) = place.stuck()
                    && device.gate.leave_to_stuck_call(0, Box::new(run_hook))
                {
                    return Err(Blocked::Stuck(stuck));
                }
                thread::park();
                Ok(())
            };
            if let Ok(mut hooks) = device.enter(Entry::hook(9), wait) {
                *hooks += 1;
            }
        })
    };
    let no_wait = |_: &Place<'_>| Err(Blocked::GivenUp);
    if let Ok(hooks) = device.enter(entry(1), no_wait) {
        assert_eq!(*hooks, 0, "hooks that ran during the reservation");
    }
    drop(reserved);
    marker.join().unwrap();
    assert!(device.gate.stuck().is_none(), "stuck for ever");
    assert_eq!(*enter(&device, 1), 1, "hooks that ran");
}

#[test]
fn a_hook_is_left_to_a_call_that_has_reserved_the_gate() {
    holds(Some(2), stuck_reservation);
}

/// How a lease changes hands.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Correct,
    /// Nothing passes through the gate between the two leases.
    PassesNoGate,
    /// The caller compares the owner itself, before it enters.
    CheckedBeforeTheGate,
    /// The new owner is set in silence.
    Silent,
}

/// The lease of a device passes from party 1 to party 2, and the hook runs in between, while both parties call.
fn change_of_hands(change: Change) {
    let device = Device::new(Slot::new(0));
    device.gate.set_owner(1, false);
    let is_granted = Arc::new(AtomicBool::default());
    let old = {
        let (device, is_granted) = (Arc::clone(&device), Arc::clone(&is_granted));
        thread::spawn(move || {
            let early = change == Change::CheckedBeforeTheGate;
            let entered = match early && device.gate.owner() == 1 {
                true => device.enter(
                    Entry {
                        party: Entry::OURS,
                        ..entry(1)
                    },
                    park,
                ),
                false => device.enter(entry(1), park),
            };
            match entered {
                Ok(hooks) => {
                    assert_eq!(*hooks, 0, "let in after the hook");
                    let is_late = is_granted.load(Ordering::SeqCst);
                    assert!(!is_late, "let in after the grant");
                }
                Err(Blocked::Held { owner }) => assert_eq!(owner, 2),
                Err(blocked) => panic!("{blocked}"),
            }
        })
    };
    let new = {
        let device = Arc::clone(&device);
        thread::spawn(move || match device.enter(entry(2), park) {
            Ok(hooks) => assert!(*hooks == 1 || change == Change::PassesNoGate, "no hook yet"),
            Err(Blocked::Held { owner }) => assert_eq!(owner, 1),
            Err(blocked) => panic!("{blocked}"),
        })
    };
    if change == Change::Silent {
        Fault::NoWakeUps.commit();
    }
    device.gate.set_owner(CLOSED, false);
    if change != Change::PassesNoGate {
        *device.enter(Entry::hook(9), park).unwrap() += 1;
    }
    device.gate.set_owner(2, false);
    is_granted.store(true, Ordering::SeqCst);
    old.join().unwrap();
    new.join().unwrap();
}

#[test]
fn no_call_of_a_fenced_party_is_let_in_after_the_hook() {
    holds(Some(2), || change_of_hands(Change::Correct));
}

#[test]
fn a_lease_that_changes_hands_beside_the_gate_is_noticed() {
    fails("after the grant", || change_of_hands(Change::PassesNoGate));
}

#[test]
fn an_owner_that_is_checked_before_the_gate_is_noticed() {
    fails("let in after", || {
        change_of_hands(Change::CheckedBeforeTheGate)
    });
}

#[test]
fn a_new_owner_that_nobody_hears_of_leaves_callers_asleep() {
    fails(DEADLOCK, || change_of_hands(Change::Silent));
}
