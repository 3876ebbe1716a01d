//! Devices in this very process, called through proxies as if they were elsewhere.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::de::DeserializeOwned;

use super::caller::{BlockingCaller, Caller, OutgoingCall};
use super::context::{CallContext, CallHost, HERE, drive};
use super::job::{LocalCall, Reply};
use super::registry::{RegisterError, Registry};
use super::remote::IntoDevice;
use crate::contain::contain_logged;
use crate::error::CallError;
use crate::wire::codec::MAX_VALUE;
use crate::wire::failure::{Failure, FaultKind};

/// A [`Caller`] over devices in this process: every call is encoded, checked, dispatched and decoded as it would be
/// over a network, without one. For tests and simulations.
///
/// # Methods that are `async`
///
/// They are driven on the calling thread, without a runtime, which is all that most need. A method that uses tokio, for a
/// timer or a socket, panics where there is no runtime, and its call ends in an error that says so. In blocking code,
/// enter a runtime with threads of its own before the call:
///
/// ```text
/// let runtime = tokio::runtime::Runtime::new()?;
/// let _entered = runtime.enter();
/// let count = TaggerProxy::new(&Local::new(Tagger)?).count(0.5)?;
/// ```
///
/// If the calling thread is the only one of its runtime (as in `#[tokio::test]`), it waits for ever for a timer that only
/// it could fire. Use `ipc_client::AsyncLocal` there, and for all code that is written for async callers.
#[derive(Clone, Default)]
pub struct Local {
    registry: Arc<Registry>,
    is_cancelled: Option<Arc<IsCancelled>>,
    on_progress: Option<Arc<OnProgress>>,
}

type IsCancelled = dyn Fn() -> bool + Send + Sync;
type OnProgress = dyn Fn(f64, &str) + Send + Sync;

/// What came of a call that was run by [`Local::run`].
#[derive(Debug)]
pub struct LocalReply(Result<Reply, Box<Failure>>);

impl Local {
    /// Calls one device.
    pub fn new(
        device: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Result<Self, RegisterError> {
        let mut registry = Registry::new();
        registry.add_device(device)?;
        Ok(registry.into())
    }

    /// A handle whose calls report their progress to `callback`, if the driver reports any: a fraction from 0 to 1, and a
    /// message. If the callback panics, the panic is logged and the call goes on.
    pub fn on_progress(&self, callback: impl Fn(f64, &str) + Send + Sync + 'static) -> Self {
        Self {
            on_progress: Some(Arc::new(callback)),
            ..self.clone()
        }
    }

    /// A handle whose calls are cancelled while `is_cancelled` says so. Only a driver that looks at its context
    /// notices.
    pub fn cancel_when(&self, is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            is_cancelled: Some(Arc::new(is_cancelled)),
            ..self.clone()
        }
    }

    /// Runs a call to its end, for callers of other kinds: `host` stands behind its context.
    pub fn run(
        &self,
        call: &LocalCall,
        host: Arc<dyn CallHost>,
        deadline: Option<Instant>,
    ) -> LocalReply {
        let context = CallContext::new(host, 0, HERE.into(), deadline);
        LocalReply(self.registry.run(call.job(MAX_VALUE), &context))
    }
}

impl LocalReply {
    /// What the caller gets.
    pub fn into_result<T: DeserializeOwned + 'static>(
        self,
        call: &OutgoingCall,
    ) -> Result<T, CallError> {
        match self.0 {
            // Whatever comes is in this process already.
            Ok(reply) => call.decode_within(reply.into_bytes().into(), usize::MAX),
            Err(failure) => Err(match *failure {
                Failure::Refused(refusal) => call.refused(refusal),
                Failure::Fault(fault) => call.failed(fault),
            }),
        }
    }
}

impl From<Registry> for Local {
    fn from(mut registry: Registry) -> Self {
        // Whatever comes is in this process already.
        registry.set_decode_memory(usize::MAX);
        Self {
            registry: Arc::new(registry),
            ..Self::default()
        }
    }
}

impl Caller for Local {
    type Reply<T: Send + 'static> = Result<T, CallError>;

    fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        let local = call.take_local()?;
        let host = Arc::new(Inline {
            local: self.clone(),
            drives: AtomicBool::new(false),
        });
        let mut reply = self.run(&local, Arc::clone(&host) as Arc<dyn CallHost>, None);
        if let LocalReply(Err(failure)) = &mut reply
            && let Failure::Fault(fault) = &mut **failure
            && fault.kind == FaultKind::Panic
            && host.drives.load(Ordering::Relaxed)
        {
            fault.message.push_str(NO_RUNTIME);
        }
        reply.into_result(&call)
    }
}

impl BlockingCaller for Local {
    fn wait<T: Send + 'static>(reply: Result<T, CallError>) -> Result<T, CallError> {
        reply
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local").field(&self.registry).finish()
    }
}

/// The call runs on the thread at hand, and so do futures.
struct Inline {
    local: Local,
    /// True while a future is driven, and for ever once one has panicked.
    drives: AtomicBool,
}

impl CallHost for Inline {
    fn is_cancelled(&self, _call: u64) -> bool {
        self.local.is_cancelled.as_ref().is_some_and(|ask| ask())
    }

    fn progress(&self, _call: u64, fraction: f64, message: &str) {
        if let Some(tell) = &self.local.on_progress {
            contain_logged("`on_progress`", || tell(fraction, message));
        }
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.drives.store(true, Ordering::Relaxed);
        drive(future);
        self.drives.store(false, Ordering::Relaxed);
    }
}

/// Added to the panic of an `async` method.
const NO_RUNTIME: &str = " (`Local` drives async methods without a runtime; if the driver needs one, \
    enter it before the call, as in `let _entered = runtime.enter();`, or use `ipc_client::AsyncLocal` in async code)";
