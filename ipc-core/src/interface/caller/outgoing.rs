//! A call on its way out, as the frame that it will be.

use std::fmt;
use std::sync::Arc;

use bytemuck::NoUninit;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::device;
use super::table::MethodTable;
use crate::error::{CallError, NotSent};
use crate::interface::args::Args;
use crate::interface::batch::{BatchReply, RECENT};
use crate::interface::describe::Method;
use crate::interface::dynamic::DynamicMethod;
use crate::interface::job::LocalCall;
use crate::interface::similar::prefix_hint;
use crate::interface::{definitions, invocation, value};
use crate::wire::block::{Payload, ValueProbe};
use crate::wire::bulk::{self, LongBlock, LongLists};
use crate::wire::codec::{self, CodecError, DECODE_MEMORY, MAX_VALUE, MIN_DECODE_MEMORY};
use crate::wire::ctrl::{CallHeader, CtrlMsg, Form};
use crate::wire::failure::{Fault, Refusal};
use crate::wire::frame::{self, CallFrame};

/// A call on its way out: a frame with room for the numbers that the session fills in.
#[derive(Debug)]
pub struct OutgoingCall {
    pub(super) frame: CallFrame,
    /// Where the arguments begin in the frame.
    arguments_at: usize,
    form: Form,
    idempotent: bool,
    /// Memory that the decoded result may take, beyond 8 times its bytes.
    decode_memory: usize,
    callee: Callee,
    /// True if it travels inside of a command, whose result is that of a call of a batch.
    is_inside: bool,
    pub(super) is_for_observers: bool,
    /// Why it cannot be made.
    error: Option<Box<CallError>>,
}

/// What a call names: a method of a proxy, or any method by its name.
#[derive(Clone)]
pub(super) enum Callee {
    Method {
        table: Arc<MethodTable>,
        index: usize,
    },
    /// A method as its server describes it.
    Dynamic(Arc<DynamicMethod>),
    Name(String),
}

impl OutgoingCall {
    /// Begins a call of method number `index` of an interface.
    pub(super) fn of_method(table: &Arc<MethodTable>, index: usize) -> Self {
        let mut frame = Vec::with_capacity(USUAL_FRAME);
        let (mut idempotent, mut urgent) = (false, false);
        if let Some(method) = table.method(index) {
            frame.extend_from_slice(&method.head);
            (idempotent, urgent) = (method.idempotent, method.urgent);
        }
        let callee = Callee::Method {
            table: Arc::clone(table),
            index,
        };
        Self {
            is_for_observers: urgent,
            ..Self::begin(frame, Form::Typed, callee, idempotent)
        }
    }

    /// A call by name, its arguments and result in self-describing form.
    pub fn by_name(method: &str, args: &Args) -> Self {
        let head = head(CtrlMsg::CallByName, method, 0);
        let mut call = Self::begin(head, Form::ByName, Callee::Name(method.into()), false);
        call.append(|frame| codec::encode(&value::pack(args)?, frame, MAX_VALUE));
        call
    }

    /// The question what there is to call.
    pub fn describe() -> Self {
        let method = "describe";
        let head = head(CtrlMsg::Describe, method, 0);
        Self::begin(head, Form::Describe, Callee::Name(method.into()), true)
    }

    /// The same question for an observer, which gets an answer while another client holds the server.
    pub fn describe_beside() -> Self {
        Self {
            is_for_observers: true,
            ..Self::describe()
        }
    }

    pub(super) fn begin(head: Vec<u8>, form: Form, callee: Callee, idempotent: bool) -> Self {
        Self {
            arguments_at: head.len(),
            frame: head.into(),
            form,
            idempotent,
            decode_memory: DECODE_MEMORY,
            callee,
            is_inside: false,
            is_for_observers: false,
            error: None,
        }
    }

    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>) {
        self.append_around(|frame, _| write(frame));
    }

    fn append_around(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>, &mut Vec<LongBlock>) -> Result<(), CodecError>,
    ) {
        let CallFrame { head, blocks, .. } = &mut self.frame;
        if self.error.is_none()
            && let Err(error) = write(head, blocks)
        {
            let method = self.method().to_string();
            self.error = Some(Box::new(CallError::NotSent {
                method,
                reason: NotSent::Arguments(error),
            }));
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

    /// Adds the next argument. Its long lists are sent from where they lie. The same bytes as [`argument`](Self::argument).
    pub fn owned_argument<T: Serialize + LongLists>(&mut self, value: T) {
        self.append_around(|frame, blocks| bulk::encode_lists(value, frame, blocks, MAX_VALUE));
    }

    /// Gives the call up, before anything is sent, unless argument number `index` was `accepted`.
    pub fn check(&mut self, index: usize, accepted: bool, given: &dyn fmt::Debug) {
        if self.error.is_none()
            && let Some(description) = self.description()
            && let Err(refusal) =
                invocation::check(description, self.callee.wire_name(), index, accepted, given)
        {
            self.error = Some(Box::new(CallError::Refused(refusal)));
        }
    }

    /// What is known of the method, unless it is called by its name only.
    pub(crate) fn description(&self) -> Option<&Method> {
        match &self.callee {
            Callee::Method { table, index } => table.description(*index),
            Callee::Dynamic(method) => Some(&method.method),
            Callee::Name(_) => None,
        }
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// The method on the wire.
    pub fn method(&self) -> &str {
        self.callee.wire_name()
    }

    /// True if running the call twice does no more than running it once.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// True if an observer can make the call, so that it waits neither for the server nor for other calls of its client: an
    /// urgent method, a question that was made for it, or a command that has nothing to do with the session of its caller.
    /// Not known, and false, for a method that is called by its name only.
    pub fn is_for_observers(&self) -> bool {
        self.is_for_observers
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
    pub fn take_frame(&mut self) -> Result<CallFrame, CallError> {
        if let Some(error) = self.error.take() {
            return Err(*error);
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame::finish(&mut frame.head, bulk::len_of(&frame.blocks));
        Ok(frame)
    }

    /// Takes the call for a driver in this process, or why it cannot be made.
    pub fn take_local(&mut self) -> Result<LocalCall, CallError> {
        let frame = self.take_frame()?.into_vec();
        let fingerprint = match &self.callee {
            Callee::Method { table, index } => {
                table.method(*index).map(|method| method.fingerprint)
            }
            Callee::Dynamic(method) => Some(method.fingerprint),
            Callee::Name(_) => None,
        };
        Ok(LocalCall {
            method: self.method().to_string(),
            form: self.form,
            fingerprint: fingerprint.unwrap_or_default(),
            frame,
            arguments_at: self.arguments_at,
        })
    }

    /// Has the call travel inside of `command`.
    pub(super) fn go_inside(&mut self, command: Self) {
        self.frame = command.frame;
        self.error = command.error;
        self.is_inside = true;
    }

    /// True if the call travels inside of a command, whose result [`reply_inside`](Self::reply_inside) opens.
    pub fn is_inside(&self) -> bool {
        self.is_inside
    }

    /// Reads how the call ended from the result of the command that it has travelled in.
    pub fn reply_inside(&self, payload: Payload) -> Result<BatchReply, CallError> {
        let reply = value::unpack_result(&payload.into_bytes(), self.decode_memory);
        reply.map_err(|error| self.bad_reply(error))
    }

    /// Says of which type the result is, so that its long lists can be read from the network into their own memory.
    pub(super) fn expect<T: DeserializeOwned>(&mut self) {
        self.frame.probe = Some(const { &[codec::probe::<T> as ValueProbe] });
    }

    /// Reads the result.
    pub fn decode<T: DeserializeOwned + 'static>(&self, payload: Payload) -> Result<T, CallError> {
        self.decode_within(payload, self.decode_memory)
    }

    /// Reads the result, which may take `memory` bytes beyond 8 times its bytes on the wire.
    pub(crate) fn decode_within<T: DeserializeOwned + 'static>(
        &self,
        payload: Payload,
        memory: usize,
    ) -> Result<T, CallError> {
        let decoded = match self.form {
            _ if let Callee::Dynamic(method) = &self.callee => {
                method.decode(self.form, payload, memory)
            }
            Form::Typed => codec::decode_payload(payload, memory).map_err(CodecError::of_typed),
            Form::ByName => value::unpack_result(&payload.into_bytes(), memory)
                .map_err(|error| self.of_result(error)),
            Form::Describe | Form::Command => value::unpack_result(&payload.into_bytes(), memory),
        };
        decoded.map_err(|error| self.bad_reply(error))
    }

    fn bad_reply(&self, error: CodecError) -> CallError {
        CallError::BadReply {
            method: self.method().to_string(),
            error,
        }
    }

    /// Adds what to do about a result that is not of the type that the caller expects.
    #[cold]
    fn of_result(&self, error: CodecError) -> CodecError {
        let method = self.method();
        match error {
            CodecError::Invalid(problem) => CodecError::Invalid(format!(
                "{problem}; `help_for(\"{method}\")` says what it returns, and a `Value` holds any result"
            )),
            error => error,
        }
    }

    /// The error for a refusal by the server; adds what only this end knows.
    pub fn refused(&self, mut refusal: Refusal) -> CallError {
        if self.is_inside && refusal.method() == RECENT {
            refusal.set_method(self.method());
        }
        match (&self.callee, refusal) {
            (
                Callee::Method { table, index },
                Refusal::SignatureMismatch { method, server, .. },
            ) => {
                let client = table.description(*index);
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
                Callee::Method { table, index },
                Refusal::UnknownMethod {
                    method, similar, ..
                },
            ) => {
                let own = table.description(*index);
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
            (callee, Refusal::Protocol { method, reason }) if method.is_empty() => {
                let method = callee.wire_name().to_string();
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

impl Callee {
    fn wire_name(&self) -> &str {
        match self {
            Callee::Method { table, index } => {
                table.method(*index).map_or("", |method| &method.name)
            }
            Callee::Dynamic(method) => &method.name,
            Callee::Name(name) => name,
        }
    }
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

/// The beginning of a call's frame: all that stands before the arguments. The session fills the numbers in.
pub(super) fn head(ctrl: CtrlMsg, method: &str, fingerprint: u64) -> Vec<u8> {
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
