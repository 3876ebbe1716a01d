//! Those that wait at a gate.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::super::blocked::{Blocked, Stuck};
use super::super::waits::{self, Manner};
use super::stuck::Duty;
use super::{Entry, Gate, LocalName};
use crate::sync::thread::{self, Thread};
use crate::sync::{Ordering, fence};

/// What is needed only by those that wait, reserve or hang; in agreement with the words of the [`Gate`] while it is locked.
#[derive(Default)]
pub(super) struct State {
    queue: VecDeque<Waiter>,
    last_ticket: u64,
    /// The id of the entry for which the gate is reserved; 0 for none.
    pub(super) reserved: u64,
    pub(super) stuck: Option<Arc<Stuck>>,
    /// By device, what the stuck call is to do when it has left the driver, before the gate opens to anybody.
    pub(super) last_duties: VecDeque<(usize, Duty)>,
    /// The number of the thread whose local code was let in last, and what that code calls itself.
    pub(super) local: Option<(u64, LocalName)>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    entry: Entry,
    thread: Thread,
}

impl Gate {
    /// Joins the queue: a release hook before everybody but other hooks, everybody else at the end. One that `yields` stands
    /// in the way of no release hook.
    pub(crate) fn join(&self, entry: Entry, yields: bool) -> Result<Place<'_>, Blocked> {
        let mut state = self.state();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        let at = match entry.is_hook() {
            true => state.queue.partition_point(|waiter| waiter.entry.is_hook()),
            false => state.queue.len(),
        };
        let thread = thread::current();
        state.queue.insert(
            at,
            Waiter {
                ticket,
                entry,
                thread,
            },
        );
        self.waiting.store(state.queue.len(), Ordering::Relaxed);
        // Pairs with the fence in `pass_on`.
        fence(Ordering::SeqCst);
        drop(state);
        let mut place = Place {
            gate: self,
            ticket,
            _wait: None,
        };
        let is_reserved = self.barred.load(Ordering::Relaxed) == entry.id;
        let manner = Manner {
            is_hook: entry.is_hook(),
            is_reserved,
            yields,
        };
        let wait = waits::Wait::begin(&self.keepers, self.name(), manner)?;
        place._wait = Some(wait);
        Ok(place)
    }

    /// Wakes the next caller, from a thread that has left the driver.
    #[inline]
    pub(crate) fn pass_on(&self) {
        // Either this load sees a caller that has joined the queue, or that caller finds the driver free.
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) != 0 {
            self.wake_next();
        }
    }

    #[cold]
    pub(super) fn wake_next(&self) {
        let state = self.state();
        if let Some(next) = self.next(&state) {
            next.thread.unpark();
        }
    }

    /// True if a release hook waits.
    pub(crate) fn is_wanted_by_hook(&self) -> bool {
        let first = self.state().queue.front().map(|first| first.entry);
        first.is_some_and(|first| first.is_hook())
    }

    /// Returns the first in the queue that can be let in once nobody is inside.
    fn next<'a>(&self, state: &'a State) -> Option<&'a Waiter> {
        let owner = self.owner();
        let mut queue = state.queue.iter();
        queue.find(|waiter| !self.must_wait(&waiter.entry, owner))
    }
}

/// A place in the queue, given up when dropped.
pub(crate) struct Place<'a> {
    gate: &'a Gate,
    ticket: u64,
    _wait: Option<waits::Wait>,
}

impl Place<'_> {
    /// True if it is the turn of this caller, once nobody is inside.
    pub(crate) fn is_next(&self) -> bool {
        let state = self.gate.state();
        self.gate
            .next(&state)
            .is_some_and(|next| next.ticket == self.ticket)
    }

    /// 1 for the next in line.
    pub(crate) fn number(&self) -> usize {
        let state = self.gate.state();
        let before = state
            .queue
            .iter()
            .take_while(|waiter| waiter.ticket != self.ticket);
        before.count() + 1
    }

    /// Returns the call inside if it hangs.
    pub(crate) fn stuck(&self) -> Option<Arc<Stuck>> {
        self.gate.stuck()
    }

    /// Returns the gate.
    pub(crate) fn gate(&self) -> &Gate {
        self.gate
    }
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

impl State {
    pub(super) fn wake_all(&self) {
        for waiter in &self.queue {
            waiter.thread.unpark();
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("queue", &self.queue)
            .field("reserved", &self.reserved)
            .field("stuck", &self.stuck)
            .finish_non_exhaustive()
    }
}
