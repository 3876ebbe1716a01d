//! One call: what its caller asks for, and how its end becomes a result.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_core::interface::batch::BatchReply;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::session::client::CallOutcome;
use ipc_core::wire::block::Payload;
use ipc_core::wire::codec::CodecError;
use ipc_core::wire::sanitize::printable;
use ipc_core::{Args, CallError, NotSent, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cancel::CancellationToken;
use crate::reporting::Reporting;
use crate::settings::ClientSettings;

/// The options of all calls made through one handle.
#[derive(Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) token: Option<CancellationToken>,
    pub(crate) reporting: Reporting,
    pub(crate) idempotent: bool,
    /// How old a result may be that the caller reads while its device is in use.
    pub(crate) max_age: Option<Duration>,
    pub(crate) decode_memory: usize,
    /// True if the calls keep to the session of the client, even if an observer can make them.
    pub(crate) keeps_to_session: bool,
}

/// When a call began, and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) started: Instant,
    pub(crate) timeout: Option<Duration>,
}

/// How a call ended.
pub(crate) enum CallEnd {
    Outcome(CallOutcome),
    /// Given up by its caller after it had been sent.
    Cancelled,
}

impl CallOptions {
    /// The options of the first handle of a client.
    pub(crate) fn new(settings: &ClientSettings) -> Self {
        Self {
            decode_memory: settings.decode_memory,
            ..Self::default()
        }
    }

    /// Prepares a call that is to be made with these options.
    #[inline]
    pub(crate) fn apply_to(&self, call: &mut OutgoingCall) -> Result<(), CallError> {
        call.set_decode_memory(self.decode_memory);
        match self.max_age {
            Some(max_age) => call.accept_age(max_age),
            None => Ok(()),
        }
    }

    /// Returns true if an observer is to make the call.
    #[inline]
    pub(crate) fn go_beside(&self, call: &OutgoingCall) -> bool {
        call.is_for_observers() && !self.keeps_to_session
    }

    /// How long a call that begins now may take; `None` means as long as it needs.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let until_deadline = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        match (self.timeout, until_deadline) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        }
    }

    /// Why a call that has this much time left does not even begin.
    pub(crate) fn refusal(&self, timeout: Option<Duration>) -> Option<NotSent> {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Some(NotSent::TimedOut(Duration::ZERO));
        }
        let token = self.token.as_ref();
        let is_cancelled = token.is_some_and(CancellationToken::is_cancelled);
        is_cancelled.then_some(NotSent::Cancelled)
    }
}

impl fmt::Debug for CallOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallOptions")
            .field("timeout", &self.timeout)
            .field("deadline", &self.deadline)
            .field("idempotent", &self.idempotent)
            .finish_non_exhaustive()
    }
}

impl CallEnd {
    pub(crate) fn not_sent(reason: NotSent) -> Self {
        Self::Outcome(CallOutcome::NotSent(reason))
    }

    pub(crate) fn is_not_sent(&self) -> bool {
        matches!(self, Self::Outcome(CallOutcome::NotSent(_)))
    }

    /// The result that the caller gets. Texts of the server, which may be hostile, are made safe for a terminal.
    pub(crate) fn into_result<T: DeserializeOwned + 'static>(
        self,
        call: &OutgoingCall,
        timing: Timing,
    ) -> Result<T, CallError> {
        let method = || call.method().to_string();
        let outcome = match self {
            Self::Outcome(outcome) => outcome,
            Self::Cancelled => return Err(CallError::Cancelled { method: method() }),
        };
        Err(match outcome {
            CallOutcome::Returned(payload) if call.is_inside() => {
                return Self::of_command(payload, call, timing);
            }
            CallOutcome::Returned(payload) => {
                return call.decode(payload).map_err(printable_error);
            }
            CallOutcome::Refused(refusal) => call.refused(refusal.into_printable()),
            CallOutcome::Failed(fault) => call.failed(Box::new(fault.into_printable())),
            CallOutcome::NotSent(reason) => CallError::NotSent {
                method: method(),
                reason: timing.fill_in(reason),
            },
            CallOutcome::TimedOut => timing.timed_out(method(), true),
            CallOutcome::NotBegun => timing.timed_out(method(), false),
            CallOutcome::Unknown(reason) => CallError::OutcomeUnknown {
                method: method(),
                reason: printable(reason),
            },
        })
    }

    /// The result of a call that has travelled inside of a command, which returned `payload`.
    #[cold]
    fn of_command<T: DeserializeOwned + 'static>(
        payload: Payload,
        call: &OutgoingCall,
        timing: Timing,
    ) -> Result<T, CallError> {
        let BatchReply { kind, payload } = call.reply_inside(payload)?;
        match CallOutcome::of_batched(kind, payload) {
            CallOutcome::Returned(payload) => call.decode(payload).map_err(printable_error),
            outcome => Self::Outcome(outcome).into_result(call, timing),
        }
    }
}

impl Timing {
    /// How long a call that has just timed out has waited.
    fn waited(self) -> Duration {
        self.timeout.unwrap_or_else(|| self.started.elapsed())
    }

    fn timed_out(self, method: String, may_have_run: bool) -> CallError {
        CallError::TimedOut {
            method,
            after: self.waited(),
            may_have_run,
        }
    }

    /// Fills in how long the call has waited, which neither the session nor the engine knows.
    fn fill_in(self, reason: NotSent) -> NotSent {
        match reason {
            NotSent::TimedOut(_) => NotSent::TimedOut(self.waited()),
            NotSent::Busy { queue, .. } => NotSent::Busy {
                waited: self.started.elapsed(),
                queue,
            },
            NotSent::NoConnection { last_error, .. } => NotSent::NoConnection {
                waited: self.waited(),
                last_error,
            },
            reason => reason,
        }
    }
}

/// The error for a lane of a client that has no connection.
pub(crate) fn no_lane(reason: impl ToString) -> CallError {
    CallError::NotSent {
        method: "lane".into(),
        reason: NotSent::Unreachable(reason.to_string()),
    }
}

/// Turns any serializable value into the arguments of a call by name.
pub(crate) fn positional_or_named(method: &str, args: &impl Serialize) -> Result<Args, CallError> {
    Args::from_serialize(args).map_err(|error| CallError::NotSent {
        method: method.to_string(),
        reason: NotSent::Arguments(error),
    })
}

/// The error returned when `help_for` is called with an unknown method name.
pub(crate) fn no_such_method(name: &str, description: &ServerDescription) -> CallError {
    let refusal = Refusal::UnknownMethod {
        method: name.to_string(),
        similar: description.names_like(name),
        hint: String::new(),
    };
    CallError::Refused(refusal.into_printable())
}

/// The error of an answer that cannot be read can quote the answer.
fn printable_error(error: CallError) -> CallError {
    match error {
        CallError::BadReply {
            method,
            error: CodecError::Invalid(text),
        } => CallError::BadReply {
            method,
            error: CodecError::Invalid(printable(text)),
        },
        error => error,
    }
}
