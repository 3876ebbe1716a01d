//! A caller without any device behind it, for tests of code that uses proxies.

use std::any::TypeId;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::{Args, PackedArgs};
use super::caller::{AsyncCaller, BlockingCaller, Caller, OutgoingCall};
use super::describe::Argument;
use super::dynamic;
use super::function::sources;
use super::invocation::{serialised, shown_briefly};
use super::schema::short_name;
use super::value::Value;
use crate::error::CallError;
use crate::wire::codec::{self, CodecError, DECODE_MEMORY, MAX_VALUE, Reader};
use crate::wire::ctrl::Form;
use crate::wire::failure::{Fault, FaultKind};
use crate::wire::guard::Budget;

/// A [`Caller`] that answers from a closure and remembers what it was asked.
///
/// ```
/// use ipc_core::{Mock, remote};
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
/// assert_eq!(format!("{:?}", mock.calls()), "[read_voltage(samples: 20)]");
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

/// A call that a [`Mock`] was asked to make. Its `Debug` form is the call as it would be written, as far as the types
/// of the arguments are described: `read_voltage(samples: 20)`.
#[derive(Clone, PartialEq, Eq)]
pub struct MockCall {
    method: String,
    form: Form,
    arguments: Bytes,
    /// What is known of the arguments; nothing for a call by name.
    described: Vec<Argument>,
}

/// What a [`Mock`] answers; made by [`MockCall::answer`] and [`MockCall::fail`], or from a [`CallError`].
#[derive(Clone, Debug)]
pub struct MockAnswer(Result<Answered, CallError>);

/// A value that the method returns, in both forms: which one is wanted depends on the caller.
#[derive(Clone, Debug)]
struct Answered {
    type_id: TypeId,
    type_name: &'static str,
    typed: Result<Vec<u8>, CodecError>,
    value: Result<Value, CodecError>,
}

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
            _ => Value::List(self.args()?.positional).into_typed(),
        }
    }

    /// The argument called `name`; [`Value::into_typed`] turns it into what it is. `None` if there is none, or if not
    /// all types up to it are described (`#[remote]` on a type describes it).
    pub fn argument(&self, name: &str) -> Option<Value> {
        let mut shown = self.shown().into_iter();
        shown.find_map(|(known, value)| value.filter(|_| known == name))
    }

    /// The names and, as far as known, values of the arguments.
    fn shown(&self) -> Vec<(String, Option<Value>)> {
        if self.form != Form::Typed {
            let Args { positional, named } = self.args().unwrap_or_default();
            let positional = positional.into_iter().map(|value| (String::new(), value));
            let all = positional.chain(named);
            return all.map(|(name, value)| (name, Some(value))).collect();
        }
        let bytes = Bytes::copy_from_slice(&self.arguments);
        let mut reader = Reader::new(&bytes);
        let mut is_known = true;
        let next = |argument: &Argument| {
            let value = match is_known {
                true => dynamic::read(&argument.schema, &bytes, &mut reader, DECODE_MEMORY).ok(),
                false => None,
            };
            is_known = value.is_some();
            (argument.name.clone(), value)
        };
        let mut shown: Vec<_> = self.described.iter().map(next).collect();
        if is_known && reader.finish().is_err() {
            // Some type is not written as its schema says.
            shown.iter_mut().for_each(|(_, value)| *value = None);
        }
        shown
    }

    fn args(&self) -> Result<Args, CodecError> {
        let packed = Reader::new(&self.arguments).bytes()?;
        PackedArgs::split(packed, &Budget::new(packed.len(), usize::MAX))?.unpack()
    }

    /// Has the method return `value`, which is of the method's type, or of one that is encoded alike: `&str` for
    /// `String`, or `3` for any number. If the value fits neither, the call ends in [`CallError::BadReply`], which names
    /// both types.
    pub fn answer<T: Serialize + 'static>(&self, value: T) -> MockAnswer {
        let mut typed = Vec::new();
        let written = codec::encode(&value, &mut typed, MAX_VALUE);
        MockAnswer(Ok(Answered {
            type_id: TypeId::of::<T>(),
            type_name: std::any::type_name::<T>(),
            typed: written.map(|()| typed),
            value: Value::from_serialize(&value),
        }))
    }

    /// The driver fails with `error`. Its value travels with it.
    pub fn raise<E: Error + Serialize>(&self, error: &E) -> MockAnswer {
        self.fault(Fault {
            kind: FaultKind::Error,
            type_name: short_name(std::any::type_name::<E>()),
            message: error.to_string(),
            sources: sources(error.source()),
            value: serialised(error),
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

impl Answered {
    /// The value as the type that the caller expects.
    fn into_type<T: DeserializeOwned + 'static>(self, form: Form) -> Result<T, CodecError> {
        if form == Form::Typed && self.type_id == TypeId::of::<T>() {
            return codec::decode(&self.typed?);
        }
        self.value?.into_typed().map_err(|error| {
            let given = short_name(self.type_name);
            let expected = short_name(std::any::type_name::<T>());
            CodecError::Invalid(format!(
                "the mock answered with a value of type `{given}`, but `{expected}` is expected: {error}"
            ))
        })
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
        let local = call.take_local()?;
        let described = call.description().map(|method| method.arguments.clone());
        let MockAnswer(answer) = self.ask(MockCall {
            method: call.method().to_string(),
            form: local.form,
            arguments: Bytes::copy_from_slice(local.arguments()),
            described: described.unwrap_or_default(),
        });
        let method = call.method().to_string();
        let bad_reply = |error| CallError::BadReply { method, error };
        answer?.into_type(local.form).map_err(bad_reply)
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

impl fmt::Debug for MockCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.method)?;
        for (i, (name, value)) in self.shown().into_iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            let colon = if name.is_empty() { "" } else { ": " };
            let value =
                value.map_or_else(|| "..".into(), |value| shown_briefly(&value.to_string()));
            write!(f, "{separator}{name}{colon}{value}")?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("calls", &self.calls())
            .finish()
    }
}
