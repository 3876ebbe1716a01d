//! A driver, and the gate in front of it, which lets one call in at a time.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, PoisonError, TryLockError};
use std::time::Instant;

use super::remote::Release;
use super::waits;
use crate::sync::thread::{self, Thread};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, fence};

/// A driver behind its gate.
#[derive(Debug, Default)]
pub(crate) struct Slot<T: ?Sized> {
    pub(crate) gate: Gate,
    driver: Mutex<T>,
}

/// Lets one caller in at a time, in the order in which they came.
///
/// A caller that finds the gate free and the queue empty enters with one exchange, and leaves with two. What others may
/// want to know about the call inside is stored as numbers; texts are made on demand.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Number of callers in the queue.
    waiting: AtomicUsize,
    /// The call inside, as an [`Entry`]; 0 for none.
    inside: AtomicU64,
    /// The number of the method that runs. Means something only while a call is inside.
    method: AtomicUsize,
    /// The thread inside, as [`waits`] numbers them; 0 for none.
    thread: Arc<AtomicU64>,
    is_stuck: AtomicBool,
    state: Mutex<State>,
    /// The name of the device, once it has one.
    name: OnceLock<String>,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Waiter>,
    last_ticket: u64,
    stuck: Option<Arc<Stuck>>,
    /// Set if the release hook must run as soon as the stuck call returns, and why.
    owed: Option<Release>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    thread: Thread,
}

/// What goes through a gate: a number that no other call of the server has at the same time, and the number of the
/// method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) method: usize,
}

impl Entry {
    /// Code in the server's own process that uses the driver.
    pub(crate) const LOCAL: Self = Self {
        id: u64::MAX,
        method: usize::MAX,
    };
    /// A release hook.
    pub(crate) const HOOK: Self = Self {
        id: u64::MAX - 1,
        method: usize::MAX,
    };
}

/// A device or function whose call does not return, although its caller has given the call up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// The device, or the function, that is stuck.
    pub device: String,
    /// The method that runs, by its name on the wire; `on_release` for a release hook.
    pub method: String,
    /// The caller: name and address of the client, or `the server` for a release hook.
    pub by: String,
    /// About when it began.
    pub since: Instant,
}

/// Why a caller was not let in.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// The call inside hangs.
    Stuck(Arc<Stuck>),
    /// The caller does not want to wait any longer.
    GivenUp,
    /// The gate would open only after the caller has left another one: the names of both devices.
    Deadlock { wanted: String, held: String },
}

impl std::fmt::Display for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stuck(stuck) => write!(
                f,
                "`{}` hangs in `{}`, which {} called",
                stuck.device, stuck.method, stuck.by
            ),
            Self::GivenUp => f.write_str("its caller gave it up"),
            Self::Deadlock { wanted, held } if wanted == held => write!(
                f,
                "deadlock: `{wanted}` is locked already by the call or thread that wants to lock it"
            ),
            Self::Deadlock { wanted, held } => write!(
                f,
                "deadlock: what has locked `{wanted}` waits for `{held}`, which is locked by the call or thread that \
                 wants to lock `{wanted}`; lock devices in the same order everywhere"
            ),
        }
    }
}

/// The right to use a driver, until dropped.
#[must_use = "the driver is free for others as soon as this is dropped"]
#[derive(Debug)]
pub struct DriverGuard<'a, T: ?Sized> {
    gate: &'a Gate,
    driver: MutexGuard<'a, T>,
    has_left: bool,
    /// Dropped after the driver is free.
    _next: CallNext<'a>,
}

/// Wakes the next caller.
#[derive(Debug)]
struct CallNext<'a>(&'a Gate);

impl<T> Slot<T> {
    pub(crate) fn new(driver: T) -> Self {
        Self {
            gate: Gate::default(),
            driver: Mutex::new(driver),
        }
    }
}

impl<T: ?Sized> Slot<T> {
    /// Waits until it is this caller's turn. `pause`, which gets the call inside if that hangs, waits for a moment, or
    /// ends the wait by an error.
    pub(crate) fn enter(
        &self,
        entry: Entry,
        pause: impl FnMut(Option<Arc<Stuck>>) -> Result<(), Blocked>,
    ) -> Result<DriverGuard<'_, T>, Blocked> {
        if self.gate.waiting.load(Ordering::Acquire) == 0
            && let Some(guard) = self.try_enter(entry)
        {
            return Ok(guard);
        }
        self.wait(entry, pause)
    }

    fn try_enter(&self, entry: Entry) -> Option<DriverGuard<'_, T>> {
        let driver = match self.driver.try_lock() {
            Ok(driver) => driver,
            // A driver that panicked is used on as it was left.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let gate = &self.gate;
        gate.method.store(entry.method, Ordering::Relaxed);
        gate.thread.store(waits::this_thread(), Ordering::Relaxed);
        gate.inside.store(entry.id, Ordering::Release);
        Some(DriverGuard {
            gate,
            driver,
            has_left: false,
            _next: CallNext(gate),
        })
    }

    #[cold]
    fn wait(
        &self,
        entry: Entry,
        mut pause: impl FnMut(Option<Arc<Stuck>>) -> Result<(), Blocked>,
    ) -> Result<DriverGuard<'_, T>, Blocked> {
        let place = self.gate.join();
        let _wait = waits::Wait::begin(&self.gate.thread, self.gate.name())?;
        loop {
            if self.gate.is_next(place.ticket)
                && let Some(guard) = self.try_enter(entry)
            {
                return Ok(guard);
            }
            pause(self.gate.stuck())?;
        }
    }
}

impl<T: ?Sized> DriverGuard<'_, T> {
    /// Notes that the call has returned; it keeps the driver until the guard is dropped. If the release hook could not
    /// run while the call was stuck, returns why it must run now.
    pub(crate) fn leave(&mut self) -> Option<Release> {
        self.has_left = true;
        match self.gate.leave() {
            true => self.gate.clear_stuck(),
            false => None,
        }
    }
}

impl Gate {
    /// Names the device.
    pub(crate) fn set_name(&self, name: &str) {
        // A driver that is served twice keeps its first name.
        let _ = self.name.set(name.to_string());
    }

    fn name(&self) -> &str {
        self.name.get().map_or("a driver", String::as_str)
    }

    /// What is inside.
    pub(crate) fn inside(&self) -> Option<Entry> {
        match self.inside.load(Ordering::SeqCst) {
            0 => None,
            id => Some(Entry {
                id,
                method: self.method.load(Ordering::Relaxed),
            }),
        }
    }

    /// Refuses other callers while the call `id` is inside. Returns false if it is not inside.
    pub(crate) fn mark_stuck(&self, id: u64, stuck: Stuck) -> bool {
        let mut state = self.state();
        self.is_stuck.store(true, Ordering::SeqCst);
        // Either this load sees that the call has left, or the call sees, when it leaves, that it is stuck.
        if self.inside.load(Ordering::SeqCst) != id {
            self.is_stuck.store(false, Ordering::SeqCst);
            return false;
        }
        state.stuck = Some(Arc::new(stuck));
        for waiter in &state.queue {
            waiter.thread.unpark();
        }
        true
    }

    /// True while the call inside is known to hang.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::SeqCst)
    }

    /// The call that hangs, if one does.
    pub(crate) fn stuck(&self) -> Option<Arc<Stuck>> {
        match self.is_stuck() {
            true => self.state().stuck.clone(),
            false => None,
        }
    }

    /// Notes that the call has returned; from now on it cannot be marked as stuck. Returns true if it was. Others are
    /// let in only when the guard is dropped.
    fn leave(&self) -> bool {
        self.thread.store(0, Ordering::Relaxed);
        self.inside.swap(0, Ordering::SeqCst);
        self.is_stuck()
    }

    /// Leaves the release hook to the thread of the stuck call, which runs it when the call returns. Returns false if
    /// no call is stuck any more.
    pub(crate) fn owe(&self, why: Release) -> bool {
        let mut state = self.state();
        let is_stuck = state.stuck.is_some();
        if is_stuck {
            state.owed = Some(why);
        }
        is_stuck
    }

    /// Notes that the device is no longer stuck. Returns why its release hook must run now, if it must.
    #[cold]
    fn clear_stuck(&self) -> Option<Release> {
        let mut state = self.state();
        state.stuck = None;
        self.is_stuck.store(false, Ordering::SeqCst);
        state.owed.take()
    }

    fn join(&self) -> Place<'_> {
        let mut state = self.state();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        state.queue.push_back(Waiter {
            ticket,
            thread: thread::current(),
        });
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
        // Pairs with the fence in the drop of `CallNext`.
        fence(Ordering::SeqCst);
        Place { gate: self, ticket }
    }

    fn is_next(&self, ticket: u64) -> bool {
        let state = self.state();
        let next = state.queue.front();
        next.is_some_and(|next| next.ticket == ticket)
    }

    fn wake_next(&self) {
        if let Some(next) = self.state().queue.front() {
            next.thread.unpark();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    gate: &'a Gate,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.queue.retain(|waiter| waiter.ticket != self.ticket);
        self.gate
            .waiting
            .store(state.queue.len(), Ordering::Relaxed);
        drop(state);
        // If this caller was woken and gives up, the next one must not sleep on.
        self.gate.wake_next();
    }
}

impl<T: ?Sized> Drop for DriverGuard<'_, T> {
    fn drop(&mut self) {
        if !self.has_left {
            self.leave();
        }
    }
}

impl Drop for CallNext<'_> {
    fn drop(&mut self) {
        // Either this load sees a caller that has joined the queue, or that caller finds the driver free.
        fence(Ordering::SeqCst);
        if self.0.waiting.load(Ordering::Relaxed) != 0 {
            self.0.wake_next();
        }
    }
}

impl<T: ?Sized> Deref for DriverGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.driver
    }
}

impl<T: ?Sized> DerefMut for DriverGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.driver
    }
}
