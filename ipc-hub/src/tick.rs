//! A clock that notices calls that run long. Short calls only change a counter for it.

use std::sync::{Arc, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{io, mem};

use crate::sync::thread::{self, JoinHandle, Thread};
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering};
use crate::time::{now, overslept};

/// A client that the tick looks after.
pub trait Monitored: Send + Sync {
    /// Returns whether the client's connection is unattended.
    fn unattended(&self) -> &Unattended;

    /// Called when the connection has been unattended for at least one tick, because of the same call: `step` is that of
    /// [`Unattended`].
    fn on_unattended(&self, step: u64);

    /// Looks after the calls that run long. `pause` is how long this process was suspended. Returns false if there are
    /// none.
    fn check_calls(&self, now: Instant, pause: Duration) -> bool;
}

/// Says whether a connection is unattended because the thread that reads from it is inside a driver.
///
/// A counter, which is odd while the connection is unattended. It changes with every call, without a look at the clock:
/// the same odd number in two ticks means that one call has run for at least the time between them.
#[derive(Debug, Default)]
pub struct Unattended(AtomicU64);

impl Unattended {
    /// Called when the thread that reads is about to enter a driver.
    ///
    /// This update and the load of [`Tick::wake`] on one side, and the store and the loads of a tick that is about to
    /// sleep on the other, are sequentially consistent, so one side sees the other. With any of them relaxed, the model
    /// in `tests/interleavings` finds a call that nobody attends to.
    pub fn begin(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Called when that thread has returned, or another thread reads.
    pub fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the present value of the counter.
    pub fn step(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

fn is_unattended(step: u64) -> bool {
    step % 2 == 1
}

/// The thread that looks after all clients of a server. It sleeps once nothing has run for a second.
#[derive(Default)]
pub struct Tick {
    is_asleep: AtomicBool,
    has_ended: AtomicBool,
    monitored: Mutex<Vec<Weak<dyn Monitored>>>,
    thread: OnceLock<Thread>,
    running: Mutex<Option<JoinHandle<()>>>,
}

impl Tick {
    /// Starts the thread, unless it runs already.
    pub fn start(self: &Arc<Self>) -> io::Result<()> {
        let _once = self.monitored();
        if self.thread.get().is_some() {
            return Ok(());
        }
        let tick = Arc::clone(self);
        let thread = thread::Builder::new().name("ipc tick".into());
        let running = thread.spawn(move || tick.run())?;
        let _ = self.thread.set(running.thread().clone());
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// Ends the thread and waits for its end. Blocks.
    pub fn end(&self) {
        self.has_ended.store(true, Ordering::SeqCst);
        self.unpark();
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A panic there has been printed.
        let _ = running.map(JoinHandle::join);
    }

    /// Looks at `monitored` from now on, until it is dropped.
    pub fn monitor(&self, monitored: Weak<dyn Monitored>) {
        self.monitored().push(monitored);
        self.wake();
    }

    /// Wakes the thread if it sleeps. Must be called after [`Unattended::begin`] or, for a call that begins while another
    /// thread reads, once [`Monitored::check_calls`] finds the call.
    #[inline]
    pub fn wake(&self) {
        if self.is_asleep.load(Ordering::SeqCst) {
            self.unpark();
        }
    }

    #[cold]
    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(&self) {
        let mut seen = Vec::new();
        let mut last_busy = now();
        let mut due = last_busy;
        while !self.has_ended.load(Ordering::SeqCst) {
            let pause = overslept(due);
            let scanned = now();
            match self.scan(&mut seen, scanned, pause) {
                Busy::Unattended | Busy::Long => last_busy = scanned,
                Busy::Not => {}
            }
            if scanned.saturating_duration_since(last_busy) < BUSY_FOR {
                due = now() + PERIOD;
                thread::park_timeout(PERIOD);
            } else {
                self.sleep();
                last_busy = now();
                due = last_busy;
            }
        }
    }

    /// Sleeps until a connection is unattended or a call runs. A call that begins at this moment either sees that the tick
    /// is about to sleep, and wakes it, or is seen here.
    fn sleep(&self) {
        self.is_asleep.store(true, Ordering::SeqCst);
        let is_busy = |monitored: Arc<dyn Monitored>| {
            is_unattended(monitored.unattended().step())
                || monitored.check_calls(now(), Duration::ZERO)
        };
        if !self.all().into_iter().any(is_busy) && !self.has_ended.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_asleep.store(false, Ordering::SeqCst);
    }

    fn scan(&self, seen: &mut Vec<(*const (), u64)>, now: Instant, pause: Duration) -> Busy {
        let mut busy = Busy::Not;
        let before = mem::take(seen);
        for monitored in self.all() {
            let step = monitored.unattended().step();
            let this = (Arc::as_ptr(&monitored).cast::<()>(), step);
            if is_unattended(step) {
                busy = Busy::Unattended;
                if before.contains(&this) {
                    monitored.on_unattended(step);
                }
                seen.push(this);
            }
            if monitored.check_calls(now, pause) {
                busy = Busy::Long;
            }
        }
        busy
    }

    fn all(&self) -> Vec<Arc<dyn Monitored>> {
        let mut monitored = self.monitored();
        monitored.retain(|one| one.strong_count() > 0);
        monitored.iter().filter_map(Weak::upgrade).collect()
    }

    fn monitored(&self) -> MutexGuard<'_, Vec<Weak<dyn Monitored>>> {
        self.monitored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tick")
            .field("is_asleep", &self.is_asleep)
            .finish_non_exhaustive()
    }
}

enum Busy {
    Not,
    Unattended,
    Long,
}

/// Time between two looks while something runs.
const PERIOD: Duration = Duration::from_millis(10);
/// How long nothing must have run before the tick sleeps.
const BUSY_FOR: Duration = Duration::from_secs(1);
