//! How a call can end other than well, ordered by the one question that matters: did the driver run?
//!
//! All errors of this project keep to one rule about causes: an error prints its cause, or it returns it from `source()`,
//! and never does both, so that a chain of errors says nothing twice. Scripts print errors with `{}`, so the text is
//! complete by itself: it says what is wrong and what to do. A cause that is an error of this project is part of the text.
//! `source()` is for what lies behind a text that has its own words for it: an answer of the operating system, as an
//! `io::Error`. The errors behind that of a driver are part of the text of [`CallError::Fault`]; [`Fault::to_error`] has
//! them as a chain.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::interface::value;
use crate::wire::codec::{CodecError, MAX_VALUE};
use crate::wire::failure::{Fault, Refusal};

/// Why a call has no result.
///
/// | variant | did the driver run? | what a script should do |
/// |---|---|---|
/// | [`Refused`](Self::Refused), [`NotSent`](Self::NotSent) | no | mend the call or the connection, then call again |
/// | [`Fault`](Self::Fault), [`BadReply`](Self::BadReply) | yes, and it is over | look at the instrument's error |
/// | [`TimedOut`](Self::TimedOut), [`Cancelled`](Self::Cancelled) | perhaps, and it may still be running | read the state back before going on |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | perhaps | read the state back before going on |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
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
    #[error("`{method}` failed at the instrument: {fault}")]
    Fault {
        /// The method on the wire.
        method: String,
        /// What the driver said.
        fault: Box<Fault>,
    },
    /// No answer within the timeout. The call may still be running, and may have its effect later; its late answer will
    /// not be mistaken for another one.
    #[error(
        "`{method}` did not answer within {after:?}; it may still be running at the instrument"
    )]
    TimedOut {
        /// The method on the wire.
        method: String,
        /// How long was waited.
        after: Duration,
    },
    /// The caller gave the call up after it had been sent. The driver was asked to stop, and may take its time.
    #[error(
        "`{method}` was cancelled after it had been sent; it may still be running at the instrument"
    )]
    Cancelled {
        /// The method on the wire.
        method: String,
    },
    /// The call was sent, and nobody can say whether it was executed: the server that got it is gone or has forgotten the
    /// session, or it has left the call behind while the driver still runs.
    #[error(
        "it is unknown whether `{method}` was executed: {reason}; check the state of the instrument before repeating it"
    )]
    OutcomeUnknown {
        /// The method on the wire.
        method: String,
        /// Why nobody knows.
        reason: String,
    },
    /// The driver ran and returned, but the answer cannot be read here as the expected type.
    #[error("`{method}` was executed, but its answer cannot be read: {error}")]
    BadReply {
        /// The method on the wire.
        method: String,
        /// What is wrong with the answer.
        error: CodecError,
    },
}

impl CallError {
    /// True if the driver was certainly not entered, so that repeating the call cannot double its effect.
    pub fn is_not_executed(&self) -> bool {
        matches!(self, CallError::Refused(_) | CallError::NotSent { .. })
    }

    /// What the driver said, if it ran and failed.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            CallError::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// The driver's own error value, if it was of type `E`, could be serialised, and can be read as the `E` of this end:
    /// if the two ends were built from different versions of it, a variant or field that only the driver has is `None`.
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        self.fault()?.downcast()
    }
}

impl Fault {
    /// The driver's own error value; see [`CallError::downcast`].
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        let value = self.value.as_ref()?;
        let wanted = unboxed(std::any::type_name::<E>());
        (unboxed(&value.type_path) == wanted).then(|| value::unpack(&value.bytes).ok())?
    }
}

/// The path of the type inside of all boxes, which are not written.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// No connection could be made within the time that the retry policy allows.
    #[error("{0}")]
    Unreachable(String),
    /// Somebody else held the server for all the time this call could wait.
    #[error("the server was busy for {waited:?}: {queue}")]
    Busy {
        /// How long was waited.
        waited: Duration,
        /// The place in the queue and who holds the server.
        queue: String,
    },
    /// There was no connection before the timeout of the call was over.
    #[error("there was no connection within {0:?}")]
    TimedOut(Duration),
    /// There was no connection before the timeout of the call was over, and the last try to make one had failed.
    #[error("gave up after {waited:?}: {last_error}")]
    NoConnection {
        /// How long was waited.
        waited: Duration,
        /// How the last try ended.
        last_error: String,
    },
    /// The caller gave the call up before it was sent.
    #[error("it was cancelled")]
    Cancelled,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// An argument cannot be serialised, or the arguments are too large.
    #[error("its arguments cannot be sent: {0}{hint}", hint = settable(.0))]
    Arguments(CodecError),
}

/// Where a limit comes from that is less than what there is room for.
fn settable(error: &CodecError) -> &'static str {
    match error {
        CodecError::TooLarge { limit } if *limit < MAX_VALUE => {
            "; the limit is `max_call` of the server's builder"
        }
        _ => "",
    }
}
