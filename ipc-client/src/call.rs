//! One call: what its caller asked for, and how its end is told.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::session::client::CallOutcome;
use ipc_core::wire::ctrl::QueueStatus;
use ipc_core::{Args, CallError, NotSent, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::Settings;
use crate::callback::ProgressCallback;
use crate::cancel::CancelToken;
use crate::error::ConnectError;

/// What a handle asks for all calls made through it.
#[derive(Clone, Default)]
pub(crate) struct CallOptions {
    pub(crate) timeout: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) token: Option<CancelToken>,
    pub(crate) progress: Option<ProgressCallback>,
    pub(crate) idempotent: bool,
    pub(crate) decode_memory: usize,
}

/// How a call ended, and what was known then.
pub(crate) struct Ended {
    ending: Ending,
    /// The place in the queue, if the call waited there.
    queue: Option<QueueStatus>,
    /// How the last try to connect had ended, if there was none since.
    last_error: Option<String>,
}

enum Ending {
    Outcome(CallOutcome),
    /// Given up by its caller after it had been sent.
    Cancelled,
}

/// Since when a call runs, and how long it may.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) started: Instant,
    pub(crate) timeout: Option<Duration>,
}

impl CallOptions {
    /// What the first handle of a client asks for.
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            decode_memory: settings.decode_memory,
            ..Self::default()
        }
    }

    /// How long a call that begins now may take; `None` for as long as it needs.
    pub(crate) fn time_left(&self, now: Instant) -> Option<Duration> {
        let until_deadline = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        match (self.timeout, until_deadline) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        }
    }

    /// Why a call with so much time left does not even begin.
    pub(crate) fn refusal(&self, timeout: Option<Duration>) -> Option<NotSent> {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Some(NotSent::TimedOut(Duration::ZERO));
        }
        let is_cancelled = self.token.as_ref().is_some_and(CancelToken::is_cancelled);
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

impl Ended {
    pub(crate) fn not_sent(reason: NotSent) -> Self {
        Self::while_queued(CallOutcome::NotSent(reason), None)
    }

    /// Given up by its caller after it had been sent.
    pub(crate) fn cancelled() -> Self {
        Self {
            ending: Ending::Cancelled,
            queue: None,
            last_error: None,
        }
    }

    /// What the session says, and where the client stood in the queue then.
    pub(crate) fn while_queued(outcome: CallOutcome, queue: Option<QueueStatus>) -> Self {
        Self {
            ending: Ending::Outcome(outcome),
            queue,
            last_error: None,
        }
    }

    /// The client had tried to connect, and this came of it.
    pub(crate) fn after(mut self, last_error: Option<&ConnectError>) -> Self {
        self.last_error = last_error.map(ConnectError::full_text);
        self
    }

    /// What the caller gets.
    pub(crate) fn into_result<T: DeserializeOwned + 'static>(
        self,
        call: &OutgoingCall,
        timing: Timing,
    ) -> Result<T, CallError> {
        let method = || call.method().to_string();
        let outcome = match self.ending {
            Ending::Outcome(outcome) => outcome,
            Ending::Cancelled => return Err(CallError::Cancelled { method: method() }),
        };
        Err(match outcome {
            CallOutcome::Returned(payload) => return call.decode(&payload),
            CallOutcome::Refused(refusal) => call.refused(refusal),
            CallOutcome::Failed(fault) => call.failed(fault),
            CallOutcome::NotSent(reason) => CallError::NotSent {
                method: method(),
                reason: timing.fill_in(reason, self.queue, self.last_error),
            },
            CallOutcome::TimedOut => CallError::TimedOut {
                method: method(),
                after: timing.timeout.unwrap_or_else(|| timing.started.elapsed()),
            },
            CallOutcome::Unknown(reason) => CallError::OutcomeUnknown {
                method: method(),
                reason,
            },
        })
    }
}

impl Timing {
    /// The session does not know how long a caller waited, nor for what.
    fn fill_in(
        self,
        reason: NotSent,
        queue: Option<QueueStatus>,
        last_error: Option<String>,
    ) -> NotSent {
        let NotSent::TimedOut(_) = reason else {
            return reason;
        };
        let waited = self.timeout.unwrap_or_else(|| self.started.elapsed());
        match (queue, last_error) {
            (Some(queue), _) => NotSent::Busy {
                waited: self.started.elapsed(),
                queue: queue.to_string(),
            },
            (None, Some(last_error)) => NotSent::NoConnection { waited, last_error },
            (None, None) => NotSent::TimedOut(waited),
        }
    }
}

/// The arguments of a call by name, from any value.
pub(crate) fn positional_or_named(method: &str, args: &impl Serialize) -> Result<Args, CallError> {
    Args::from_serialize(args).map_err(|error| CallError::NotSent {
        method: method.to_string(),
        reason: NotSent::Arguments(error),
    })
}

/// The error of one who asks about a method that there is not.
pub(crate) fn no_such_method(name: &str, description: &ServerDescription) -> CallError {
    CallError::Refused(Refusal::UnknownMethod {
        method: name.to_string(),
        similar: description.names_like(name),
        hint: String::new(),
    })
}
