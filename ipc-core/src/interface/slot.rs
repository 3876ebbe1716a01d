//! A driver behind its gate.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};

use super::blocked::Blocked;
use super::gate::{Entry, Gate, Place};
use crate::sync::{Mutex, MutexGuard};

/// A driver behind its gate.
#[derive(Debug, Default)]
pub(crate) struct Slot<T: ?Sized> {
    pub(crate) gate: Gate,
    driver: Mutex<T>,
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

/// The right to enter a driver again and again, while nobody else is let in, until dropped.
#[must_use = "others are let in as soon as this is dropped"]
#[derive(Debug)]
pub(crate) struct Reserved<'a> {
    /// `None` if the gate was reserved for the same entry already.
    gate: Option<&'a Gate>,
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
    /// Waits until it is this caller's turn. Fails if a lease keeps it out. `pause`, which gets its place in the queue,
    /// waits for a moment, or ends the wait by an error.
    pub(crate) fn enter(
        &self,
        entry: Entry,
        pause: impl FnMut(&Place<'_>) -> Result<(), Blocked>,
    ) -> Result<DriverGuard<'_, T>, Blocked> {
        if self.gate.has_no_queue()
            && let Some(guard) = self.try_enter(&entry)
        {
            return Ok(guard);
        }
        self.wait(&entry, false, pause)
    }

    /// Waits like [`enter`](Self::enter), and then lets in only entries with the same id, on whatever thread they are. The
    /// caller must give up what it has reserved as soon as a release hook [wants](Reserved::is_wanted_by_hook) it.
    pub(crate) fn reserve(
        &self,
        entry: Entry,
        pause: impl FnMut(&Place<'_>) -> Result<(), Blocked>,
    ) -> Result<Reserved<'_>, Blocked> {
        let at_once = match self.gate.has_no_queue() {
            true => self.try_enter(&entry),
            false => None,
        };
        let _inside = match at_once {
            Some(inside) => inside,
            None => self.wait(&entry, true, pause)?,
        };
        self.gate.readings().begin_reading();
        let is_new = self.gate.reserve(entry.id);
        let gate = is_new.then_some(&self.gate);
        Ok(Reserved { gate })
    }

    #[inline]
    fn try_enter(&self, entry: &Entry) -> Option<DriverGuard<'_, T>> {
        let driver = match self.driver.try_lock() {
            Ok(driver) => driver,
            // A driver that panicked is used on as it was left.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let gate = &self.gate;
        // Asked inside, where nothing can have been overlooked that was decided before the last one left.
        if !gate.admits(entry) {
            drop(driver);
            // Meanwhile, one that may enter has perhaps found the driver locked.
            gate.pass_on();
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

    /// Returns true if nobody is inside.
    pub(crate) fn is_free(&self) -> bool {
        let is_locked = matches!(self.driver.try_lock(), Err(TryLockError::WouldBlock));
        !is_locked && self.gate.inside().is_none()
    }

    /// Uses the driver as a duty of a call that was stuck. `work` must not panic.
    pub(crate) fn use_on_duty<R>(&self, entry: Entry, work: impl FnOnce(&mut T) -> R) -> R {
        // Others look at a driver that is not theirs only for a moment.
        let mut driver = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        self.gate.set_inside(&entry);
        let result = work(&mut driver);
        self.gate.set_outside();
        result
    }

    #[cold]
    fn wait(
        &self,
        entry: &Entry,
        yields: bool,
        mut pause: impl FnMut(&Place<'_>) -> Result<(), Blocked>,
    ) -> Result<DriverGuard<'_, T>, Blocked> {
        self.gate.check_lease(entry)?;
        let place = self.gate.join(*entry, yields)?;
        loop {
            if place.is_next()
                && let Some(guard) = self.try_enter(entry)
            {
                return Ok(guard);
            }
            self.gate.check_lease(entry)?;
            pause(&place)?;
        }
    }
}

impl Reserved<'_> {
    /// True if a release hook waits for the gate.
    pub(crate) fn is_wanted_by_hook(&self) -> bool {
        self.gate.is_some_and(Gate::is_wanted_by_hook)
    }
}

impl<T: ?Sized> DriverGuard<'_, T> {
    pub(crate) fn gate(&self) -> &Gate {
        self.gate
    }
}

impl<T: ?Sized> Drop for DriverGuard<'_, T> {
    fn drop(&mut self) {
        // From here on the call cannot be marked as stuck, unless it has reserved the gate.
        self.gate.set_outside();
        self.next.was_stuck = self.gate.is_stuck();
    }
}

impl Drop for OpenGate<'_> {
    fn drop(&mut self) {
        if self.was_stuck {
            self.gate.do_last_duty();
        }
        self.gate.pass_on();
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.gate {
            gate.end_reservation();
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
