//! One call on its way through a driver: arguments out, result in. Generated code talks to this.

mod explain;
mod owned;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;

use super::args::PackedArgs;
use super::context::CallContext;
use super::describe::Method;
use super::job::Reply;
use super::readings::Question;
use super::value;
use super::wire_type::Wire;
use crate::wire::block::ReadBlocks;
use crate::wire::bulk::{self, Encode, LongLists};
use crate::wire::codec::{CodecError, Reader, ValueReader};
use crate::wire::ctrl::Form;
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::guard::Budget;

pub(crate) use explain::{check, is_plain_type, serialised, shown_briefly};
pub(super) use owned::OwnedInvocation;

use explain::{UNREADABLE, expected, shown, too_much_memory, unreadable};

/// The arguments of one call, and the place for its result.
#[derive(Debug)]
pub struct Invocation<'a> {
    method: &'a Arc<Method>,
    wire_name: &'a str,
    source: Source<'a>,
    arguments: Arguments<'a>,
    next: usize,
    context: &'a CallContext,
    reply: Reply,
    limit: usize,
}

/// Where the arguments come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) form: Form,
    pub(crate) bytes: &'a [u8],
    /// Decoded, they may take this memory beyond 8 times their own.
    pub(crate) memory: usize,
}

/// The arguments as they came, which decides how the result goes.
#[derive(Debug)]
pub(super) enum Arguments<'a> {
    Typed(ValueReader<'a>),
    ByName(Box<ArgumentsByName<'a>>),
}

#[derive(Debug)]
pub(super) struct ArgumentsByName<'a> {
    args: PackedArgs<'a>,
    /// For all of them together.
    budget: Budget,
}

impl<'a> Source<'a> {
    /// The arguments of the method `name`, not decoded yet. The lists in `blocks` are apart from the bytes.
    #[inline(always)]
    pub(super) fn arguments(
        self,
        name: &str,
        blocks: ReadBlocks,
    ) -> Result<Arguments<'a>, Refusal> {
        match self.form {
            Form::Typed => {
                let reader = ValueReader::new(self.bytes, blocks, self.memory);
                Ok(Arguments::Typed(reader))
            }
            _ => {
                Arguments::by_name(self.bytes, self.memory).map_err(|error| unreadable(name, error))
            }
        }
    }
}

impl<'a> Arguments<'a> {
    fn by_name(bytes: &'a [u8], memory: usize) -> Result<Self, CodecError> {
        let mut reader = Reader::new(bytes);
        let packed = reader.bytes()?;
        reader.finish()?;
        let budget = Budget::new(packed.len(), memory);
        let args = PackedArgs::split(packed, &budget)?;
        Ok(Self::ByName(Box::new(ArgumentsByName { args, budget })))
    }
}

impl<'a> Invocation<'a> {
    /// `reply` holds what stands before the result; with the result it may grow to `limit` bytes.
    #[inline(always)]
    pub(super) fn new(
        method: &'a Arc<Method>,
        wire_name: &'a str,
        source: Source<'a>,
        arguments: Arguments<'a>,
        context: &'a CallContext,
        reply: Vec<u8>,
        limit: usize,
    ) -> Self {
        Self {
            method,
            wire_name,
            source,
            arguments,
            next: 0,
            context,
            reply: Reply {
                head: reply,
                blocks: Vec::new(),
            },
            limit,
        }
    }

    /// The call as a question to the device, of whose method it has the number `method`.
    pub(super) fn question(&self, method: usize) -> Question<&'a [u8]> {
        Question {
            method,
            is_by_name: self.source.form != Form::Typed,
            arguments: self.source.bytes,
        }
    }

    /// Number of bytes before the result, as long as there is none.
    pub(super) fn reply_len(&self) -> usize {
        self.reply.head.len()
    }

    /// Number of bytes of the result, which begins at `start` in the reply.
    pub(super) fn result_len(&self, start: usize) -> usize {
        let Reply { head, blocks } = &self.reply;
        (head.len() + bulk::len_of(blocks)).saturating_sub(start)
    }

    /// The result, which begins at `start` in the reply.
    pub(super) fn result_from(&self, start: usize) -> Bytes {
        let Reply { head, blocks } = &self.reply;
        let mut reply = Bytes::from(bulk::joined(head, blocks));
        reply.split_off(start.min(reply.len()))
    }

    #[inline]
    pub(crate) fn into_reply(self) -> Reply {
        self.reply
    }

    /// The next argument, in the order of the signature.
    #[inline]
    pub fn argument<T: Wire>(&mut self) -> Result<T, Failure> {
        match self.take()? {
            Some(value) => Ok(value),
            None => {
                let missing = self.method.arguments.get(self.next - 1);
                let problem = match missing {
                    Some(argument) => format!("the argument `{argument}` is missing"),
                    None => "an argument is missing".into(),
                };
                Err(self.bad_call(problem))
            }
        }
    }

    /// The next argument, or its default if the caller left it out.
    pub fn argument_or<T: Wire>(&mut self, default: impl FnOnce() -> T) -> Result<T, Failure> {
        Ok(self.take()?.unwrap_or_else(default))
    }

    /// The next argument, if the caller gave it.
    pub(crate) fn argument_if_given<T: Wire>(&mut self) -> Result<Option<T>, Failure> {
        self.take()
    }

    /// Refuses the call unless argument number `index` was `accepted`.
    pub fn check(
        &self,
        index: usize,
        accepted: bool,
        given: &dyn fmt::Debug,
    ) -> Result<(), Failure> {
        check(self.method, self.wire_name, index, accepted, given).map_err(Failure::Refused)
    }

    /// Refuses arguments that the method does not have, before any is looked at.
    #[inline(always)]
    pub(crate) fn check_shape(&self) -> Result<(), Failure> {
        match &self.arguments {
            Arguments::Typed(_) => Ok(()),
            Arguments::ByName(by_name) => self.check_names(&by_name.args),
        }
    }

    fn check_names(&self, args: &PackedArgs<'_>) -> Result<(), Failure> {
        let has = |name: &&str| self.method.arguments.iter().any(|a| a.name == **name);
        let (takes, given) = (self.method.arguments.len(), args.positional.len());
        match args.named.keys().find(|name| !has(name)) {
            _ if given > takes => {
                Err(self.bad_call(format!("too many arguments: {given} given, {takes} taken")))
            }
            Some(name) => {
                let hint = match (takes, given, args.named.keys().any(has)) {
                    (1, 0, false) => {
                        "; to pass one struct or map as the argument, put it into a tuple: `(value,)`"
                    }
                    _ => "",
                };
                Err(self.bad_call(format!("it has no argument `{name}`{hint}")))
            }
            None => Ok(()),
        }
    }

    /// Refuses the call if there are arguments that nothing has taken. The last step before the driver is entered.
    #[inline]
    pub fn finish_arguments(&mut self) -> Result<(), Failure> {
        let problem = match &self.arguments {
            Arguments::Typed(reader) => match reader.finish() {
                Ok(()) => return Ok(()),
                Err(error) => format!("the arguments do not fit: {}", error.of_typed()),
            },
            Arguments::ByName(by_name) => match by_name.args.named.keys().next() {
                Some(name) => format!("the argument `{name}` was given twice"),
                None => return Ok(()),
            },
        };
        Err(self.bad_call(problem))
    }

    /// The refusal of a call whose number the driver does not know.
    pub fn unknown_method(&self) -> Failure {
        Failure::Refused(Refusal::UnknownMethod {
            method: self.wire_name.to_string(),
            similar: vec![],
            hint: String::new(),
        })
    }

    pub(super) fn wire_name(&self) -> &'a str {
        self.wire_name
    }

    /// The call's own context.
    pub fn context(&self) -> &'a CallContext {
        self.context
    }

    /// Runs the future of an `async fn` to its end.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let mut output = None;
        self.context
            .block_on(pin!(async { output = Some(future.await) }));
        output.ok_or_else(|| {
            Fault::own(
                FaultKind::Unsendable,
                "the server dropped the method's future",
            )
            .into()
        })
    }

    /// Writes the result, in the form in which the arguments came.
    pub fn succeed<T: Wire>(&mut self, result: T) -> Result<(), Failure> {
        self.write(result, bulk::encode_owned)
    }

    /// Writes the result like [`succeed`](Self::succeed). Its long lists are sent from where they lie.
    pub fn succeed_in_place<T: Wire + LongLists>(&mut self, result: T) -> Result<(), Failure> {
        self.write(result, bulk::encode_lists)
    }

    fn write<T: Wire>(&mut self, result: T, encode: Encode<T>) -> Result<(), Failure> {
        let Reply { head, blocks } = &mut self.reply;
        let written = match self.arguments {
            Arguments::Typed(_) => encode(result, head, blocks, self.limit),
            Arguments::ByName(_) => value::pack(&result)
                .and_then(|packed| bulk::encode_lists(packed, head, blocks, self.limit)),
        };
        written.map_err(|error| {
            let hint = match error {
                CodecError::TooLarge { .. } => "; the limit is `max_reply` of the client's builder",
                _ => "",
            };
            let message =
                format!("the method returned, but its result cannot be sent: {error}{hint}");
            Failure::from(Fault::own(FaultKind::Unsendable, message))
        })
    }

    fn take<T: Wire>(&mut self) -> Result<Option<T>, Failure> {
        let index = self.next;
        self.next += 1;
        match &mut self.arguments {
            Arguments::Typed(reader) => match reader.read() {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.bad_argument(index, UNREADABLE.into(), &error.of_typed())),
            },
            Arguments::ByName(by_name) => {
                let ArgumentsByName { args, budget } = &mut **by_name;
                let positional = args.positional.get(index).copied();
                let name = self.method.arguments.get(index).map(|a| a.name.as_str());
                let Some(given) = positional.or_else(|| args.named.remove(name?)) else {
                    return Ok(None);
                };
                match value::unpack_argument(given, budget) {
                    Ok(value) => Ok(Some(value)),
                    Err(error) => Err(self.bad_argument(index, shown(given), &error)),
                }
            }
        }
    }

    fn bad_argument(&self, index: usize, given: String, error: &CodecError) -> Failure {
        let argument = self.method.arguments.get(index);
        let (name, mut expected) = match argument {
            Some(argument) => (argument.name.clone(), expected(argument)),
            None => (format!("#{index}"), "readable".into()),
        };
        let method = self.wire_name.to_string();
        let has_plain_type = argument.is_none_or(|argument| is_plain_type(&argument.schema));
        if !has_plain_type && matches!(self.arguments, Arguments::ByName(_)) {
            expected.push_str(&format!(", which `help_for(\"{method}\")` describes"));
        }
        if let CodecError::TooMuchMemory { limit } = error {
            let reason = too_much_memory(&format!("its argument `{name}`"), *limit);
            return Failure::Refused(Refusal::Protocol { method, reason });
        }
        // What is wrong with a plain value for a plain type is plain to see; inside of another one it is not.
        let is_plain = has_plain_type && given != UNREADABLE && !given.contains(['{', '[']);
        let given = match error {
            CodecError::Invalid(_) if is_plain => shown_briefly(&given),
            error => format!("{} ({error})", shown_briefly(&given)),
        };
        Failure::Refused(Refusal::BadArgument {
            method,
            argument: name,
            expected,
            given,
        })
    }

    fn bad_call(&self, problem: String) -> Failure {
        // The wire name carries the prefix already; the signature is written without its own.
        let own = self.method.wire_name("");
        let signature = self.method.signature("").replacen(&own, self.wire_name, 1);
        let method = self.wire_name.to_string();
        Failure::Refused(Refusal::BadCall {
            method,
            problem,
            signature,
        })
    }
}
