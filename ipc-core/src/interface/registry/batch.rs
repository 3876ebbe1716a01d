//! The command `batch`: several calls under one hold of the gates.

use std::sync::{Arc, LazyLock};

use super::offers::{Offers, Owner};
use super::uses;
use super::waiting::pause;
use crate::interface::batch::{BATCH, BatchCall, BatchReply};
use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::describe::{Argument, Method};
use crate::interface::gate::Entry;
use crate::interface::invocation::{Invocation, Source};
use crate::interface::job::{Job, Reply};
use crate::interface::schema::Schema;
use crate::wire::block::ReadBlocks;
use crate::wire::ctrl::{CtrlMsg, Form};
use crate::wire::failure::{Failure, Refusal};

/// Maximum number of calls of a batch.
const MAX_CALLS: usize = 1000;

/// What the command takes, for errors about its arguments.
static SIGNATURE: LazyLock<Arc<Method>> = LazyLock::new(|| {
    Arc::new(Method {
        name: BATCH.into(),
        arguments: vec![Argument {
            name: "calls".into(),
            schema: Schema::List(Box::new(Schema::Named("BatchCall".into()))),
            ..Argument::default()
        }],
        result: Schema::List(Box::new(Schema::Named("BatchReply".into()))),
        ..Method::default()
    })
});

impl Offers {
    /// Runs the calls one after the other, up to the first that fails, while the gates of all devices that they use are
    /// reserved. If a call could not be run in any case, none is.
    ///
    /// # Errors
    ///
    /// No call was run: a device hangs or is leased to another client, or the arguments of the command are malformed.
    pub(super) fn batch(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Failure> {
        let limit = job.limit;
        let mut invocation = self.command(&SIGNATURE, job, context)?;
        let calls: Vec<BatchCall> = invocation.argument()?;
        invocation.finish_arguments()?;
        if calls.len() > MAX_CALLS {
            let given = calls.len();
            let reason = format!("a batch has at most {MAX_CALLS} calls, but this one has {given}");
            let method = BATCH.to_string();
            return Err(Refusal::Protocol { method, reason }.into());
        }
        let replies = match calls.iter().position(|call| self.check(call).is_err()) {
            Some(wrong) => self.refuse_all(&calls, wrong),
            None => self.run_all(&calls, context, limit)?,
        };
        invocation.succeed(replies)?;
        Ok(invocation.into_reply())
    }

    /// Begins a command that runs methods.
    pub(super) fn command<'a>(
        &self,
        signature: &'a Arc<Method>,
        job: Job<'a>,
        context: &'a CallContext,
    ) -> Result<Invocation<'a>, Failure> {
        let source = Source {
            form: Form::Command,
            bytes: job.arguments,
            memory: self.decode_memory,
        };
        let (name, reply, limit) = (job.method, job.reply, job.limit);
        let arguments = source.arguments(name, job.blocks)?;
        let invocation = Invocation::new(signature, name, source, arguments, context, reply, limit);
        invocation.check_shape()?;
        Ok(invocation)
    }

    /// Finds out what is wrong with a call before anything is run.
    pub(super) fn check(&self, call: &BatchCall) -> Result<Form, Refusal> {
        let form = match call.form {
            0 => Form::Typed,
            1 => Form::ByName,
            form => {
                return Err(Refusal::Protocol {
                    method: call.method.clone(),
                    reason: format!("there are no calls of the form {form}"),
                });
            }
        };
        let target = self.targets.get(&call.method);
        let target = target.ok_or_else(|| self.unknown(&call.method))?;
        match form == Form::Typed && call.fingerprint != target.fingerprint {
            true => Err(target.mismatch(&call.method)),
            false => Ok(form),
        }
    }

    fn refuse_all(&self, calls: &[BatchCall], wrong: usize) -> Vec<BatchReply> {
        let replies = calls.iter().enumerate().map(|(at, call)| {
            let refusal = match self.check(call) {
                Err(refusal) if at == wrong => refusal,
                _ => cancelled(call),
            };
            failed(&refusal.into(), usize::MAX)
        });
        replies.collect()
    }

    fn run_all(
        &self,
        calls: &[BatchCall],
        context: &CallContext,
        limit: usize,
    ) -> Result<Vec<BatchReply>, Failure> {
        let used = self.used(self.devices_of(calls).iter().map(String::as_str));
        let used = used.map_err(|device| uses::gone(BATCH, &device))?;
        let entry = Entry {
            id: context.id(),
            method: Entry::LOCAL.method,
            party: context.party(),
            reads: calls.iter().all(|call| self.only_reads(call)),
        };
        let _inside = current::Inside::call(&entry);
        let _reserved = uses::reserve(&used, entry, BATCH, context, &mut pause)?;
        let (mut replies, mut room) = (Vec::new(), limit);
        let mut has_failed = false;
        for call in calls {
            let reply = match has_failed || context.is_cancelled() {
                true => failed(&cancelled(call).into(), room),
                false => self.run_one(call, context, room),
            };
            has_failed |= reply.kind != CtrlMsg::Ok.number();
            room = room.saturating_sub(reply.payload.len());
            replies.push(reply);
        }
        Ok(replies)
    }

    pub(super) fn run_one(
        &self,
        call: &BatchCall,
        context: &CallContext,
        limit: usize,
    ) -> BatchReply {
        let form = match self.check(call) {
            Ok(form) => form,
            Err(refusal) => return failed(&refusal.into(), limit),
        };
        let job = Job {
            method: &call.method,
            form,
            fingerprint: call.fingerprint,
            arguments: &call.arguments,
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit,
        };
        match self.run(job, context) {
            Ok(reply) => BatchReply {
                kind: CtrlMsg::Ok.number(),
                payload: reply.into_bytes().into(),
            },
            Err(failure) => failed(&failure, limit),
        }
    }

    /// Returns the names of the devices that the calls use, some of them more than once.
    fn devices_of(&self, calls: &[BatchCall]) -> Vec<String> {
        let mut names = Vec::new();
        for call in calls {
            match self.targets.get(&call.method).map(|target| &target.owner) {
                Some(Owner::Device { device, .. }) => {
                    names.extend(device.upgrade().map(|device| device.name().to_string()));
                }
                Some(Owner::Function(function)) => {
                    if let Some(function) = function.upgrade() {
                        let used = self.used_by(&function).into_iter();
                        names.extend(used.map(str::to_string));
                    }
                }
                Some(Owner::Urgent { .. }) | None => {}
            }
        }
        names
    }

    fn only_reads(&self, call: &BatchCall) -> bool {
        self.targets
            .get(&call.method)
            .is_some_and(|target| target.reads)
    }
}

fn cancelled(call: &BatchCall) -> Refusal {
    Refusal::Cancelled {
        method: call.method.clone(),
    }
}

pub(super) fn failed(failure: &Failure, limit: usize) -> BatchReply {
    let (message, payload) = failure.encoded(|_| Vec::new(), limit);
    BatchReply {
        kind: message.number(),
        payload,
    }
}
