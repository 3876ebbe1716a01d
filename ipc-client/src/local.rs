//! Devices in this very process for async callers: the driver has a thread of its own, calls are futures.

use std::fmt;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::context::CallHost;
use ipc_core::interface::local::LocalReply;
use ipc_core::session::client::CallOutcome;
use ipc_core::{AsyncCaller, CallError, Caller, Device, Local, NotSent, RegisterError, Registry};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use crate::call::{CallOptions, Ended, Timing};
use crate::callback::Callback;
use crate::cancel::CancelToken;
use crate::error::ConnectError;

/// The [`AsyncClient`](crate::AsyncClient) of devices in this process, for tests and simulations: every call is
/// encoded, checked, dispatched and decoded as it would be over a network, without one.
///
/// ```
/// use ipc_client::{AsyncLocal, Proxy};
/// use ipc_core::remote;
/// use std::time::Duration;
///
/// # struct Counter;
/// #[remote]
/// impl Counter {
///     /// Counts for a while.
///     pub async fn count(&mut self, seconds: f64) -> u64 {
///         tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
///         // ..
///         # 7
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let counter = CounterProxy::new(&AsyncLocal::new(Counter).unwrap());
/// assert_eq!(counter.count(0.001).await, Ok(7));
/// # }
/// ```
///
/// Blocking code calls such a device through [`Local`], within a runtime that has threads of its own:
///
/// ```
/// use ipc_core::{Local, remote};
/// # use std::time::Duration;
/// # struct Counter;
/// # #[remote]
/// # impl Counter {
/// #     /// Counts for a while.
/// #     pub async fn count(&mut self, seconds: f64) -> u64 {
/// #         tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
/// #         7
/// #     }
/// # }
///
/// let runtime = tokio::runtime::Runtime::new().unwrap();
/// let _entered = runtime.enter();
/// let counter = CounterProxy::new(&Local::new(Counter).unwrap());
/// assert_eq!(counter.count(0.001), Ok(7));
/// ```
///
/// The calls run one after the other, in the order in which they came, on a thread beside the runtime, as they do at a
/// server; `async` methods are driven there within the runtime of the caller, which may have one thread or many. What is
/// said of [`AsyncClient`](crate::AsyncClient) about dropped futures holds here, too. With the paused clock of a test,
/// a [`timeout`](Self::timeout) is over as soon as all tasks wait, whatever the driver does.
#[derive(Clone)]
pub struct AsyncLocal {
    jobs: Sender<Job>,
    options: CallOptions,
}

/// What calls return: a future that must be awaited for the call to be made.
type Reply<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

struct Job {
    frame: Vec<u8>,
    deadline: Option<Instant>,
    options: CallOptions,
    runtime: Handle,
    claim: Claim,
    /// Closed once nobody waits for the call any more.
    reply: oneshot::Sender<LocalReply>,
}

/// Whether a call is run or given up is decided by who takes it first.
#[derive(Clone, Default)]
struct Claim(Arc<AtomicBool>);

/// Why nobody waits for a call any more.
enum GivenUp {
    Cancelled,
    TimedOut,
}

impl AsyncLocal {
    /// Calls one device.
    pub fn new(device: impl Into<Device>) -> Result<Self, RegisterError> {
        Local::new(device).map(Self::from)
    }

    /// A handle whose calls take at most `timeout` each. The time begins when the future is polled for the first time;
    /// the driver is asked to stop when it is over.
    pub fn timeout(&self, timeout: Duration) -> Self {
        self.with(|options| options.timeout = Some(timeout))
    }

    /// A handle whose calls take until `deadline` at most, each of them.
    pub fn deadline(&self, deadline: Instant) -> Self {
        self.with(|options| options.deadline = Some(deadline))
    }

    /// A handle whose calls end once `token` is cancelled, with [`CallError::Cancelled`] or `NotSent::Cancelled`. The
    /// driver is asked to stop; the next call waits until it does.
    pub fn cancel_with(&self, token: &CancelToken) -> Self {
        self.with(|options| options.token = Some(token.clone()))
    }

    /// A handle whose calls tell `callback` how far they are, from 0 to 1, and what is going on, if the driver says
    /// so. All of it is told before the call returns, on the thread of the driver, which it holds up.
    pub fn on_progress(&self, callback: impl Fn(f64, &str) + Send + Sync + 'static) -> Self {
        self.with(|options| {
            options.progress = Some(Callback::new("`on_progress`", Arc::new(callback)));
        })
    }

    fn with(&self, change: impl FnOnce(&mut CallOptions)) -> Self {
        let mut handle = self.clone();
        change(&mut handle.options);
        handle
    }

    async fn make<T: DeserializeOwned + Send + 'static>(
        self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        let frame = call.take_frame()?;
        let started = Instant::now();
        let timeout = self.options.time_left(started);
        let timing = Timing { started, timeout };
        match self.ask(frame, timing).await {
            Ok(reply) => reply.into_result(&call),
            Err(ended) => ended.into_result(&call, timing),
        }
    }

    /// Has the call run and waits for its end, or for somebody to give it up.
    async fn ask(&self, frame: Vec<u8>, timing: Timing) -> Result<LocalReply, Ended> {
        if let Some(reason) = self.options.refusal(timing.timeout) {
            return Err(Ended::not_sent(reason));
        }
        let no_runtime = |_| NotSent::Unreachable(ConnectError::NoRuntime.to_string());
        let runtime = Handle::try_current().map_err(no_runtime);
        let claim = Claim::default();
        let (reply, answer) = oneshot::channel();
        let job = Job {
            frame,
            deadline: timing.timeout.and_then(|t| timing.started.checked_add(t)),
            options: self.options.clone(),
            runtime: runtime.map_err(Ended::not_sent)?,
            claim: claim.clone(),
            reply,
        };
        let closed = || Ended::not_sent(NotSent::Closed);
        self.jobs.send(job).map_err(|_| closed())?;
        let given_up = tokio::select! {
            biased;
            reply = answer => return reply.map_err(|_| closed()),
            () = cancelled(self.options.token.as_ref()) => GivenUp::Cancelled,
            () = elapsed(timing.timeout) => GivenUp::TimedOut,
        };
        Err(match (given_up, claim.take()) {
            (GivenUp::Cancelled, true) => Ended::not_sent(NotSent::Cancelled),
            (GivenUp::Cancelled, false) => Ended::cancelled(),
            (GivenUp::TimedOut, true) => Ended::not_sent(NotSent::TimedOut(Duration::ZERO)),
            (GivenUp::TimedOut, false) => Ended::while_queued(CallOutcome::TimedOut, None),
        })
    }
}

async fn cancelled(token: Option<&CancelToken>) {
    let Some(token) = token else {
        return pending().await;
    };
    let listener = Arc::new(Notify::new());
    loop {
        token.wakes(&listener);
        if token.is_cancelled() {
            return;
        }
        listener.notified().await;
    }
}

async fn elapsed(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => pending().await,
    }
}

/// The thread of the devices. It ends with the last handle.
fn work(local: &Local, queue: &Receiver<Job>) {
    for job in queue {
        if job.claim.take() {
            job.run(local);
        }
    }
}

impl Claim {
    /// True for the first one who asks.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Job {
    fn run(self, local: &Local) {
        let host = Arc::new(Host {
            options: self.options,
            runtime: self.runtime,
            reply: Mutex::new(Some(self.reply)),
        });
        let reply = local.run(
            &self.frame,
            Arc::clone(&host) as Arc<dyn CallHost>,
            self.deadline,
        );
        if let Some(asker) = host.reply().take() {
            // Who has given the call up does not want its end.
            let _ = asker.send(reply);
        }
    }
}

/// A call in progress, as its driver sees it.
struct Host {
    options: CallOptions,
    runtime: Handle,
    reply: Mutex<Option<oneshot::Sender<LocalReply>>>,
}

impl Host {
    fn reply(&self) -> MutexGuard<'_, Option<oneshot::Sender<LocalReply>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallHost for Host {
    fn is_cancelled(&self, _call: u64) -> bool {
        let token = self.options.token.as_ref();
        let is_gone = |reply: &oneshot::Sender<_>| reply.is_closed();
        token.is_some_and(CancelToken::is_cancelled) || self.reply().as_ref().is_none_or(is_gone)
    }

    fn progress(&self, call: u64, fraction: f64, message: &str) {
        if let Some(tell) = &self.options.progress
            && !self.is_cancelled(call)
        {
            tell.run(|tell| tell(fraction, message));
        }
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.runtime.block_on(future);
    }
}

impl From<Local> for AsyncLocal {
    fn from(local: Local) -> Self {
        let (jobs, queue) = channel();
        let thread = thread::Builder::new().name("ipc local".into());
        if let Err(error) = thread.spawn(move || work(&local, &queue)) {
            // The queue is gone with the thread, and every call says that it is closed.
            tracing::error!("no thread for the devices of this process: {error}");
        }
        Self {
            jobs,
            options: CallOptions::default(),
        }
    }
}

impl From<Registry> for AsyncLocal {
    fn from(registry: Registry) -> Self {
        Local::from(registry).into()
    }
}

impl Caller for AsyncLocal {
    type Reply<T: Send + 'static> = Reply<T>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Reply<T> {
        Box::pin(self.clone().make(call))
    }
}

impl AsyncCaller for AsyncLocal {
    async fn wait<T: DeserializeOwned + Send + 'static>(reply: Reply<T>) -> Result<T, CallError> {
        reply.await
    }
}

impl fmt::Debug for AsyncLocal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncLocal")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
