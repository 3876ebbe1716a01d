//! The gate of a device: `ipc-core/src/interface/{slot,gate}`.

use std::sync::Arc;
use std::time::Instant;

use crate::blocked::{Blocked, Stuck};
use crate::check::{DEADLOCK, fails, holds};
use crate::gate::{CLOSED, Entry, Place};
use crate::slot::{DriverGuard, Slot};
use crate::sync::{AtomicBool, Fault, Ordering, thread};

/// A device whose driver counts its uses.
type Device = Arc<Slot<usize>>;

/// A call of the party with the same number.
fn entry(id: u64) -> Entry {
    Entry {
        id,
        method: 0,
        party: id,
        reads: false,
    }
}

fn park(_place: &Place<'_>) -> Result<(), Blocked> {
    thread::park();
    Ok(())
}

/// Waits until the gate opens, however long it takes.
fn enter(device: &Device, id: u64) -> DriverGuard<'_, usize> {
    device.enter(entry(id), park).unwrap()
}

/// Two callers use the device, the first of them with `fault`.
fn two_callers(fault: Option<Fault>) {
    let device = Device::new(Slot::new(0));
    let other = {
        let device = Arc::clone(&device);
        thread::spawn(move || *enter(&device, 2) += 1)
    };
    if let Some(fault) = fault {
        fault.commit();
    }
    *enter(&device, 1) += 1;
    other.join().unwrap();
}

#[test]
fn two_callers_get_in() {
    holds(None, || two_callers(None));
}

#[test]
fn a_caller_that_leaves_without_a_fence_may_leave_another_one_asleep() {
    fails(DEADLOCK, || two_callers(Some(Fault::NoFences)));
}

#[test]
fn a_caller_that_wakes_nobody_leaves_another_one_asleep() {
    fails(DEADLOCK, || two_callers(Some(Fault::NoWakeUps)));
}

/// Three callers use the device once each.
fn three_callers() {
    let device = Device::new(Slot::new(0));
    let callers = [2, 3].map(|id| {
        let device = Arc::clone(&device);
        thread::spawn(move || *enter(&device, id) += 1)
    });
    *enter(&device, 1) += 1;
    for caller in callers {
        caller.join().unwrap();
    }
    assert_eq!(*enter(&device, 1), 3);
}

#[test]
fn three_callers_get_in() {
    holds(Some(3), three_callers);
}

/// A caller that arrives after another one has joined the queue is let in after it.
fn arrival_order(is_jumped: bool) {
    let device = Device::new(Slot::new(0));
    let queued = Arc::new(AtomicBool::default());
    let first = enter(&device, 1);
    let early = {
        let (device, queued) = (Arc::clone(&device), Arc::clone(&queued));
        thread::spawn(move || {
            let wait = |_: &Place<'_>| {
                queued.store(true, Ordering::Release);
                thread::park();
                Ok(())
            };
            *device.enter(entry(2), wait).unwrap() = 2;
        })
    };
    let late = {
        let (device, queued) = (Arc::clone(&device), Arc::clone(&queued));
        thread::spawn(move || {
            let is_late = queued.load(Ordering::Acquire) || is_jumped;
            let mut driver = enter(&device, 3);
            // The driver has not been used before the early caller, if that waited already.
            assert!(!is_late || *driver == 2, "jumped the queue");
            *driver = 3;
        })
    };
    drop(first);
    early.join().unwrap();
    late.join().unwrap();
}

#[test]
fn callers_get_in_in_the_order_of_their_arrival() {
    holds(Some(3), || arrival_order(false));
}

#[test]
fn the_order_of_arrival_is_noticed() {
    fails("jumped", || arrival_order(true));
}

/// A caller that waits gives up at any time, perhaps when it has just been woken. The one behind it gets in.
fn giving_up(fault: Option<Fault>) {
    let device = Device::new(Slot::new(0));
    let first = enter(&device, 1);
    let weary = {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            if let Some(fault) = fault {
                fault.commit();
            }
            let mut is_woken = false;
            let wait = |_: &Place<'_>| {
                if is_woken {
                    return Err(Blocked::GivenUp);
                }
                is_woken = true;
                thread::park();
                Ok(())
            };
            drop(device.enter(entry(2), wait));
        })
    };
    let weary_thread = weary.thread().clone();
    let next = {
        let device = Arc::clone(&device);
        thread::spawn(move || *enter(&device, 3) += 1)
    };
    // Its caller has cancelled it.
    weary_thread.unpark();
    drop(first);
    weary.join().unwrap();
    next.join().unwrap();
}

#[test]
fn a_caller_that_gives_up_passes_its_turn_on() {
    holds(Some(3), || giving_up(None));
}

#[test]
fn a_caller_that_gives_up_in_silence_leaves_the_next_one_asleep() {
    fails(DEADLOCK, || giving_up(Some(Fault::NoWakeUps)));
}

/// A call returns with `fault` while it is marked as stuck, and while the device is released by a thread that trusts blindly
/// that its hook will run, or does not.
fn release(fault: Option<Fault>, is_blind: bool) {
    let device = Device::new(Slot::new(0));
    let call = enter(&device, 1);
    let marker = {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            device.gate.mark_stuck(1, stuck());
        })
    };
    let releaser = {
        let device = Arc::clone(&device);
        thread::spawn(move || {
            let wait = |place: &Place<'_>| {
                let duty = Arc::clone(&device);
                let run_hook = move || duty.use_on_duty(Entry::hook(9), |hooks| *hooks += 1);
                if let Some(stuck) = place.stuck()
                    && (device.gate.leave_to_stuck_call(0, Box::new(run_hook)) || is_blind)
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
    if let Some(fault) = fault {
        fault.commit();
    }
    drop(call);
    marker.join().unwrap();
    releaser.join().unwrap();
    assert!(!device.gate.is_stuck(), "stuck for ever");
    assert!(device.gate.stuck().is_none(), "stuck for ever");
    assert_eq!(*enter(&device, 1), 1, "hooks that ran");
}

fn stuck() -> Stuck {
    Stuck {
        device: String::new(),
        method: String::new(),
        by: String::new(),
        since: Instant::now(),
    }
}

#[test]
fn a_hook_that_is_left_to_a_call_runs_once_and_nothing_stays_stuck() {
    holds(Some(3), || release(None, false));
}

/// A third caller waits while a call that is stuck returns, with a hook left to it. Nobody gets in before the hook.
fn nobody_before_the_hook(is_early: bool) {
    let device = Device::new(Slot::new(0));
    let call = enter(&device, 1);
    assert!(device.gate.mark_stuck(1, stuck()));
    let duty = Arc::clone(&device);
    let run_hook = move || duty.use_on_duty(Entry::hook(9), |hooks| *hooks += 1);
    if !is_early {
        assert!(device.gate.leave_to_stuck_call(0, Box::new(run_hook)));
    }
    let next = {
        let device = Arc::clone(&device);
        thread::spawn(move || assert_eq!(*enter(&device, 2), 1, "hooks that ran"))
    };
    drop(call);
    next.join().unwrap();
}

#[test]
fn nobody_gets_in_before_a_hook_that_is_left_to_a_call() {
    holds(None, || nobody_before_the_hook(false));
    fails("hooks that ran", || nobody_before_the_hook(true));
}

#[test]
fn a_call_that_leaves_with_relaxed_stores_may_stay_stuck() {
    fails("stuck for ever", || {
        release(Some(Fault::RelaxedStores), false)
    });
}

#[test]
fn a_call_that_leaves_with_a_relaxed_load_may_stay_stuck() {
    fails("stuck for ever", || {
        release(Some(Fault::RelaxedLoads), false)
    });
}

#[test]
fn a_hook_that_is_left_to_no_call_does_not_run() {
    fails("hooks that ran", || release(None, true));
}

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
