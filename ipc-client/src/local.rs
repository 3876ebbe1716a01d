//! Devices in this process for async callers: a thread runs the drivers, and calls are futures.

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
use ipc_core::interface::job::LocalCall;
use ipc_core::interface::local::LocalReply;
use ipc_core::session::client::CallOutcome;
use ipc_core::{
    AsyncCaller, CallError, Caller, IntoDevice, Local, NotSent, RegisterError, Registry,
};
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use crate::call::{CallEnd, CallOptions, Timing};
use crate::cancel::CancellationToken;
use crate::error::ConnectError;

/// An async caller for devices in this process, for tests and simulations. Every call is encoded, checked, dispatched and
/// decoded as it would be over a network, without one.
///
/// ```
/// use ipc_client::AsyncLocal;
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
/// Blocking code calls such a device through [`Local`], inside a multi-threaded runtime:
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
/// As at a server, the calls run one after the other in the order in which they were made, on a thread outside of the
/// runtime. `async` methods are driven on that thread, in the context of the caller's runtime, which can be of either
/// flavor. Dropping a future cancels its call as described at [`AsyncClient`](crate::AsyncClient). Under the paused clock
/// of a test, a [`timeout`](Self::timeout) ends as soon as all tasks wait, whatever the driver does.
#[derive(Clone)]
pub struct AsyncLocal {
    jobs: Sender<LocalJob>,
    options: CallOptions,
}

/// The future of a call. The call is made when it is first polled.
type BoxedReply<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

struct LocalJob {
    call: LocalCall,
    deadline: Option<Instant>,
    options: CallOptions,
    runtime: Handle,
    permit: StartPermit,
    /// Closed once the future of the call is gone.
    reply: oneshot::Sender<LocalReply>,
}

/// The permission to start a call, which can be taken once. If the thread of the drivers takes it, the call runs; if the
/// caller takes it, the call never starts.
#[derive(Clone, Default)]
struct StartPermit(Arc<AtomicBool>);

impl AsyncLocal {
    /// A caller for one device.
    pub fn new(
        device: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Result<Self, RegisterError> {
        Local::new(device).map(Self::from)
    }

    /// A handle whose calls take at most `timeout` each. The time starts when the future is first polled. When it is over,
    /// the driver is asked to stop.
    pub fn timeout(&self, timeout: Duration) -> Self {
        self.with(|options| options.timeout = Some(timeout))
    }

    /// A handle whose calls must each end by `deadline`.
    pub fn deadline(&self, deadline: Instant) -> Self {
        self.with(|options| options.deadline = Some(deadline))
    }

    /// A handle whose calls end when `token` is cancelled, with [`CallError::Cancelled`] or `NotSent::Cancelled`. The
    /// driver is asked to stop; the next call waits until it has returned.
    pub fn cancel_with(&self, token: &CancellationToken) -> Self {
        self.with(|options| options.token = Some(token.clone()))
    }

    /// A handle whose calls report their progress to `callback`: a fraction from 0 to 1, and a message, if the driver
    /// reports any. The callback runs on the thread of the driver and holds it up. All progress is reported before the
    /// call returns.
    pub fn on_progress(&self, callback: impl Fn(f64, &str) + Send + Sync + 'static) -> Self {
        self.with(|options| options.reporting.set_progress(callback))
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
        let local = call.take_local()?;
        let started = Instant::now();
        let timeout = self.options.time_left(started);
        let timing = Timing { started, timeout };
        match self.ask(local, timing).await {
            Ok(reply) => reply.into_result(&call),
            Err(end) => end.into_result(&call, timing),
        }
    }

    /// Runs the call on the thread of the drivers, and waits until it has ended, timed out or been cancelled.
    async fn ask(&self, call: LocalCall, timing: Timing) -> Result<LocalReply, CallEnd> {
        if let Some(reason) = self.options.refusal(timing.timeout) {
            return Err(CallEnd::not_sent(reason));
        }
        let no_runtime = |_| NotSent::Unreachable(ConnectError::NoRuntime.to_string());
        let runtime = Handle::try_current().map_err(no_runtime);
        let permit = StartPermit::default();
        let (reply, answer) = oneshot::channel();
        let job = LocalJob {
            call,
            deadline: timing.timeout.and_then(|t| timing.started.checked_add(t)),
            options: self.options.clone(),
            runtime: runtime.map_err(CallEnd::not_sent)?,
            permit: permit.clone(),
            reply,
        };
        let closed = || CallEnd::not_sent(NotSent::Closed);
        self.jobs.send(job).map_err(|_| closed())?;
        let (unstarted, started) = tokio::select! {
            biased;
            reply = answer => return reply.map_err(|_| closed()),
            () = cancelled(self.options.token.as_ref()) => (NotSent::Cancelled, CallEnd::Cancelled),
            () = elapsed(timing.timeout) => (
                NotSent::TimedOut(Duration::ZERO),
                CallEnd::Outcome(CallOutcome::TimedOut),
            ),
        };
        Err(match permit.take() {
            true => CallEnd::not_sent(unstarted),
            false => started,
        })
    }
}

async fn cancelled(token: Option<&CancellationToken>) {
    let Some(token) = token else {
        return pending().await;
    };
    let listener = Arc::new(Notify::new());
    loop {
        token.notify(&listener);
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

/// Runs on the thread of the drivers, which ends with the last handle.
fn run_jobs(local: &Local, queue: &Receiver<LocalJob>) {
    for job in queue {
        if job.permit.take() {
            job.run(local);
        }
    }
}

impl StartPermit {
    /// Returns true for the first taker only.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl LocalJob {
    fn run(self, local: &Local) {
        let host = Arc::new(RunningJob {
            options: self.options,
            runtime: self.runtime,
            reply: Mutex::new(Some(self.reply)),
        });
        let reply = local.run(
            &self.call,
            Arc::clone(&host) as Arc<dyn CallHost>,
            self.deadline,
        );
        if let Some(caller) = host.reply().take() {
            // Fails if the call has been given up.
            let _ = caller.send(reply);
        }
    }
}

/// A running call, as its driver sees it.
struct RunningJob {
    options: CallOptions,
    runtime: Handle,
    reply: Mutex<Option<oneshot::Sender<LocalReply>>>,
}

impl RunningJob {
    fn reply(&self) -> MutexGuard<'_, Option<oneshot::Sender<LocalReply>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallHost for RunningJob {
    fn is_cancelled(&self, _call: u64) -> bool {
        let token = self.options.token.as_ref();
        let is_gone = |reply: &oneshot::Sender<_>| reply.is_closed();
        token.is_some_and(CancellationToken::is_cancelled)
            || self.reply().as_ref().is_none_or(is_gone)
    }

    fn progress(&self, call: u64, fraction: f64, message: &str) {
        if !self.options.reporting.is_empty() && !self.is_cancelled(call) {
            self.options.reporting.progress(fraction, message);
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
        if let Err(error) = thread.spawn(move || run_jobs(&local, &queue)) {
            // The receiver of the jobs is dropped with the closure, so that every call ends with `NotSent::Closed`.
            tracing::error!("cannot start the thread of the drivers: {error}");
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
    type Reply<T: Send + 'static> = BoxedReply<T>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> BoxedReply<T> {
        Box::pin(self.clone().make(call))
    }
}

impl AsyncCaller for AsyncLocal {
    async fn wait<T: DeserializeOwned + Send + 'static>(
        reply: BoxedReply<T>,
    ) -> Result<T, CallError> {
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
