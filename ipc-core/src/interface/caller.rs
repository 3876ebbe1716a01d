//! The calling end: what proxies are made of, and what they call through.

mod device;

use std::fmt;
use std::sync::Arc;

use bytemuck::NoUninit;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::Args;
use super::definitions;
use super::describe::{DeviceDescription, Interface, Method, ServerDescription};
use super::invocation;
use super::remote::Offer;
use super::similar::prefix_hint;
use super::value;
use crate::error::{CallError, NotSent};
use crate::wire::bulk;
use crate::wire::codec::{self, CodecError, DECODE_MEMORY, MAX_VALUE, MIN_DECODE_MEMORY, Reader};
use crate::wire::ctrl::{CallHeader, CtrlMsg};
use crate::wire::failure::{Fault, Refusal};
use crate::wire::frame;
use crate::wire::message::Form;

pub use device::DeviceError;

/// Something that calls can be made through: a client, or a device in this very process.
///
/// Proxies are generic over it, so that one proxy serves blocking and async callers alike.
pub trait Caller: Clone {
    /// What a call gives at once: `Result<T, CallError>` for blocking callers, a future of it for async ones.
    type Reply<T: Send + 'static>;

    /// Makes a call.
    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Self::Reply<T>;
}

/// A [`Caller`] whose calls return when they are over.
pub trait BlockingCaller: Caller {
    /// The result itself.
    fn wait<T: Send + 'static>(reply: Self::Reply<T>) -> Result<T, CallError>;
}

/// A [`Caller`] whose calls return futures.
pub trait AsyncCaller: Caller {
    /// Waits for the result.
    fn wait<T: DeserializeOwned + Send + 'static>(
        reply: Self::Reply<T>,
    ) -> impl Future<Output = Result<T, CallError>> + Send;
}

/// A proxy: the methods of a driver, called through a [`Caller`].
///
/// Every proxy has [`new`](Self::new), [`with_prefix`](Self::with_prefix), [`named`](Self::named) and
/// [`named_async`](Self::named_async) as functions of its own, except for those whose names the driver uses for methods.
/// This trait reaches all of them in any case.
///
/// # Devices by name
///
/// Calls carry the prefix of the device and not its name. A proxy by name therefore looks the prefix up when it is made,
/// in the description of the server, and its calls are as fast as those of any other proxy. If the server is restarted
/// with other prefixes, make the proxy again.
pub trait Proxy<C: Caller>: Offer + Sized {
    /// A proxy for the only device of its type, registered without a prefix.
    fn new(caller: &C) -> Self {
        Self::with_prefix(caller, "")
    }

    /// A proxy for the device that was registered with `prefix`.
    fn with_prefix(caller: &C, prefix: &str) -> Self {
        Self::over(Stub::new(caller, prefix, Self::interface()))
    }

    /// A proxy for the device called `device`. Asks the server once for its description, and blocks until it answers.
    ///
    /// # Errors
    ///
    /// The server cannot be asked, has no such device, or the device is of another type.
    fn named(caller: &C, device: &str) -> Result<Self, DeviceError>
    where
        C: BlockingCaller,
    {
        let description = C::wait(caller.call(OutgoingCall::describe()))?;
        Self::from_description(caller, device, &description)
    }

    /// [`named`](Self::named) for async callers.
    fn named_async(
        caller: &C,
        device: &str,
    ) -> impl Future<Output = Result<Self, DeviceError>> + Send
    where
        C: AsyncCaller + Sync,
    {
        let description = C::wait(caller.call(OutgoingCall::describe()));
        async move { Self::from_description(caller, device, &description.await?) }
    }

    /// A proxy for the device called `device` in a description that is at hand: makes many proxies for one question to
    /// the server.
    ///
    /// # Errors
    ///
    /// There is no such device, or it is of another type.
    fn from_description(
        caller: &C,
        device: &str,
        server: &ServerDescription,
    ) -> Result<Self, DeviceError> {
        let interface = Self::interface();
        let device = device::find(server, device, &interface.name)?;
        Ok(Self::over(Stub::of_device(caller, device, interface)))
    }

    /// The proxy around its only part.
    #[doc(hidden)]
    fn over(stub: Stub<C>) -> Self;
}

/// A call on its way out: a frame with room for the numbers that the session fills in.
#[derive(Debug)]
pub struct OutgoingCall {
    frame: Vec<u8>,
    form: Form,
    idempotent: bool,
    /// Memory that the decoded result may take, beyond 8 times its bytes.
    decode_memory: usize,
    target: Target,
    error: Option<CallError>,
}

#[derive(Clone)]
enum Target {
    Method {
        table: Arc<MethodTable>,
        index: usize,
    },
    Name(String),
}

/// The methods of one interface under their names on the wire.
struct MethodTable {
    interface: Interface,
    /// The name of the device, if the proxy was made by name.
    device: Option<String>,
    prefix: String,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    idempotent: bool,
    /// What every call of this method begins with.
    head: Vec<u8>,
}

impl OutgoingCall {
    /// A call by name, its arguments and result in self-describing form.
    pub fn by_name(method: &str, args: &Args) -> Self {
        let head = head(CtrlMsg::CallByName, method, 0);
        let mut call = Self::begin(head, Form::ByName, Target::Name(method.into()), false);
        call.append(|frame| codec::encode(&value::pack(args)?, frame, MAX_VALUE));
        call
    }

    /// The question what there is to call.
    pub fn describe() -> Self {
        let method = "describe";
        let head = head(CtrlMsg::Describe, method, 0);
        Self::begin(head, Form::Describe, Target::Name(method.into()), true)
    }

    fn begin(head: Vec<u8>, form: Form, target: Target, idempotent: bool) -> Self {
        Self {
            frame: head,
            form,
            idempotent,
            decode_memory: DECODE_MEMORY,
            target,
            error: None,
        }
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>) {
        if self.error.is_none()
            && let Err(error) = write(&mut self.frame)
        {
            let method = self.method().to_string();
            self.error = Some(CallError::NotSent {
                method,
                reason: NotSent::Arguments(error),
            });
        }
    }

    /// Adds the next argument.
    pub fn argument<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.append(|frame| codec::encode(value, frame, MAX_VALUE));
    }

    /// Adds the next argument, a list of numbers, at memory speed. The same bytes as [`argument`](Self::argument).
    pub fn numbers<T: NoUninit + Serialize>(&mut self, values: &[T]) {
        self.append(|frame| bulk::encode_numbers(values, frame, MAX_VALUE));
    }

    /// Gives the call up, before anything is sent, unless argument number `index` was `accepted`.
    pub fn check(&mut self, index: usize, accepted: bool, given: &dyn fmt::Debug) {
        if self.error.is_none()
            && let Some(description) = self.description()
            && let Err(refusal) =
                invocation::check(description, self.target.wire_name(), index, accepted, given)
        {
            self.error = Some(CallError::Refused(refusal));
        }
    }

    /// What is known of the method, unless it is called by its name only.
    pub(crate) fn description(&self) -> Option<&Method> {
        match &self.target {
            Target::Method { table, index } => table.interface.methods.get(*index),
            Target::Name(_) => None,
        }
    }

    /// The method on the wire.
    pub fn method(&self) -> &str {
        self.target.wire_name()
    }

    /// True if running the call twice does no more than running it once.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Marks the call as one that may be repeated after a lost connection.
    pub fn set_idempotent(&mut self) {
        self.idempotent = true;
    }

    /// Sets how many bytes of memory the decoded result may take, beyond 8 times its bytes on the wire;
    /// [`MIN_DECODE_MEMORY`] at least.
    pub fn set_decode_memory(&mut self, bytes: usize) {
        self.decode_memory = bytes.max(MIN_DECODE_MEMORY);
    }

    /// Takes the frame, all of it but the numbers that the session fills in; or why the call cannot be sent.
    pub fn take_frame(&mut self) -> Result<Vec<u8>, CallError> {
        match self.error.take() {
            Some(error) => Err(error),
            None => {
                frame::finish(&mut self.frame);
                Ok(std::mem::take(&mut self.frame))
            }
        }
    }

    /// Reads the result.
    pub fn decode<T: DeserializeOwned + 'static>(&self, payload: &[u8]) -> Result<T, CallError> {
        self.decode_within(payload, self.decode_memory)
    }

    /// Reads the result, which may take `memory` bytes beyond 8 times its bytes on the wire.
    pub(crate) fn decode_within<T: DeserializeOwned + 'static>(
        &self,
        payload: &[u8],
        memory: usize,
    ) -> Result<T, CallError> {
        let decoded = match self.form {
            Form::Typed => {
                let mut reader = Reader::within(payload, memory);
                let decoded = bulk::read(&mut reader);
                let decoded = decoded.and_then(|value| reader.finish().map(|()| value));
                decoded.map_err(CodecError::of_typed)
            }
            Form::ByName | Form::Describe | Form::Command => unpack(payload, memory),
        };
        decoded.map_err(|error| CallError::BadReply {
            method: self.method().to_string(),
            error,
        })
    }

    /// The error for a refusal by the server; adds what only this end knows.
    pub fn refused(&self, refusal: Refusal) -> CallError {
        match (&self.target, refusal) {
            (
                Target::Method { table, index },
                Refusal::SignatureMismatch { method, server, .. },
            ) => {
                let client = table.interface.methods.get(*index);
                let client = client
                    .map(|m| definitions::full_signature(m, &table.prefix))
                    .unwrap_or_default();
                let (client, server) = definitions::differing(&client, &server);
                CallError::Refused(Refusal::SignatureMismatch {
                    method,
                    client,
                    server,
                })
            }
            (
                Target::Method { table, index },
                Refusal::UnknownMethod {
                    method, similar, ..
                },
            ) => {
                let own = table.interface.methods.get(*index);
                let hint = match &table.device {
                    Some(device) => device::made_before(device, &table.prefix),
                    None => own
                        .map(|own| prefix_hint(own, &table.prefix, &similar))
                        .unwrap_or_default(),
                };
                CallError::Refused(Refusal::UnknownMethod {
                    method,
                    similar,
                    hint,
                })
            }
            (target, Refusal::Protocol { method, reason }) if method.is_empty() => {
                let method = target.wire_name().to_string();
                CallError::Refused(Refusal::Protocol { method, reason })
            }
            (_, refusal) => CallError::Refused(refusal),
        }
    }

    /// The error for a failure of the driver.
    pub fn failed(&self, fault: Box<Fault>) -> CallError {
        CallError::Fault {
            method: self.method().to_string(),
            fault,
        }
    }
}

impl Target {
    fn wire_name(&self) -> &str {
        match self {
            Target::Method { table, index } => {
                table.entries.get(*index).map_or("", |entry| &entry.name)
            }
            Target::Name(name) => name,
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

/// What a generated proxy holds: the caller, and the methods under their names on the wire.
pub struct Stub<C> {
    caller: C,
    table: Arc<MethodTable>,
}

impl<C: Caller> Stub<C> {
    /// Calls the methods of `interface`, registered with `prefix`, through `caller`.
    pub fn new(caller: &C, prefix: &str, interface: Interface) -> Self {
        Self::with_table(caller, None, prefix, interface)
    }

    /// Calls the methods of `interface` at `device`.
    fn of_device(caller: &C, device: &DeviceDescription, interface: Interface) -> Self {
        let DeviceDescription { name, prefix, .. } = device;
        Self::with_table(caller, Some(name.clone()), prefix, interface)
    }

    fn with_table(caller: &C, device: Option<String>, prefix: &str, interface: Interface) -> Self {
        let entry = |method: &Method| {
            let name = method.wire_name(prefix);
            let head = head(CtrlMsg::Call, &name, method.fingerprint());
            let idempotent = method.idempotent;
            Entry {
                name,
                idempotent,
                head,
            }
        };
        let entries = interface.methods.iter().map(entry).collect();
        let table = MethodTable {
            interface,
            device,
            prefix: prefix.to_string(),
            entries,
        };
        Self {
            caller: caller.clone(),
            table: Arc::new(table),
        }
    }

    /// Begins a call of method number `index` of the interface.
    pub fn begin(&self, index: usize) -> OutgoingCall {
        let (mut frame, mut idempotent) = (Vec::with_capacity(USUAL_FRAME), false);
        if let Some(entry) = self.table.entries.get(index) {
            frame.extend_from_slice(&entry.head);
            idempotent = entry.idempotent;
        }
        let table = Arc::clone(&self.table);
        OutgoingCall::begin(
            frame,
            Form::Typed,
            Target::Method { table, index },
            idempotent,
        )
    }

    /// Makes the call.
    pub fn send<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> C::Reply<T> {
        self.caller.call(call)
    }
}

impl<C: Clone> Clone for Stub<C> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            table: Arc::clone(&self.table),
        }
    }
}

impl<C> fmt::Debug for Stub<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(&self.table.interface.name);
        if let Some(device) = &self.table.device {
            shown.field("device", device);
        }
        shown.field("prefix", &self.table.prefix).finish()
    }
}

fn unpack<T: DeserializeOwned>(payload: &[u8], memory: usize) -> Result<T, CodecError> {
    let mut reader = Reader::new(payload);
    let packed = reader.bytes()?;
    reader.finish()?;
    value::unpack_within(packed, memory)
}

/// The beginning of a call's frame: all that stands before the arguments. The session fills the numbers in.
fn head(ctrl: CtrlMsg, method: &str, fingerprint: u64) -> Vec<u8> {
    let header = CallHeader {
        fingerprint,
        method: method.to_string(),
        ..CallHeader::default()
    };
    let mut frame = frame::begin(ctrl);
    // A name too long to be written would be a gigabyte of text: the frame is then one that no server takes.
    let _ = codec::encode(&header, &mut frame, MAX_VALUE);
    frame
}

/// Most calls need no more memory than this, in bytes.
const USUAL_FRAME: usize = 128;
