//! A caller without any device behind it, for tests of code that uses proxies.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::Args;
use super::caller::{AsyncCaller, BlockingCaller, Caller, OutgoingCall};
use super::function::sources;
use super::schema::short_name;
use super::value;
use crate::error::{CallError, NotSent};
use crate::wire::bulk;
use crate::wire::codec::{self, CodecError, MAX_VALUE};
use crate::wire::failure::{Fault, FaultKind};
use crate::wire::message::{self, Form};

/// A [`Caller`] that answers from a closure and remembers what it was asked.
///
/// ```
/// use ipc_core::{Mock, Proxy, remote};
///
/// # struct Meter;
/// #[remote]
/// impl Meter {
///     /// Mean voltage.
///     pub fn read_voltage(&mut self, samples: u32) -> f64 {
///         # samples.into()
///         // ..
///     }
/// }
///
/// let mock = Mock::new(|call| match call.method() {
///     "read_voltage" => call.answer(0.5),
///     _ => call.fail("no such instrument"),
/// });
/// let meter = MeterProxy::new(&mock);
/// assert_eq!(meter.read_voltage(20), Ok(0.5));
/// assert_eq!(mock.calls()[0].arguments::<(u32,)>(), Ok((20,)));
/// ```
#[derive(Clone)]
pub struct Mock {
    answer: Arc<Mutex<Answers>>,
    calls: Arc<Mutex<Vec<MockCall>>>,
}

/// A [`Mock`] for code that is written for async callers: its calls are futures, made and answered when they are polled
/// for the first time.
///
/// Made by [`Mock::asynchronous`], and answers from the same closure.
#[derive(Clone, Debug)]
pub struct AsyncMock(Mock);

type Answers = dyn FnMut(&MockCall) -> MockAnswer + Send;

/// A call that a [`Mock`] was asked to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockCall {
    method: String,
    form: Form,
    arguments: Bytes,
}

/// What a [`Mock`] answers; made by [`MockCall::answer`] and [`MockCall::fail`], or from a [`CallError`].
#[derive(Clone, Debug)]
pub struct MockAnswer(Result<Vec<u8>, CallError>);

impl Mock {
    /// Answers every call by `answer`.
    pub fn new(answer: impl FnMut(&MockCall) -> MockAnswer + Send + 'static) -> Self {
        Self {
            answer: Arc::new(Mutex::new(answer)),
            calls: Arc::default(),
        }
    }

    /// The same mock for async callers: `MeterProxy::new(&mock.asynchronous())`.
    pub fn asynchronous(&self) -> AsyncMock {
        AsyncMock(self.clone())
    }

    /// The calls so far, the first one first.
    pub fn calls(&self) -> Vec<MockCall> {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn ask(&self, call: MockCall) -> MockAnswer {
        let answer = {
            let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
            answer(&call)
        };
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
        answer
    }
}

impl MockCall {
    /// The name on the wire, with its prefix: `pump_read_voltage`, `get_pump_range`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments as a tuple: `call.arguments::<(u32,)>()` for one.
    ///
    /// # Errors
    ///
    /// The arguments are of other types.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        match self.form {
            Form::Typed => codec::decode(&self.arguments),
            _ => {
                let args = Args::unpack(&codec::decode::<Vec<u8>>(&self.arguments)?)?;
                value::Value::List(args.positional).into_typed()
            }
        }
    }

    /// The method returns `value`, which must have the type that the method returns.
    pub fn answer<T: Serialize + 'static>(&self, value: T) -> MockAnswer {
        let mut payload = Vec::new();
        let written = match self.form {
            Form::Typed => bulk::encode(&value, &mut payload, MAX_VALUE),
            _ => value::pack(&value)
                .and_then(|packed| bulk::encode(&packed, &mut payload, MAX_VALUE)),
        };
        MockAnswer(match written {
            Ok(()) => Ok(payload),
            Err(error) => Err(CallError::BadReply {
                method: self.method.clone(),
                error,
            }),
        })
    }

    /// The driver fails with `error`. Its value travels with it.
    pub fn raise<E: Error + Serialize>(&self, error: &E) -> MockAnswer {
        self.fault(Fault {
            kind: FaultKind::Error,
            type_name: short_name(std::any::type_name::<E>()),
            message: error.to_string(),
            sources: sources(error.source()),
            value: super::invocation::serialised(error),
        })
    }

    /// The driver fails with a text.
    pub fn fail(&self, message: impl Into<String>) -> MockAnswer {
        self.fault(Fault::own(FaultKind::Error, message))
    }

    fn fault(&self, fault: Fault) -> MockAnswer {
        MockAnswer(Err(CallError::Fault {
            method: self.method.clone(),
            fault: Box::new(fault),
        }))
    }
}

impl From<CallError> for MockAnswer {
    fn from(error: CallError) -> Self {
        Self(Err(error))
    }
}

impl Caller for Mock {
    type Reply<T: Send + 'static> = Result<T, CallError>;

    fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        let frame = call.take_frame()?;
        let incoming = message::single_frame(&frame)
            .ok()
            .and_then(|frame| message::call_of(frame)?.ok());
        let Some(incoming) = incoming else {
            return Err(CallError::NotSent {
                method: call.method().to_string(),
                reason: NotSent::Arguments(CodecError::UnexpectedEnd),
            });
        };
        let MockAnswer(answer) = self.ask(MockCall {
            method: call.method().to_string(),
            form: incoming.form,
            arguments: incoming.arguments,
        });
        call.decode(&answer?)
    }
}

impl BlockingCaller for Mock {
    fn wait<T: Send + 'static>(reply: Result<T, CallError>) -> Result<T, CallError> {
        reply
    }
}

impl Caller for AsyncMock {
    type Reply<T: Send + 'static> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Self::Reply<T> {
        let AsyncMock(mock) = self.clone();
        Box::pin(async move { mock.call(call) })
    }
}

impl AsyncCaller for AsyncMock {
    async fn wait<T: DeserializeOwned + Send + 'static>(
        reply: Self::Reply<T>,
    ) -> Result<T, CallError> {
        reply.await
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("calls", &self.calls())
            .finish()
    }
}
