//! A driver, and the gate in front of it, which lets one call in at a time.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, PoisonError, TryLockError};

use super::blocked::{Blocked, Stuck};
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

#[derive(Default)]
struct State {
    queue: VecDeque<Waiter>,
    last_ticket: u64,
    stuck: Option<Arc<Stuck>>,
    /// By device, what the stuck call is to do when it has left the driver, before the gate opens to anybody.
    last_duties: VecDeque<(usize, Duty)>,
}

/// Something to do, such as to run a release hook.
pub(crate) type Duty = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    thread: Thread,
}

/// What goes through a gate: a number that no other call or hook of the server has at the same time, and the number of
/// the method.
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
    /// A call or a release hook that uses the driver without being a call of one of its methods.
    pub(crate) const fn of(id: u64) -> Self {
        Self {
            id,
            method: usize::MAX,
        }
    }
}

/// The right to use a driver, until dropped.
#[must_use = "the driver is free for others as soon as this is dropped"]
#[derive(Debug)]
pub struct DriverGuard<'a, T: ?Sized> {
    gate: &'a Gate,
    driver: MutexGuard<'a, T>,
    /// Dropped after the driver is free.
    next: OpenGate<'a>,
}

/// Lets the next caller in, after what a stuck call has to do.
#[derive(Debug)]
struct OpenGate<'a> {
    gate: &'a Gate,
    was_stuck: bool,
}

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

    #[inline]
    fn try_enter(&self, entry: Entry) -> Option<DriverGuard<'_, T>> {
        let driver = match self.driver.try_lock() {
            Ok(driver) => driver,
            // A driver that panicked is used on as it was left.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let gate = &self.gate;
        // The call that was stuck has left the driver, but has not opened the gate yet.
        if gate.is_stuck.load(Ordering::Relaxed) {
            return None;
        }
        gate.set_inside(entry);
        Some(DriverGuard {
            gate,
            driver,
            next: OpenGate {
                gate,
                was_stuck: false,
            },
        })
    }

    /// Uses the driver as the [duty](Duty) of a call that was stuck. `work` must not panic.
    pub(crate) fn use_on_duty<R>(&self, entry: Entry, work: impl FnOnce(&mut T) -> R) -> R {
        // Others look at a driver that is not theirs only for a moment.
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        self.gate.set_inside(entry);
        let result = work(&mut driver);
        self.gate.set_outside();
        result
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

    /// True if the calling thread is inside.
    pub(crate) fn is_used_by_thread(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == waits::this_thread()
    }

    /// Refuses everybody else while the call `id` is inside. Returns false if it is not, or no longer.
    pub(crate) fn mark_stuck(&self, id: u64, stuck: Stuck) -> bool {
        let mut state = self.state();
        self.is_stuck.store(true, Ordering::SeqCst);
        // Either this load sees that the call has left, or the call sees, when it leaves, that it is stuck.
        let is_inside = self.inside.load(Ordering::SeqCst) == id;
        match is_inside {
            true => state.stuck = Some(Arc::new(stuck)),
            false => self.is_stuck.store(false, Ordering::SeqCst),
        }
        // They look whether the call inside is stuck, or have found it to be so just now.
        for waiter in &state.queue {
            waiter.thread.unpark();
        }
        is_inside
    }

    /// True while the call inside is known to hang.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::SeqCst)
    }

    /// The call that hangs, if one does.
    pub(crate) fn stuck(&self) -> Option<Arc<Stuck>> {
        let state = self.is_stuck().then(|| self.state())?;
        state.stuck.clone()
    }

    #[inline]
    fn set_inside(&self, entry: Entry) {
        self.method.store(entry.method, Ordering::Relaxed);
        self.thread.store(waits::this_thread(), Ordering::Relaxed);
        self.inside.store(entry.id, Ordering::Release);
    }

    #[inline]
    fn set_outside(&self) {
        self.thread.store(0, Ordering::Relaxed);
        self.inside.swap(0, Ordering::SeqCst);
    }

    /// Leaves this to the stuck call, in place of what `owner` left to it before. Returns false if no call is stuck any more.
    pub(crate) fn leave_to_stuck_call(&self, owner: usize, duty: Duty) -> bool {
        let mut state = self.state();
        let is_stuck = state.stuck.is_some();
        if is_stuck {
            state.last_duties.retain(|(other, _)| *other != owner);
            state.last_duties.push_back((owner, duty));
        }
        is_stuck
    }

    /// Does what is left to a call that was stuck. The device counts as stuck until it is done.
    #[cold]
    fn do_last_duty(&self) {
        loop {
            let mut state = self.state();
            let Some((_, duty)) = state.last_duties.pop_front() else {
                state.stuck = None;
                self.is_stuck.store(false, Ordering::SeqCst);
                return;
            };
            drop(state);
            duty();
        }
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
        // Pairs with the fence in the drop of `OpenGate`.
        fence(Ordering::SeqCst);
        Place { gate: self, ticket }
    }

    fn is_next(&self, ticket: u64) -> bool {
        let front = self.state().queue.front().map(|next| next.ticket);
        front == Some(ticket)
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
        // From here on the call cannot be marked as stuck.
        self.gate.set_outside();
        self.next.was_stuck = self.gate.is_stuck();
    }
}

impl Drop for OpenGate<'_> {
    fn drop(&mut self) {
        if self.was_stuck {
            self.gate.do_last_duty();
        }
        // Either this load sees a caller that has joined the queue, or that caller finds the driver free.
        fence(Ordering::SeqCst);
        if self.gate.waiting.load(Ordering::Relaxed) != 0 {
            self.gate.wake_next();
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("queue", &self.queue)
            .field("stuck", &self.stuck)
            .finish_non_exhaustive()
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
