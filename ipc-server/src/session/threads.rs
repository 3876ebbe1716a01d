//! The threads that serve clients.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Starts the threads that serve clients.
///
/// A thread whose client has left waits for the next client for a while, if no other one does: the next run of a script is
/// then served without starting a thread.
#[derive(Debug, Default)]
pub(crate) struct SessionThreads {
    spare: Mutex<SpareThread>,
    changed: Condvar,
}

type Task = Box<dyn FnOnce() + Send>;

/// The thread that waits for a task.
#[derive(Default)]
struct SpareThread {
    is_waiting: bool,
    /// The task that the thread was given and has not taken yet.
    task: Option<Task>,
    /// True once no thread is to wait any more.
    is_closed: bool,
}

impl SessionThreads {
    /// Runs `task` on a thread that serves a client.
    pub(crate) fn run(self: &Arc<Self>, task: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let task: Task = Box::new(task);
        let mut spare = self.lock();
        if spare.is_waiting {
            spare.is_waiting = false;
            spare.task = Some(task);
            drop(spare);
            self.changed.notify_one();
            return Ok(());
        }
        drop(spare);
        let threads = Arc::clone(self);
        let run = move || {
            let mut next = Some(task);
            while let Some(task) = next {
                task();
                next = threads.await_task();
            }
        };
        let thread = thread::Builder::new()
            .name("ipc session".into())
            .stack_size(STACK);
        thread.spawn(run).map(drop)
    }

    /// Waits for a task as the spare thread. Returns `None` if there is such a thread already, if no task has come for a
    /// while, or once this is closed. Blocks.
    fn await_task(&self) -> Option<Task> {
        let mut spare = self.lock();
        if spare.is_waiting || spare.task.is_some() {
            return None;
        }
        spare.is_waiting = true;
        let waits = |spare: &mut SpareThread| spare.is_waiting && !spare.is_closed;
        let waited = self.changed.wait_timeout_while(spare, KEPT, waits);
        let mut spare = waited.unwrap_or_else(PoisonError::into_inner).0;
        spare.is_waiting = false;
        spare.task.take()
    }

    /// Ends the spare thread, and lets no other one wait.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, SpareThread> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SpareThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpareThread")
            .field("is_waiting", &self.is_waiting)
            .finish_non_exhaustive()
    }
}

/// Stack size of a thread that runs drivers, in bytes. Drivers may recurse, and only the part that is used costs memory.
const STACK: usize = 8 * 1024 * 1024;
/// How long a thread waits for the next client.
const KEPT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::thread::ThreadId;

    use super::*;

    /// A task that tells which thread runs it.
    fn tell(thread: &Sender<ThreadId>) -> impl FnOnce() + Send + 'static {
        let thread = thread.clone();
        move || thread.send(thread::current().id()).unwrap()
    }

    fn until_one_waits(threads: &SessionThreads) {
        while !threads.lock().is_waiting {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_serves_the_next_client_too() {
        let threads = Arc::new(SessionThreads::default());
        let (sender, ids) = channel();
        threads.run(tell(&sender)).unwrap();
        let first = ids.recv().unwrap();
        for _ in 0..3 {
            until_one_waits(&threads);
            threads.run(tell(&sender)).unwrap();
            assert_eq!(ids.recv().unwrap(), first);
        }
    }

    #[test]
    fn clients_at_the_same_time_have_threads_of_their_own_and_one_thread_remains() {
        let threads = Arc::new(SessionThreads::default());
        let (sender, ids) = channel();
        let (let_go, held) = channel::<()>();
        let tell_first = tell(&sender);
        threads
            .run(move || {
                tell_first();
                let _ = held.recv();
            })
            .unwrap();
        let first = ids.recv().unwrap();
        threads.run(tell(&sender)).unwrap();
        let second = ids.recv().unwrap();
        assert_ne!(first, second);
        until_one_waits(&threads);
        drop(let_go);
        // The first thread finds that the second one waits, and ends.
        while Arc::strong_count(&threads) > 2 {
            thread::yield_now();
        }
        assert!(threads.lock().is_waiting);
    }

    #[test]
    fn no_thread_waits_once_this_is_closed() {
        let threads = Arc::new(SessionThreads::default());
        let (sender, ids) = channel();
        threads.run(tell(&sender)).unwrap();
        until_one_waits(&threads);
        threads.close();
        threads.run(tell(&sender)).unwrap();
        for _ in 0..2 {
            ids.recv().unwrap();
        }
        // Each thread shares this until it ends.
        while Arc::strong_count(&threads) > 1 {
            thread::yield_now();
        }
    }
}
