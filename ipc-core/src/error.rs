//! Errors of calls, ordered by the question that matters most: did the driver run?
//!
//! All errors of this project follow one rule about causes: an error either prints its cause or returns it from
//! `source()`, never both, so that a chain of errors does not repeat itself. Scripts print errors with `{}`, so each
//! text is complete: it says what is wrong and what to do. A cause that is an error of this project is part of the
//! text. A cause that the text describes in its own words, such as an `io::Error` of the operating system, is returned
//! from `source()`. The sources of a driver's error are part of the text of [`CallError::Fault`]; [`Fault::to_error`]
//! returns them as a chain. `Debug` is the text with those of all sources, for programs that `unwrap()` a result or return
//! it from `main`.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::interface::value;
use crate::wire::codec::{CodecError, MAX_VALUE};
use crate::wire::failure::{Fault, Refusal};

/// Why a call returned no result.
///
/// | variant | did the driver run? | what a script should do |
/// |---|---|---|
/// | [`Refused`](Self::Refused), [`NotSent`](Self::NotSent) | no | fix the call or the connection, then call again |
/// | [`Fault`](Self::Fault), [`BadReply`](Self::BadReply) | yes, and it has finished | look at the instrument's error |
/// | [`TimedOut`](Self::TimedOut), [`Cancelled`](Self::Cancelled) | perhaps, and it may still be running | check the state of the instrument before continuing, unless [`is_not_executed`](Self::is_not_executed) is true |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | perhaps | check the state of the instrument before continuing |
#[derive(Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call was refused before the driver was entered. Nothing happened at the instrument.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The call never left this process. Nothing happened at the instrument.
    #[error("`{method}` was not sent: {reason}")]
    NotSent {
        /// The method on the wire.
        method: String,
        /// Why it was not sent.
        reason: NotSent,
    },
    /// The driver ran and failed, or panicked.
    #[error("`{method}` failed{}: {fault}", place(.method))]
    Fault {
        /// The method on the wire.
        method: String,
        /// What the driver said.
        fault: Box<Fault>,
    },
    /// No reply arrived within the timeout. The call may still be running and take effect later, unless `may_have_run`
    /// is false; its late reply is never mistaken for another one.
    #[error("`{method}` {}", timed_out(*.after, *.may_have_run))]
    TimedOut {
        /// The method on the wire.
        method: String,
        /// The timeout.
        after: Duration,
        /// False if the server has said that the call was still waiting for its turn. It does not run any more.
        may_have_run: bool,
    },
    /// The caller cancelled the call after it had been sent. The driver was asked to stop, but may still be running.
    #[error(
        "`{method}` was cancelled after it had been sent; it may still be waiting, be running, or have finished"
    )]
    Cancelled {
        /// The method on the wire.
        method: String,
    },
    /// The call was sent, and nobody can say whether it was executed: the server that got it is gone or has forgotten the
    /// session, or it has left the call behind while the driver still runs.
    #[error(
        "the outcome of `{method}` is unknown: {reason}; check the state of the instrument before repeating it"
    )]
    OutcomeUnknown {
        /// The method on the wire.
        method: String,
        /// Why the outcome is unknown.
        reason: String,
    },
    /// The driver ran and returned, but the caller cannot read the reply as the expected type.
    #[error("`{method}` was executed, but its reply cannot be read: {error}")]
    BadReply {
        /// The method on the wire.
        method: String,
        /// What is wrong with the reply.
        error: CodecError,
    },
}

crate::readable_debug!(CallError);

impl CallError {
    /// Returns true if the driver certainly did not run, so that repeating the call cannot double its effect.
    pub fn is_not_executed(&self) -> bool {
        match self {
            CallError::Refused(_) | CallError::NotSent { .. } => true,
            CallError::TimedOut { may_have_run, .. } => !may_have_run,
            _ => false,
        }
    }

    /// Returns the driver's error, if it ran and failed.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            CallError::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// Returns the driver's own error value, if it is an `E` that could be serialised and can be read here. If the two
    /// ends were built from different versions of `E`, a value with a variant or field that only the driver's version
    /// has gives `None`.
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        self.fault()?.downcast()
    }
}

impl Fault {
    /// Returns the driver's own error value; see [`CallError::downcast`].
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        let value = self.value.as_ref()?;
        let wanted = unboxed(std::any::type_name::<E>());
        (unboxed(&value.type_path) == wanted).then(|| value::unpack(&value.bytes).ok())?
    }
}

/// Returns the path of the type inside all `Box`es and `Arc`s, which are not part of the encoding.
fn unboxed(type_path: &str) -> &str {
    let boxes = ["alloc::boxed::Box<", "alloc::sync::Arc<"];
    let mut inner = type_path;
    while let Some(opened) = boxes
        .iter()
        .find_map(|open| inner.strip_prefix(open)?.strip_suffix('>'))
    {
        inner = opened;
    }
    inner
}

/// Why a call never left this process.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// No connection could be established within the time that the retry policy allows.
    #[error("{0}")]
    Unreachable(String),
    /// Another client held the server for as long as this call could wait.
    #[error("the server was busy for {waited:?}: {queue}")]
    Busy {
        /// How long the call waited.
        waited: Duration,
        /// The place in the queue, and the client that holds the server.
        queue: String,
    },
    /// There was no connection before the call timed out.
    #[error("there was no connection within {0:?}")]
    TimedOut(Duration),
    /// There was no connection before the call timed out, and the last attempt to connect had failed.
    #[error("gave up after {waited:?}: {last_error}")]
    NoConnection {
        /// How long the call waited.
        waited: Duration,
        /// Error of the last attempt.
        last_error: String,
    },
    /// The caller cancelled the call before it was sent.
    #[error("it was cancelled")]
    Cancelled,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// Its batch was not sent. The text says why.
    #[error("{0}")]
    Batch(String),
    /// An argument cannot be serialised, or the arguments are too large.
    #[error("its arguments cannot be sent: {0}{hint}", hint = settable(.0))]
    Arguments(CodecError),
}

crate::readable_debug!(NotSent);

/// What is known of a call that has timed out.
/// Where a method ran that has failed. The names of the server's own commands have a dot.
fn place(method: &str) -> &'static str {
    match method.contains('.') {
        true => "",
        false => " at the instrument",
    }
}

fn timed_out(after: Duration, may_have_run: bool) -> String {
    match may_have_run {
        true => format!(
            "did not answer within {after:?}; it may still be waiting, be running, or have finished"
        ),
        false => format!(
            "did not begin within {after:?}, because earlier calls were not finished; it will not run"
        ),
    }
}

/// Names the setting of a limit that is lower than the codec's own.
fn settable(error: &CodecError) -> &'static str {
    match error {
        CodecError::TooLarge { limit } if *limit < MAX_VALUE => {
            "; the limit is `max_call` of the server's builder"
        }
        _ => "",
    }
}
