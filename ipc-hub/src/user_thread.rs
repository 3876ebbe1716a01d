//! Threads for code of the user's program, which are left behind if that code hangs.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;
use std::{io, thread};

use ipc_core::contain::contain_logged;
use tokio::runtime::Handle;

/// A thread that runs one task after the other for a caller that waits for each of them.
///
/// A caller that no longer wants to wait drops this, and starts another thread for its next task. The thread that was left
/// behind ends when its task returns.
pub(crate) struct UserThread {
    tasks: Sender<Task>,
    /// Receives one message when a task has begun, and one when it has ended.
    steps: Receiver<()>,
}

type Task = Box<dyn FnOnce() + Send>;

impl UserThread {
    /// Starts the thread. Its tasks run inside `runtime`, if there is one.
    pub(crate) fn start(name: &str, runtime: Option<Handle>) -> io::Result<Self> {
        let (tasks, queue) = channel::<Task>();
        let (step, steps) = channel();
        let run = move || {
            let _runtime = runtime.as_ref().map(Handle::enter);
            for task in queue {
                // Fails if the caller no longer waits.
                let _ = step.send(());
                contain_logged("a thread of the server", task);
                let _ = step.send(());
            }
        };
        thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Self { tasks, steps })
    }

    /// Gives the thread a task, once the previous one has ended, and returns when it begins. A busy machine takes its
    /// time until then, in which no task can be said to hang.
    pub(crate) fn begin(&self, task: impl FnOnce() + Send + 'static) -> Instant {
        // Neither can fail: the thread waits for tasks for as long as this exists.
        let _ = self.tasks.send(Box::new(task));
        let _ = self.steps.recv();
        Instant::now()
    }

    /// Waits until the task has ended, and all that it owned has been dropped. Returns false if that has not happened at
    /// `until`. Blocks.
    pub(crate) fn wait(&self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        self.steps.recv_timeout(left) != Err(RecvTimeoutError::Timeout)
    }
}
