//! Drivers that must stay on one thread, such as those of COM objects and GUI toolkits, or that are not `Send`.

use std::fmt::Display;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use super::current::{self, Running};
use super::describe::Interface;
use super::invocation::{Invocation, OwnedInvocation};
use super::job::Reply;
use super::remote::{Device, OVERRUN, Release, Remote, Shared, Urgent};
use crate::contain::{contain, contain_logged};
use crate::wire::block::Probe;
use crate::wire::failure::{Failure, Fault, FaultKind};

/// Why [`Device::on_thread`] could not make a device.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum OpenError<E: Display> {
    /// The driver could not be opened.
    #[error("cannot open the driver `{driver}`: {error}")]
    Driver {
        /// The driver's type, without its path.
        driver: String,
        /// What `open` returned. It need not be an [`Error`](std::error::Error), so it is part of the text and not a source.
        error: E,
    },
    /// The driver panicked while it was being opened.
    #[error("the driver `{driver}` panicked when it was opened: {message}")]
    Panicked {
        /// The driver's type, without its path.
        driver: String,
        /// The message of the panic.
        message: String,
    },
    /// The operating system could not provide a thread.
    #[error("cannot start a thread for the driver")]
    NoThread(#[source] io::Error),
}

crate::readable_debug!(OpenError<E: Display>);

impl Device {
    /// Opens a driver on a thread of its own, and runs all its methods there. The driver is also dropped there.
    ///
    /// Use it for drivers that must stay on the thread that opened them, or that are not [`Send`]. Handing a call to
    /// that thread and back costs tens of microseconds, and the arguments are copied once, except for lists that were read
    /// into memory of their own. Local code cannot lock such a driver. Urgent methods run on the threads of their callers.
    ///
    /// Blocks until the driver has been opened.
    ///
    /// # Errors
    ///
    /// `open` failed or panicked, or no thread could be started.
    ///
    /// ```
    /// use std::rc::Rc;
    /// # use ipc_core::{Device, Local, Proxy, remote};
    ///
    /// /// Holds a handle that must not leave its thread.
    /// struct Camera(Rc<u32>);
    ///
    /// impl Camera {
    ///     fn open() -> std::io::Result<Self> {
    ///         Ok(Camera(Rc::new(1280)))
    ///     }
    /// }
    ///
    /// #[remote]
    /// impl Camera {
    ///     pub fn width(&self) -> u32 {
    ///         *self.0
    ///     }
    /// }
    ///
    /// let camera = Device::on_thread(Camera::open)?.name("camera");
    /// # let client = Local::new(camera)?;
    /// # assert_eq!(CameraProxy::new(&client).width(), Ok(1280));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_thread<D, E>(
        open: impl FnOnce() -> Result<D, E> + Send + 'static,
    ) -> Result<Self, OpenError<E>>
    where
        D: Remote,
        E: Display + Send + 'static,
    {
        ThreadDriver::open(open, |_: &mut D, _| {}).map(Self::of_thread)
    }

    /// Like [`on_thread`](Self::on_thread), with a release hook: runs `hook` on the driver's thread whenever a client no
    /// longer holds the device. See [`Shared::on_release`].
    pub fn on_thread_with_release<D, E>(
        open: impl FnOnce() -> Result<D, E> + Send + 'static,
        hook: impl Fn(&mut D, Release) + Send + 'static,
    ) -> Result<Self, OpenError<E>>
    where
        D: Remote,
        E: Display + Send + 'static,
    {
        let mut device = Self::of_thread(ThreadDriver::open(open, hook)?);
        device.release_hook = Some(Box::new(|driver, why| {
            if let Some(driver) = driver.downcast_mut::<ThreadDriver<D>>() {
                driver.release(why);
            }
        }));
        Ok(device)
    }

    fn of_thread<D: Remote>((driver, urgent): (ThreadDriver<D>, Option<Urgent>)) -> Self {
        Self {
            urgent,
            driver: Shared::new(driver).into_dyn(),
            interface: D::interface(),
            probe: D::probe,
            path: std::any::type_name::<D>(),
            name: None,
            prefix: String::new(),
            release_hook: None,
            uses: Vec::new(),
            overrun: OVERRUN,
        }
    }
}

/// The handle of a driver on its thread, registered in its place.
struct ThreadDriver<D> {
    /// `None` while the handle is dropped.
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
    driver: PhantomData<fn(D)>,
}

/// A request to the thread, and the channel for its answer.
enum Task {
    Call(OwnedInvocation, usize, SyncSender<CallOutcome>),
    Release(Release, Running, SyncSender<Result<(), String>>),
}

/// The outcome of a call. If it unwound: the message, and whether this library unwound it on purpose.
type CallOutcome = Result<Result<Reply, Failure>, (String, bool)>;

impl<D: Remote> ThreadDriver<D> {
    fn open<E: Display + Send + 'static>(
        open: impl FnOnce() -> Result<D, E> + Send + 'static,
        hook: impl Fn(&mut D, Release) + Send + 'static,
    ) -> Result<(Self, Option<Urgent>), OpenError<E>> {
        let (tasks, queue) = channel();
        let (opened, result) = sync_channel(1);
        let driver = D::interface().name;
        let thread = thread::Builder::new().name(thread_name(&driver));
        let run = move || {
            let made = contain(|| {
                let driver = open()?;
                let urgent = driver.urgent();
                Ok::<_, E>((driver, urgent))
            });
            let (mut driver, urgent) = match made {
                Ok(Ok(made)) => made,
                Ok(Err(error)) => {
                    return drop(opened.send(Err(OpenError::Driver { driver, error })));
                }
                Err(message) => {
                    return drop(opened.send(Err(OpenError::Panicked { driver, message })));
                }
            };
            // Fails if the opening thread is gone; the queue is then closed as well.
            let _ = opened.send(Ok(urgent));
            run_tasks(&mut driver, &queue, hook);
            contain_logged("a driver, while it was dropped,", || drop(driver));
        };
        let thread = thread.spawn(run).map_err(OpenError::NoThread)?;
        match result.recv() {
            Ok(Ok(urgent)) => {
                let driver = Self {
                    tasks: Some(tasks),
                    thread: Some(thread),
                    driver: PhantomData,
                };
                Ok((driver, urgent))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(OpenError::Panicked {
                driver: D::interface().name,
                message: "its thread has ended".into(),
            }),
        }
    }

    /// Sends the thread a request, and waits for the answer. Returns `None` if the thread has ended.
    fn ask<T>(&self, task: impl FnOnce(SyncSender<T>) -> Task) -> Option<T> {
        let (answer, answered) = sync_channel(1);
        self.tasks.as_ref()?.send(task(answer)).ok()?;
        answered.recv().ok()
    }

    fn release(&self, why: Release) {
        let hook = Running::here();
        if let Some(Err(message)) = self.ask(|answer| Task::Release(why, hook, answer)) {
            // As if the hook had panicked here.
            std::panic::resume_unwind(Box::new(message));
        }
    }
}

impl<D: Remote> Remote for ThreadDriver<D> {
    fn interface() -> Interface {
        D::interface()
    }

    fn probe(method: usize) -> Probe {
        D::probe(method)
    }

    fn dispatch(&mut self, method: usize, invocation: &mut Invocation<'_>) -> Result<(), Failure> {
        let call = invocation.hand_over();
        match self.ask(|answer| Task::Call(call, method, answer)) {
            Some(Ok(outcome)) => {
                invocation.take_back(outcome?);
                Ok(())
            }
            Some(Err((message, is_ours))) => current::resume(message, is_ours),
            None => Err(Fault::own(FaultKind::Panic, "the driver's thread has ended").into()),
        }
    }
}

fn run_tasks<D: Remote>(driver: &mut D, queue: &Receiver<Task>, hook: impl Fn(&mut D, Release)) {
    for task in queue {
        // Sending an answer fails only if nothing waits for it.
        match task {
            Task::Call(call, method, answer) => {
                let run = || call.run(|invocation| driver.dispatch(method, invocation));
                let outcome = contain(run).map_err(|message| (message, current::has_unwound()));
                drop(answer.send(outcome));
            }
            Task::Release(why, running, answer) => {
                let run = || running.run(&mut || hook(driver, why));
                drop(answer.send(contain(run)));
            }
        }
    }
}

impl<D> Drop for ThreadDriver<D> {
    fn drop(&mut self) {
        drop(self.tasks.take());
        if let Some(thread) = self.thread.take() {
            // A panic there is contained.
            let _ = thread.join();
        }
    }
}

/// Returns the name of a driver's thread: its type and a number, which tells two of one type apart. Linux cuts names after
/// 15 bytes.
fn thread_name(driver: &str) -> String {
    static OPENED: AtomicUsize = AtomicUsize::new(0);
    let number = OPENED.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    format!("{driver:.11}-{number}")
}
