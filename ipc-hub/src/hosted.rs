//! Drivers, closures and hooks, which belong to the user's program, and where they may be dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem, thread};

use ipc_core::contain::contain;
use ipc_core::interface::registry::ServedDevice;
use ipc_core::{BoxedFunction, Device, Function, RegisterError, Registry};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::event::ServerEvent;
use crate::log::{self, About};
use crate::time::later;
use crate::user_thread::UserThread;

/// Drivers, closures and hooks, before and after they are registered.
///
/// Their `Drop` may block, may hang, may panic, and may end a tokio runtime that a driver owns, which tokio forbids in async
/// code. They are therefore dropped one by one, on a thread that can be left behind.
#[derive(Default)]
pub struct Hosted {
    waiting: VecDeque<Registration>,
    /// The devices and functions that are registered.
    pub registry: Registry,
    /// The callback for events.
    pub observer: Option<Observer>,
    has_misplaced_uses: bool,
}

/// A device or function to be registered.
pub enum Registration {
    /// A device.
    Device(Box<Device>),
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

    /// Registers everything that was added. Stops at the first device or function that cannot be registered, and drops it.
    /// Blocks while it is dropped.
    pub fn register(&mut self) -> Result<(), RegisterError> {
        while let Some(registration) = self.waiting.pop_front() {
            match registration {
                Registration::Device(device) => {
                    let added = self.registry.try_add_device(*device);
                    added.map_err(drop_refused_device)?;
                }
                Registration::Function(function) => {
                    let function = function
                        .into_inner()
                        .unwrap_or_else(PoisonError::into_inner);
                    let added = self.registry.try_add_function(function);
                    added.map_err(drop_refused_function)?;
                }
            }
        }
        match self.has_misplaced_uses {
            true => Err(RegisterError::MisplacedUses),
            false => self.registry.check_uses(),
        }
    }

    /// Declares the devices that what was added last uses.
    pub fn uses(&mut self, devices: Vec<String>) {
        match self.waiting.pop_back() {
            None => self.has_misplaced_uses = true,
            Some(Registration::Device(device)) => {
                self.add(Registration::Device(Box::new(device.uses(devices))));
            }
            Some(Registration::Function(function)) => {
                let function = function
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner);
                self.add(Registration::Function(function.using(devices).into()));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.registry.is_empty() && self.waiting.is_empty() && self.observer.is_none()
    }

    /// Drops everything. Waits until `end` for what hangs. Blocks.
    pub(crate) fn drop_by(&mut self, end: Instant) {
        let registered = mem::take(&mut self.registry).dismantle().into_iter();
        let waiting = mem::take(&mut self.waiting).into_iter();
        let waiting = waiting.map(|waiting| (waiting.label(), Box::new(waiting) as Box<dyn Send>));
        let observer = self.observer.take().into_iter();
        let observer = observer.map(|observer| {
            let observer: Box<dyn Send> = Box::new(observer);
            ("the callback of `on_event`".into(), observer)
        });
        drop_one_by_one(registered.chain(waiting).chain(observer), end);
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if !self.is_empty() {
            self.drop_by(later(Instant::now(), DROPPED_WITHIN));
        }
    }
}

impl Registration {
    /// Returns what the log calls it.
    fn label(&self) -> String {
        match self {
            Self::Device(device) => format!("{device:?}"),
            Self::Function(_) => "a function that was not registered".into(),
        }
    }
}

/// Drops a device that could not be registered, and returns the error that says why. Blocks.
pub(crate) fn drop_refused_device(
    (error, device): (RegisterError, Box<ServedDevice>),
) -> RegisterError {
    let label = format!("the refused driver `{}`", device.driver_path());
    drop_now(label, device);
    error
}

fn drop_refused_function((error, function): (RegisterError, Box<dyn Function>)) -> RegisterError {
    drop_now("a refused function".into(), Box::new(function));
    error
}

fn drop_now(label: String, value: Box<dyn Send>) {
    drop_one_by_one([(label, value)], later(Instant::now(), DROPPED_WITHIN));
}

/// Drops values of the user's program, which the log calls by their labels, one after the other on a thread of their own.
/// A panic is logged.
///
/// Blocks until all have been dropped, but for one that hangs only until `end`: each has half of the time that is left
/// before the next one is dropped beside it. Those that hang are named in the log.
pub(crate) fn drop_one_by_one(
    values: impl IntoIterator<Item = (String, Box<dyn Send>)>,
    end: Instant,
) {
    let (mut idle, mut late) = (None, Vec::new());
    for (label, value) in values {
        let thread = match idle.take() {
            Some(thread) => Ok(thread),
            None => UserThread::start("ipc drop", Handle::try_current().ok()),
        };
        let Ok(thread) = thread else {
            drop_contained(&label, value);
            continue;
        };
        let dropped = label.clone();
        let begun = thread.begin(move || drop_contained(&dropped, value));
        match thread.wait(begun + end.saturating_duration_since(begun) / 2) {
            true => idle = Some(thread),
            false => late.push((label, thread)),
        }
    }
    for (label, thread) in late {
        if !thread.wait(end) {
            report_left(&label);
        }
    }
}

/// Logs that something hangs while it is dropped, and that nothing waits for it any more.
pub(crate) fn report_left(label: &str) {
    log::error(
        About::server(),
        format_args!("{label} hangs while it is dropped, and is left behind"),
    );
}

/// Drops `value`, which the log calls `label`. A panic is logged.
pub(crate) fn drop_contained(label: &str, value: Box<dyn Send>) {
    if let Err(message) = contain(|| drop(value)) {
        log::error(
            About::server(),
            format_args!("{label} panicked while it was dropped: {message}"),
        );
    }
}

/// Runs `work`, which may block, on a thread of its own, and waits for it without blocking.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    let runtime = Handle::try_current().ok();
    let thread = thread::Builder::new().name("ipc server".into());
    thread.spawn(move || {
        let _runtime = runtime.as_ref().map(Handle::enter);
        drop(done.send(work()));
    })?;
    let lost = |_| io::Error::other("a thread of the server panicked");
    result.await.map_err(lost)
}

impl std::fmt::Debug for Hosted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hosted").field(&self.registry).finish()
    }
}

/// How long dropping may take outside of a stop, such as after a failed start.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);
