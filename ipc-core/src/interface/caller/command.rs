//! Calls of the server itself, and calls that travel inside of one of these.

use std::time::Duration;

use serde::Serialize;

use super::outgoing::{Callee, OutgoingCall, head};
use crate::error::{CallError, NotSent};
use crate::interface::args::Args;
use crate::interface::batch::{BATCH, BatchCall, RECENT};
use crate::interface::commands;
use crate::interface::describe::MethodKind;
use crate::interface::value;
use crate::wire::codec::{self, CodecError, MAX_VALUE};
use crate::wire::ctrl::{CtrlMsg, Form};

/// The arguments of [`BATCH`], as [`Args`] would be written.
#[derive(Serialize)]
struct BatchArgs<'a> {
    positional: [(); 0],
    named: Calls<'a>,
}

#[derive(Serialize)]
struct Calls<'a> {
    calls: &'a [BatchCall],
}

impl OutgoingCall {
    /// A command of the server by its name, such as `device.list`, its arguments and result in self-describing form. If
    /// `args` is an error, so is the call.
    pub fn command(name: &str, args: Result<Args, CodecError>) -> Self {
        Self::of_command(name, |frame| {
            codec::encode(&value::pack(&args?)?, frame, MAX_VALUE)
        })
    }

    /// The command that runs `calls` one after the other, without calls of others in between. Returns a list of
    /// [`BatchReply`](crate::interface::batch::BatchReply).
    pub fn batch(calls: &[BatchCall]) -> Self {
        let (positional, named) = ([], Calls { calls });
        let args = BatchArgs { positional, named };
        Self::of_command(BATCH, |frame| {
            codec::encode(&value::pack(&args)?, frame, MAX_VALUE)
        })
    }

    /// Has the call be answered by a result of up to `max_age` ago if it would have to wait for its device, and is known to only
    /// read. By name, only getters are. Its arguments must be complete.
    #[cold]
    pub fn accept_age(&mut self, max_age: Duration) -> Result<(), CallError> {
        let only_reads = match self.description() {
            Some(method) => method.only_reads(),
            None => {
                let getter = MethodKind::Get.accessor();
                self.form() == Form::ByName && self.method().starts_with(getter)
            }
        };
        if !only_reads {
            return Ok(());
        }
        let call = self.take_batched()?;
        let max_age_ms = u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX);
        let args = Args::new().named("call", &call);
        let args = args.and_then(|args| args.named("max_age_ms", max_age_ms));
        let command = Self::command(RECENT, args);
        self.go_inside(command);
        Ok(())
    }

    fn of_command(name: &str, write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>) -> Self {
        let head = head(CtrlMsg::Command, name, 0);
        let mut call = Self::begin(head, Form::Command, Callee::Name(name.into()), false);
        call.is_for_observers = commands::name::OF_NO_SESSION.contains(&name);
        call.append(write);
        call
    }

    /// Takes the call as a part of a [`batch`](Self::batch), or why it cannot be one. What is left reads its result.
    pub fn take_batched(&mut self) -> Result<BatchCall, CallError> {
        let form = match self.form() {
            Form::Typed => 0,
            Form::ByName => 1,
            Form::Describe | Form::Command => {
                return Err(CallError::NotSent {
                    method: self.method().to_string(),
                    reason: NotSent::Batch("a batch has calls of methods only".into()),
                });
            }
        };
        let call = self.take_local()?;
        Ok(BatchCall {
            form,
            fingerprint: call.fingerprint,
            arguments: call.arguments().to_vec(),
            method: call.method,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::commands::{LeaseRequest, name};

    fn frame(mut call: OutgoingCall) -> Vec<u8> {
        call.take_frame().unwrap().into_vec()
    }

    #[test]
    fn a_command_is_written_like_a_call_by_name() {
        let args = || Args::new().named("claim", 7_u128);
        let command = OutgoingCall::command(name::STATUS, args());
        let by_name = OutgoingCall::by_name(name::STATUS, &args().unwrap());
        assert_eq!(command.method(), "lease.status");
        let (command, by_name) = (frame(command), frame(by_name));
        assert_eq!(command[4..6], 15_u16.to_le_bytes());
        assert_eq!(command[6..], by_name[6..]);
    }

    #[test]
    fn observers_give_commands_that_are_not_about_their_session() {
        let is_for_observers =
            |name| OutgoingCall::command(name, Ok(Args::new())).is_for_observers();
        for name in [name::CLIENTS, name::KICK_CLIENT, name::DEVICES] {
            assert!(is_for_observers(name), "{name}");
        }
        assert!(is_for_observers(name::LEASES) && is_for_observers(name::KICK_LEASE));
        for name in [name::CLAIM, name::STATUS, name::RELEASE, name::RENEW] {
            assert!(!is_for_observers(name), "{name}");
        }
        assert!(!is_for_observers(name::TRANSFER) && !is_for_observers("new.command"));
        assert!(!OutgoingCall::batch(&[]).is_for_observers());
        // A method of that name is called by its name.
        assert!(!OutgoingCall::by_name(name::CLIENTS, &Args::new()).is_for_observers());
    }

    #[test]
    fn arguments_that_cannot_be_written_end_the_command() {
        let args = Args::from_serialize(&std::collections::BTreeMap::from([(1, 2)]));
        let error = OutgoingCall::command("x.y", args).take_frame().unwrap_err();
        assert!(error.is_not_executed(), "{error}");
    }

    #[test]
    fn the_arguments_of_a_batch_are_those_of_a_call_by_name() {
        let calls = vec![BatchCall {
            form: 1,
            fingerprint: 0,
            method: "read".into(),
            arguments: vec![1, 2, 3],
        }];
        let args = Args::new().named("calls", &calls);
        let written = frame(OutgoingCall::command(BATCH, args));
        assert_eq!(frame(OutgoingCall::batch(&calls)), written);
    }

    #[test]
    fn a_call_becomes_a_part_of_a_batch_unless_it_is_none_of_a_method() {
        let mut by_name = OutgoingCall::by_name("read", &Args::new());
        let whole = frame(OutgoingCall::by_name("read", &Args::new()));
        let part = by_name.take_batched().unwrap();
        assert_eq!((part.form, &*part.method), (1, "read"));
        assert!(whole.ends_with(&part.arguments) && !part.arguments.is_empty());
        let error = OutgoingCall::describe().take_batched().unwrap_err();
        assert!(
            error.to_string().contains("calls of methods only"),
            "{error}"
        );
    }

    #[test]
    fn a_claim_keeps_its_number() {
        let request = LeaseRequest {
            claim: u128::MAX - 5,
            devices: vec!["laser".into()],
            ..LeaseRequest::default()
        };
        let args = Args::new().named("request", &request).unwrap();
        let read: LeaseRequest = args.named["request"].clone().into_typed().unwrap();
        assert_eq!(read, request);
    }
}
