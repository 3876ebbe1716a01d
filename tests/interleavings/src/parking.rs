//! The tick, which sleeps while nothing runs: `ipc-hub/src/tick.rs`.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::check::{DEADLOCK, fails, holds};
use crate::sync::thread::{self, Thread};
use crate::sync::{AtomicBool, Fault, Ordering};
use crate::tick::{Monitored, Tick, Unattended};

/// A client with a call that ends only when it has been attended to.
struct Client {
    unattended: Unattended,
    is_attended: AtomicBool,
    caller: Thread,
    /// The fault of the tick.
    fault: Option<Fault>,
}

impl Monitored for Client {
    fn unattended(&self) -> &Unattended {
        &self.unattended
    }

    fn on_unattended(&self, step: u64) {
        assert_eq!(step, 1, "the step of the first call");
        self.is_attended.store(true, Ordering::Release);
        self.caller.unpark();
    }

    fn check_calls(&self, _now: Instant, _pause: Duration) -> bool {
        // Only the tick looks.
        if let Some(fault) = self.fault {
            fault.commit();
        }
        false
    }
}

/// A call begins while the tick goes to sleep. Its thread has the fault `call`, the tick has `tick`.
fn call(call: Option<Fault>, tick: Option<Fault>) {
    let client = Arc::new(Client {
        unattended: Unattended::default(),
        is_attended: AtomicBool::default(),
        caller: thread::current(),
        fault: tick,
    });
    let tick = Arc::new(Tick::default());
    let monitored: Weak<Client> = Arc::downgrade(&client);
    tick.monitor(monitored);
    tick.start().unwrap();
    if let Some(fault) = call {
        fault.commit();
    }
    client.unattended.begin();
    tick.wake();
    while !client.is_attended.load(Ordering::Acquire) {
        thread::park();
    }
    client.unattended.end();
    tick.end();
}

#[test]
fn a_call_that_begins_is_seen() {
    holds(None, || call(None, None));
}

#[test]
fn a_call_that_begins_with_a_relaxed_update_is_missed() {
    fails(DEADLOCK, || call(Some(Fault::RelaxedStores), None));
}

#[test]
fn a_call_that_looks_for_the_tick_with_a_relaxed_load_is_missed() {
    fails(DEADLOCK, || call(Some(Fault::RelaxedLoads), None));
}

#[test]
fn a_tick_that_falls_asleep_with_a_relaxed_store_misses_a_call() {
    fails(DEADLOCK, || call(None, Some(Fault::RelaxedStores)));
}

#[test]
fn a_tick_that_looks_for_calls_with_relaxed_loads_misses_one() {
    fails(DEADLOCK, || call(None, Some(Fault::RelaxedLoads)));
}

#[test]
fn a_call_that_does_not_wake_the_tick_is_missed() {
    fails(DEADLOCK, || call(Some(Fault::NoWakeUps), None));
}
