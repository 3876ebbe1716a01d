//! What a stopping server waits for.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts tasks and threads that a stop waits for.
///
/// The wait has a deadline and blocks, outside of a runtime as well as inside one. The trackers of tokio cannot do that.
#[derive(Debug, Default)]
pub struct WorkCounter {
    running: Mutex<usize>,
    ended: Condvar,
}

/// A task or thread that a stop waits for, until dropped.
#[derive(Debug)]
pub struct Work(Arc<WorkCounter>);

impl WorkCounter {
    /// Makes a stop wait until the returned value is dropped.
    pub fn begin(self: &Arc<Self>) -> Work {
        *self.lock() += 1;
        Work(Arc::clone(self))
    }

    /// Waits until no work is left. Returns false if some is left at `deadline`. Blocks.
    pub fn wait(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let is_running = |running: &mut usize| *running > 0;
        let waited = self.ended.wait_timeout_while(self.lock(), left, is_running);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.ended.notify_all();
    }
}

/// Marks the current thread as one that the stop of the server `incarnation` waits for, until dropped.
pub struct ServingThread {
    before: Option<u128>,
}

thread_local! {
    /// The incarnation of the server that this thread serves.
    static SERVING: Cell<Option<u128>> = const { Cell::new(None) };
}

impl ServingThread {
    /// Marks the current thread.
    pub fn enter(incarnation: u128) -> Self {
        let before = SERVING.replace(Some(incarnation));
        Self { before }
    }

    /// Returns true if the current thread serves this server. A stop that begins there must not wait for itself.
    pub fn is_current(incarnation: u128) -> bool {
        SERVING.get() == Some(incarnation)
    }
}

impl Drop for ServingThread {
    fn drop(&mut self) {
        SERVING.set(self.before);
    }
}
