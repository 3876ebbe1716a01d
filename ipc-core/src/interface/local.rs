//! Devices in this very process, called through proxies as if they were elsewhere.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::Thread;

use serde::de::DeserializeOwned;

use super::caller::{BlockingCaller, Caller, OutgoingCall};
use super::context::{CallContext, CallHost};
use super::registry::{RegisterError, Registry};
use super::remote::IntoDevice;
use crate::error::{CallError, NotSent};
use crate::wire::codec::{CodecError, MAX_VALUE};
use crate::wire::message::{self, Outcome};

/// A [`Caller`] over devices in this process: every call is encoded, checked, dispatched and decoded as it would be
/// over a network, without one. For tests and simulations.
///
/// `async` methods are driven on the calling thread, without a runtime.
#[derive(Clone, Debug, Default)]
pub struct Local {
    registry: Arc<Registry>,
}

impl Local {
    /// Calls one device.
    pub fn new(device: impl IntoDevice) -> Result<Self, RegisterError> {
        let mut registry = Registry::new();
        registry.add_device(device)?;
        Ok(registry.into())
    }

    fn run(&self, frame: &[u8]) -> Option<Outcome> {
        let call = message::call_of(message::single_frame(frame).ok()?)?.ok()?;
        let context = CallContext::new(Rc::new(Inline), 0, "this process".into(), None);
        let reply = self.registry.run(&call, &context, MAX_VALUE);
        let (_, outcome) = message::reply_of(message::single_frame(&reply.to_vec()).ok()?)?.ok()?;
        Some(outcome)
    }
}

impl From<Registry> for Local {
    fn from(registry: Registry) -> Self {
        Self {
            registry: Arc::new(registry),
        }
    }
}

impl Caller for Local {
    type Reply<T: Send + 'static> = Result<T, CallError>;

    fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        let frame = call.take_frame()?;
        match self.run(&frame) {
            Some(Outcome::Ok(payload)) => call.decode(&payload),
            Some(Outcome::Refused(refusal)) => Err(call.refused(refusal)),
            Some(Outcome::Fault(fault)) => Err(call.failed(fault)),
            None => {
                let reason = NotSent::Arguments(CodecError::UnexpectedEnd);
                Err(CallError::NotSent {
                    method: call.method().to_string(),
                    reason,
                })
            }
        }
    }
}

impl BlockingCaller for Local {
    fn wait<T: Send + 'static>(reply: Result<T, CallError>) -> Result<T, CallError> {
        reply
    }
}

/// Nobody cancels, nobody watches, and futures run on the thread at hand.
struct Inline;

impl CallHost for Inline {
    fn is_cancelled(&self, _call: u64) -> bool {
        false
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, mut future: Pin<&mut dyn Future<Output = ()>>) {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        while future.as_mut().poll(&mut context).is_pending() {
            std::thread::park();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
