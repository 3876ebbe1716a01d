//! Drivers, closures and hooks, which belong to the user's program, and where they may be dropped.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ipc_core::contain::contain;
use ipc_core::{Device, Function, RegisterError, Registry};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::event::ServerEvent;
use crate::log::{self, About};

/// Drivers, closures and hooks, before and after they are registered.
///
/// Their `Drop` may block, may panic, and may end a tokio runtime that a driver owns, which tokio forbids in async code.
/// They are therefore dropped one by one, each panic is caught and logged, and never in async code.
#[derive(Default)]
pub struct Hosted {
    waiting: VecDeque<Registration>,
    /// The devices and functions that are registered.
    pub registry: Registry,
    /// The callback for events.
    pub observer: Option<Observer>,
}

/// A device or function to be registered.
pub enum Registration {
    /// A device.
    Device(Device),
    /// A function or closure.
    Function(Mutex<Box<dyn Function>>),
}

/// The callback for events.
pub type Observer = Arc<dyn Fn(&ServerEvent) + Send + Sync>;

impl Hosted {
    /// Adds something that [`register`](Self::register) will register.
    pub fn add(&mut self, registration: Registration) {
        self.waiting.push_back(registration);
    }

    /// Registers everything that was added. Stops at the first device or function that cannot be registered.
    pub fn register(&mut self) -> Result<(), RegisterError> {
        while let Some(registration) = self.waiting.pop_front() {
            match registration {
                Registration::Device(device) => {
                    self.registry.add_device(device)?;
                }
                Registration::Function(function) => {
                    let function = function
                        .into_inner()
                        .unwrap_or_else(PoisonError::into_inner);
                    self.registry.add_function(function)?;
                }
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.registry.is_empty() && self.waiting.is_empty() && self.observer.is_none()
    }

    fn drop_one_by_one(mut self) {
        let mut panics = mem::take(&mut self.registry).dismantle();
        let waiting = mem::take(&mut self.waiting).into_iter();
        panics.extend(waiting.filter_map(|waiting| contain(|| drop(waiting)).err()));
        let observer = self.observer.take();
        panics.extend(contain(|| drop(observer)).err());
        for message in panics {
            log::error(
                About::server(),
                format_args!("a driver, closure or hook panicked while it was dropped: {message}"),
            );
        }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if self.is_empty() {
            return;
        }
        let hosted = mem::take(self);
        run_outside_async(move || hosted.drop_one_by_one());
    }
}

/// Runs `work`, which may block, and waits for it: on another thread if the current one runs async code. Blocks.
pub(crate) fn run_outside_async(work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let run = {
        let work = Arc::clone(&work);
        move || take(&work).into_iter().for_each(|work| work())
    };
    if Handle::try_current().is_ok()
        && let Ok(thread) = spawn_outside_async(run)
    {
        // A panic there has been printed.
        let _ = thread.join();
    }
    // Not in async code, or no thread could be started.
    take(&work).into_iter().for_each(|work| work());
}

fn take<T>(mutex: &Mutex<Option<T>>) -> Option<T> {
    let mut value = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    value.take()
}

/// Runs `work`, which may block, on a thread of its own, and waits for it without blocking.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    spawn_outside_async(move || drop(done.send(work())))?;
    let lost = |_| io::Error::other("a thread of the server panicked");
    result.await.map_err(lost)
}

/// Starts `work` on a thread that may block. The current runtime, if there is one, is entered on it.
fn spawn_outside_async(work: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    let runtime = Handle::try_current().ok();
    let thread = thread::Builder::new().name("ipc server".into());
    thread.spawn(move || {
        let _inside = runtime.as_ref().map(Handle::enter);
        work();
    })
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hosted").field(&self.registry).finish()
    }
}
