//! The threads that serve clients.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ipc_hub::log::{self, About};

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
    /// The thread, which may still be about to end its last task.
    thread: Option<ThreadId>,
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
        if spare.thread.is_some() && spare.task.is_none() {
            spare.task = Some(task);
            drop(spare);
            self.changed.notify_one();
            return Ok(());
        }
        drop(spare);
        self.start(task)
    }

    /// Makes the calling thread the spare one, if there is none, before its task has ended. The task must not wait for
    /// anything from here on: the next client may already wait for this thread.
    pub(crate) fn offer(&self) {
        let mut spare = self.lock();
        if spare.thread.is_none() && !spare.is_closed {
            spare.thread = Some(thread::current().id());
        }
    }

    fn start(self: &Arc<Self>, task: Task) -> io::Result<()> {
        let threads = Arc::clone(self);
        let run = move || {
            let mut next = Some(task);
            while let Some(task) = next {
                let panics = PassOnByPanic(&threads);
                task();
                drop(panics);
                next = threads.await_task();
            }
        };
        let thread = thread::Builder::new()
            .name("ipc session".into())
            .stack_size(STACK);
        thread.spawn(run).map(drop)
    }

    /// Waits for a task as the spare thread. Returns `None` if another thread is that already, if no task has come for a
    /// while, or once this is closed. Blocks.
    fn await_task(&self) -> Option<Task> {
        self.offer();
        let spare = self.lock();
        if !spare.is_caller() {
            return None;
        }
        let waits = |spare: &mut SpareThread| spare.task.is_none() && !spare.is_closed;
        let waited = self.changed.wait_timeout_while(spare, KEPT, waits);
        let mut spare = waited.unwrap_or_else(PoisonError::into_inner).0;
        spare.thread = None;
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

impl SpareThread {
    fn is_caller(&self) -> bool {
        self.thread == Some(thread::current().id())
    }
}

/// Starts a thread for the task that a thread was given which ends by a panic.
struct PassOnByPanic<'a>(&'a Arc<SessionThreads>);

impl Drop for PassOnByPanic<'_> {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let mut spare = self.0.lock();
        if !spare.is_caller() {
            return;
        }
        spare.thread = None;
        let task = spare.task.take();
        drop(spare);
        if let Some(task) = task
            && let Err(error) = self.0.start(task)
        {
            log::error(
                About::server(),
                format_args!("cannot start a thread for the next client: {error}"),
            );
        }
    }
}

impl fmt::Debug for SpareThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpareThread")
            .field("thread", &self.thread)
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

    use super::*;

    /// A task that tells which thread runs it.
    fn tell(thread: &Sender<ThreadId>) -> impl FnOnce() + Send + 'static {
        let thread = thread.clone();
        move || thread.send(thread::current().id()).unwrap()
    }

    fn until_one_waits(threads: &SessionThreads) {
        while threads.lock().thread.is_none() || threads.lock().task.is_some() {
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
        assert_eq!(threads.lock().thread, Some(second));
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

    #[test]
    fn a_thread_that_is_about_to_be_free_has_the_next_task() {
        let threads = Arc::new(SessionThreads::default());
        let (sender, ids) = channel();
        let (let_go, held) = channel::<()>();
        let (offering, tell_first) = (Arc::clone(&threads), tell(&sender));
        let leave = move || {
            offering.offer();
            tell_first();
            let _ = held.recv();
        };
        threads.run(leave).unwrap();
        let first = ids.recv().unwrap();
        threads.run(tell(&sender)).unwrap();
        // Only one task can wait for it.
        threads.run(tell(&sender)).unwrap();
        assert_ne!(ids.recv().unwrap(), first);
        drop(let_go);
        assert_eq!(ids.recv().unwrap(), first);
    }

    #[test]
    fn a_task_is_run_even_if_the_thread_that_it_waits_for_panics() {
        let threads = Arc::new(SessionThreads::default());
        let (sender, ids) = channel();
        let (let_go, held) = channel::<()>();
        let (offering, tell_first) = (Arc::clone(&threads), tell(&sender));
        let leave = move || {
            offering.offer();
            tell_first();
            let _ = held.recv();
            panic!("while it leaves");
        };
        threads.run(leave).unwrap();
        let first = ids.recv().unwrap();
        threads.run(tell(&sender)).unwrap();
        drop(let_go);
        assert_ne!(ids.recv().unwrap(), first);
    }
}
