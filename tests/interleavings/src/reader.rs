//! The right to read a connection, as it passes between the threads that serve a client:
//! `ipc-server/src/session/handover.rs`.
//!
//! That two threads never have it is in its type, which cannot be copied. The models look for a right that nobody has, and
//! for threads that wait for ever.

use std::sync::Arc;

use crate::check::{DEADLOCK, fails, holds};
use crate::handover::{Handover, await_reader};
use crate::sync::thread::{self, JoinHandle, Thread};
use crate::sync::{Condvar, Fault, Mutex, MutexGuard};

/// The right to read.
#[derive(Debug)]
struct Reader;

/// What the threads that serve a client share.
struct Session {
    pump: Mutex<Pump>,
    called: Condvar,
}

struct Pump {
    handover: Handover<Reader>,
    /// The calls that the client still makes.
    calls: usize,
    /// The thread inside a driver.
    inside: Option<Thread>,
}

impl AsMut<Handover<Reader>> for Pump {
    fn as_mut(&mut self) -> &mut Handover<Reader> {
        &mut self.handover
    }
}

impl Session {
    fn new(calls: usize) -> Arc<Self> {
        Arc::new(Self {
            pump: Mutex::new(Pump {
                handover: Handover::new(),
                calls,
                inside: None,
            }),
            called: Condvar::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Pump> {
        self.pump.lock().unwrap()
    }

    fn await_reader(&self) -> Option<(MutexGuard<'_, Pump>, Reader)> {
        await_reader(self.lock(), &self.called, 0)
    }

    /// The thread that reads has read the goodbye.
    fn end(&self, mut pump: MutexGuard<'_, Pump>) {
        pump.handover.end_tenure();
        self.called.notify_all();
    }

    /// A tick has found the connection unattended. Returns the companion that it had to start.
    fn attend<T: 'static>(
        self: &Arc<Self>,
        companion: impl FnOnce(&Arc<Self>) -> T + 'static,
    ) -> Option<JoinHandle<T>> {
        let mut pump = self.lock();
        let is_unattended = pump.handover.is_parked() && pump.handover.tenure() == 0;
        if !is_unattended || pump.handover.call_companion(&self.called) {
            return None;
        }
        let session = Arc::clone(self);
        Some(thread::spawn(move || companion(&session)))
    }
}

/// Which thread has which fault.
#[derive(Clone, Copy, Default)]
struct Faults {
    tick: Option<Fault>,
    end: Option<Fault>,
}

/// Reads and runs calls, each of which returns only when it is cancelled by a message that another thread has to read.
fn serve(session: &Session, mut reader: Option<Reader>, tick: &Thread, faults: Faults) {
    loop {
        let (mut pump, mine) = match reader.take() {
            Some(mine) => (session.lock(), mine),
            None => match session.await_reader() {
                Some(taken) => taken,
                None => return,
            },
        };
        if let Some(inside) = pump.inside.take() {
            inside.unpark();
        }
        drop(pump);
        // It reads. The thread that has returned may find no reader, and wait as the companion.
        let mut pump = session.lock();
        if pump.calls == 0 {
            if let Some(fault) = faults.end {
                fault.commit();
            }
            return session.end(pump);
        }
        pump.calls -= 1;
        pump.inside = Some(thread::current());
        pump.handover.park(mine);
        drop(pump);
        tick.unpark();
        // The driver.
        thread::park();
        reader = session.lock().handover.unpark();
    }
}

/// Two calls, one after the other, which can only end if another thread reads meanwhile. The tick looks once at each.
fn relay(faults: Faults) {
    const CALLS: usize = 2;
    let session = Session::new(CALLS);
    let tick = {
        let session = Arc::clone(&session);
        thread::spawn(move || {
            if let Some(fault) = faults.tick {
                fault.commit();
            }
            let this = thread::current();
            let attend = |_| {
                thread::park();
                let this = this.clone();
                session.attend(move |session| serve(session, None, &this, faults))
            };
            let companions: Vec<_> = (0..CALLS).filter_map(attend).collect();
            for companion in companions {
                companion.join().unwrap();
            }
        })
    };
    let ticking = tick.thread().clone();
    serve(&session, Some(Reader), &ticking, faults);
    tick.join().unwrap();
}

#[test]
fn a_connection_is_read_while_a_driver_runs() {
    holds(Some(3), || relay(Faults::default()));
}

#[test]
fn a_tick_that_does_not_wake_the_companion_leaves_the_connection_unread() {
    let tick = Some(Fault::NoWakeUps);
    let end = None;
    fails(DEADLOCK, move || relay(Faults { tick, end }));
}

#[test]
fn a_companion_that_is_not_told_of_the_end_waits_for_ever() {
    let tick = None;
    let end = Some(Fault::NoWakeUps);
    fails(DEADLOCK, move || relay(Faults { tick, end }));
}

/// Two short calls return while the tick has companions called. The first thread to read after them ends the session;
/// with `forgets`, the thread of the calls does not take its reader back.
fn race(forgets: bool) {
    let session = Session::new(2);
    let tick = {
        let session = Arc::clone(&session);
        thread::spawn(move || {
            let companion = |session: &Arc<Session>| {
                if let Some((pump, _reader)) = session.await_reader() {
                    session.end(pump);
                }
            };
            let companions = [session.attend(companion), session.attend(companion)];
            for companion in companions.into_iter().flatten() {
                companion.join().unwrap();
            }
        })
    };
    let mut reader = Some(Reader);
    for _ in 0..2 {
        if let Some(mine) = reader.take() {
            session.lock().handover.park(mine);
            if !forgets {
                reader = session.lock().handover.unpark();
            }
        }
    }
    // The thread whose reader was taken becomes the companion.
    let has_reader = reader.is_some();
    let mine = match has_reader {
        true => Some((session.lock(), Reader)),
        false => session.await_reader(),
    };
    if let Some((pump, _reader)) = mine {
        session.end(pump);
    }
    tick.join().unwrap();
    let pump = session.lock();
    assert!(!pump.handover.is_parked(), "nobody has the reader");
    assert_eq!(pump.handover.tenure(), 1, "threads that ended the session");
}

#[test]
fn a_call_that_returns_while_a_companion_is_called_leaves_one_reader() {
    holds(None, || race(false));
}

#[test]
fn a_reader_that_is_not_taken_back_is_missed() {
    fails(DEADLOCK, || race(true));
}

/// A call has returned before its companion came. The next call, which nobody has seen to run for long, keeps the reader.
fn late_companion() {
    let session = Session::new(0);
    let mut pump = session.lock();
    pump.handover.park(Reader);
    pump.handover.call_companion(&session.called);
    let reader = pump.handover.unpark();
    pump.handover.park(reader.unwrap());
    drop(pump);
    let companion = {
        let session = Arc::clone(&session);
        thread::spawn(move || session.await_reader().is_some())
    };
    session.end(session.lock());
    assert!(!companion.join().unwrap(), "took a reader uncalled");
}

#[test]
fn a_companion_that_comes_too_late_takes_nothing() {
    holds(None, late_companion);
}
