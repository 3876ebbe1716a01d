//! The gate of a device: `ipc-core/src/interface/{slot,gate}`.

use std::sync::Arc;
use std::time::Instant;

use crate::blocked::{Blocked, Stuck};
use crate::check::{DEADLOCK, fails, holds};
use crate::gate::{Entry, Place};
use crate::slot::{DriverGuard, Slot};
use crate::sync::{AtomicBool, Fault, Ordering, thread};

/// A device whose driver counts its uses.
pub(crate) type Device = Arc<Slot<usize>>;

/// A call of the party with the same number.
pub(crate) fn entry(id: u64) -> Entry {
    Entry {
        id,
        method: 0,
        party: id,
        reads: false,
    }
}

pub(crate) fn park(_place: &Place<'_>) -> Result<(), Blocked> {
    thread::park();
    Ok(())
}

/// Waits until the gate opens, however long it takes.
pub(crate) fn enter(device: &Device, id: u64) -> DriverGuard<'_, usize> {
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

pub(crate) fn stuck() -> Stuck {
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
