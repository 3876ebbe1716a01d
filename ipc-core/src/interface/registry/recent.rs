//! The command `recent`: a call that only reads, whose caller accepts an old result.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::batch::failed;
use super::behind::Behind;
use super::offers::{Offers, Owner};
use super::served::ServedDevice;
use super::uses;
use super::waiting::pause;
use crate::interface::batch::{BatchCall, BatchReply, RECENT};
use crate::interface::blocked::Blocked;
use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::describe::{Argument, Method};
use crate::interface::gate::{Entry, Place};
use crate::interface::invocation::Invocation;
use crate::interface::job::{Job, Reply};
use crate::interface::readings::Question;
use crate::interface::remote::Remote;
use crate::interface::schema::Schema;
use crate::interface::slot::DriverGuard;
use crate::wire::ctrl::{CtrlMsg, Form};
use crate::wire::failure::{Failure, Refusal};

/// What the command takes, for errors about its arguments.
static SIGNATURE: LazyLock<Arc<Method>> = LazyLock::new(|| {
    let argument = |name: &str, schema| Argument {
        name: name.into(),
        schema,
        ..Argument::default()
    };
    Arc::new(Method {
        name: RECENT.into(),
        arguments: vec![
            argument("call", Schema::Named("BatchCall".into())),
            argument("max_age_ms", Schema::Unsigned(64)),
        ],
        result: Schema::Named("BatchReply".into()),
        ..Method::default()
    })
});

/// A call that only reads a device.
struct Read<'a> {
    device: Arc<ServedDevice>,
    entry: Entry,
    question: Question<&'a [u8]>,
}

impl Offers {
    /// Runs the call, or answers it from the last result if it would have to wait for its device. A call that does not only
    /// read, and one to a function, is run like any other.
    ///
    /// # Errors
    ///
    /// The arguments of the command are malformed.
    pub(super) fn recent(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Failure> {
        let limit = job.limit;
        let mut invocation = self.command(&SIGNATURE, job, context)?;
        let call: BatchCall = invocation.argument()?;
        let max_age: u64 = invocation.argument()?;
        invocation.finish_arguments()?;
        let reply = match self.read_of(&call, context) {
            Ok(Some(read)) => {
                let max_age = Duration::from_millis(max_age);
                self.run_or_recall(&call, &read, max_age, context, limit)
            }
            Ok(None) => self.run_one(&call, context, limit),
            Err(refusal) => failed(&refusal.into(), limit),
        };
        invocation.succeed(reply)?;
        Ok(invocation.into_reply())
    }

    /// Returns the call as one that only reads a device; `None` if it is none.
    fn read_of<'a>(
        &self,
        call: &'a BatchCall,
        context: &CallContext,
    ) -> Result<Option<Read<'a>>, Refusal> {
        let form = self.check(call)?;
        let Some(target) = self.targets.get(&call.method).filter(|target| target.reads) else {
            return Ok(None);
        };
        let Owner::Device { device, method } = &target.owner else {
            return Ok(None);
        };
        let device = device.upgrade().ok_or_else(|| self.unknown(&call.method))?;
        // What it reads is perhaps that of another device, which others change.
        if !device.uses.is_empty() {
            return Ok(None);
        }
        Ok(Some(Read {
            device,
            entry: target.entry(*method, context),
            question: Question {
                method: *method,
                is_by_name: form == Form::ByName,
                arguments: &call.arguments,
            },
        }))
    }

    fn run_or_recall(
        &self,
        call: &BatchCall,
        read: &Read<'_>,
        max_age: Duration,
        context: &CallContext,
        limit: usize,
    ) -> BatchReply {
        let name = &call.method;
        let readings = read.device.gate().readings();
        readings.ask(read.question);
        let _inside = current::Inside::call(&read.entry);
        let (mut known, mut denied) = (None, None);
        let used = self.used([read.device.name()]);
        let used = used.map_err(|device| uses::gone(name, &device));
        let mut recall_or_pause = |place: &Place<'_>, behind: Behind<'_>, context: &CallContext| {
            let host = context.host();
            if let Err(refusal) = host.first_use(context.call(), read.device.name(), name) {
                denied = Some(host.for_client(refusal));
            } else if place.stuck().is_none()
                && let Some(now) = host.now()
            {
                let oldest = now.checked_sub(max_age);
                known = readings.answer(read.question, read.entry.party, oldest);
            }
            match (&known, &denied) {
                (None, None) => pause(place, behind, context),
                _ => Err(Blocked::GivenUp),
            }
        };
        let reserved = used
            .as_deref()
            .map_err(Refusal::clone)
            .and_then(|used| uses::reserve(used, read.entry, name, context, &mut recall_or_pause));
        match (known, denied, reserved) {
            (Some(answer), ..) => BatchReply {
                kind: CtrlMsg::Ok.number(),
                payload: answer.into(),
            },
            (None, None, Ok(_reserved)) => self.run_one(call, context, limit),
            (None, Some(refusal), _) | (None, None, Err(refusal)) => failed(&refusal.into(), limit),
        }
    }
}

/// Runs a method of a device of which somebody has asked for an old result.
#[cold]
pub(super) fn dispatch(
    driver: &mut DriverGuard<'_, dyn Remote + Send>,
    entry: &Entry,
    invocation: &mut Invocation<'_>,
) -> Result<(), Failure> {
    if !entry.reads {
        driver.gate().readings().begin_change(entry.party);
        return driver.dispatch(entry.method, invocation);
    }
    driver.gate().readings().begin_reading();
    let changes = driver.gate().readings().changes();
    let start = invocation.reply_len();
    let began = invocation.context().host().now();
    driver.dispatch(entry.method, invocation)?;
    let (readings, question) = (driver.gate().readings(), invocation.question(entry.method));
    if let Some(began) = began
        && readings.wants(question, invocation.result_len(start))
    {
        readings.note(question, invocation.result_from(start), began, changes);
    }
    Ok(())
}
