//! How the right to read a connection passes from a thread that is inside a driver to another one.

use std::sync::PoisonError;

use crate::sync::{Condvar, MutexGuard};

/// The place of the right to read, an `R`, while the thread that had it is inside a driver.
#[derive(Debug)]
pub(super) struct Handover<R> {
    reader: Option<R>,
    /// Counts the clients that were served with this session, and their ends. A thread that serves an earlier client has
    /// nothing to do any more.
    tenure: u64,
    /// Number of threads that wait to take the reader; at most one.
    companions: usize,
    /// True if a companion is to take the reader.
    is_companion_wanted: bool,
}

impl<R> Handover<R> {
    pub(super) fn new() -> Self {
        Self {
            reader: None,
            tenure: 0,
            companions: 0,
            is_companion_wanted: false,
        }
    }

    /// The number of the present tenure.
    pub(super) fn tenure(&self) -> u64 {
        self.tenure
    }

    /// Ends the present tenure. Returns true if a companion waits, which has to be woken.
    pub(super) fn end_tenure(&mut self) -> bool {
        self.tenure += 1;
        self.is_companion_wanted = false;
        std::mem::take(&mut self.companions) > 0
    }

    /// Leaves the reader here, because its owner is about to enter a driver.
    pub(super) fn park(&mut self, reader: R) {
        self.reader = Some(reader);
    }

    /// Takes the reader, unless another thread has taken it.
    pub(super) fn unpark(&mut self) -> Option<R> {
        self.is_companion_wanted = false;
        self.reader.take()
    }

    /// True while the reader lies here.
    pub(super) fn is_parked(&self) -> bool {
        self.reader.is_some()
    }

    /// Has a companion take the reader. Returns false if no companion waits for it: one has to be started.
    pub(super) fn call_companion(&mut self, called: &Condvar) -> bool {
        self.is_companion_wanted = true;
        called.notify_all();
        self.companions > 0
    }

    /// Withdraws the call for a companion, because none can be started.
    pub(super) fn withdraw_call(&mut self) {
        self.is_companion_wanted = false;
    }
}

/// Waits as a companion until `called`, then takes the reader. Returns `None` if there is a companion already, or once the
/// tenure has ended. Blocks.
pub(super) fn await_reader<'a, P: AsMut<Handover<R>>, R>(
    mut pump: MutexGuard<'a, P>,
    called: &Condvar,
    tenure: u64,
) -> Option<(MutexGuard<'a, P>, R)> {
    let handover = pump.as_mut();
    if handover.companions > 0 || handover.tenure != tenure {
        return None;
    }
    handover.companions += 1;
    loop {
        let handover = pump.as_mut();
        if handover.tenure != tenure {
            return None;
        }
        if handover.is_companion_wanted
            && let Some(reader) = handover.unpark()
        {
            handover.companions -= 1;
            return Some((pump, reader));
        }
        pump = called.wait(pump).unwrap_or_else(PoisonError::into_inner);
    }
}
