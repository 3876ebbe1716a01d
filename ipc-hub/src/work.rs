//! What a stopping server waits for.

use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts tasks and threads that a stop waits for.
///
/// The wait has a deadline and blocks, outside of a runtime as well as inside one. The trackers of tokio cannot do that.
#[derive(Debug, Default)]
pub struct WorkCounter {
    running: Mutex<Running>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Running {
    count: usize,
    /// Number of threads in [`WorkCounter::wait`].
    waiting: usize,
    labels: Vec<Arc<str>>,
}

/// A task or thread that a stop waits for, until dropped.
#[derive(Debug)]
pub struct Work {
    counter: Arc<WorkCounter>,
    label: Option<Arc<str>>,
}

impl WorkCounter {
    /// Makes a stop wait until the returned value is dropped.
    pub fn begin(self: &Arc<Self>) -> Work {
        self.start(None)
    }

    /// Like [`begin`](Self::begin), for work that is [listed](Self::labels) until it has ended.
    pub fn begin_labelled(self: &Arc<Self>, label: &str) -> Work {
        self.start(Some(label.into()))
    }

    fn start(self: &Arc<Self>, label: Option<Arc<str>>) -> Work {
        let mut running = self.lock();
        running.count += 1;
        running.labels.extend(label.clone());
        drop(running);
        let counter = Arc::clone(self);
        Work { counter, label }
    }

    /// Returns the labels of the work that has not ended.
    pub fn labels(&self) -> Vec<Arc<str>> {
        self.lock().labels.clone()
    }

    /// Waits until no work is left. Returns false if some is left at `deadline`. Blocks.
    pub fn wait(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let is_running = |running: &mut Running| running.count > 0;
        let mut running = self.lock();
        running.waiting += 1;
        let waited = self.ended.wait_timeout_while(running, left, is_running);
        let mut running = waited.unwrap_or_else(PoisonError::into_inner).0;
        running.waiting -= 1;
        running.count == 0
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut running = self.counter.lock();
        running.count -= 1;
        if let Some(label) = &self.label {
            running.labels.retain(|other| !Arc::ptr_eq(other, label));
        }
        let is_awaited = running.count == 0 && running.waiting > 0;
        drop(running);
        if is_awaited {
            self.counter.ended.notify_all();
        }
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
