//! How a call can end other than well, ordered by the one question that matters: did the driver run?

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::codec::{self, CodecError};

/// Why a call has no result.
///
/// | variant | did the driver run? | what a script should do |
/// |---|---|---|
/// | [`Refused`](Self::Refused), [`NotSent`](Self::NotSent) | no | mend the call or the connection, then call again |
/// | [`Fault`](Self::Fault), [`BadReply`](Self::BadReply) | yes, and it is over | look at the instrument's error |
/// | [`TimedOut`](Self::TimedOut), [`Cancelled`](Self::Cancelled) | perhaps, and it may still be running | read the state back before going on |
/// | [`OutcomeUnknown`](Self::OutcomeUnknown) | perhaps | read the state back before going on |
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The call was refused before the driver was entered. Nothing happened at the instrument.
    #[error("{0}")]
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
    /// The connection was lost after the call had been sent, and the server can no longer say what became of it.
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

    /// The driver's own error value, if it was of type `E` and could be serialised.
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        self.fault()?.downcast()
    }
}

/// Why a call was refused before the driver was entered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The server offers no such method.
    #[error("the server has no method `{method}`{}", did_you_mean(.similar))]
    UnknownMethod {
        /// The name that was asked for.
        method: String,
        /// Names that look like it.
        similar: Vec<String>,
    },
    /// The two ends were built from different versions of the driver, and this method is not the same in both.
    #[error(
        "`{method}` differs between the two ends: this client was built for `{client}`, the server offers `{server}`; \
         rebuild the older end from the same version of the driver"
    )]
    SignatureMismatch {
        /// The method on the wire.
        method: String,
        /// The signature that the client was built for.
        client: String,
        /// The signature that the server offers.
        server: String,
    },
    /// An argument has the wrong type or a value out of range.
    #[error("`{method}`: argument `{argument}` must be {expected}, but is {given}")]
    BadArgument {
        /// The method on the wire.
        method: String,
        /// The name of the argument.
        argument: String,
        /// What would have been accepted.
        expected: String,
        /// What came.
        given: String,
    },
    /// There are too few, too many, or unknown arguments.
    #[error("`{method}`: {problem}; its signature is `{signature}`")]
    BadCall {
        /// The method on the wire.
        method: String,
        /// What does not fit.
        problem: String,
        /// The signature that the server offers.
        signature: String,
    },
    /// The caller cancelled the call before its turn came.
    #[error("`{method}` was cancelled before it began")]
    Cancelled {
        /// The method on the wire.
        method: String,
    },
    /// The server is stopping.
    #[error("`{method}` was refused: the server is stopping")]
    Stopping {
        /// The method on the wire.
        method: String,
    },
    /// The request breaks a limit or a rule of the protocol.
    #[error("`{method}` was refused: {reason}")]
    Protocol {
        /// The method on the wire.
        method: String,
        /// Which limit or rule.
        reason: String,
    },
}

fn did_you_mean(similar: &[String]) -> String {
    match similar {
        [] => "; `describe()` lists what it offers".into(),
        names => format!("; did you mean `{}`?", names.join("`, `")),
    }
}

/// Why a call never left this process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSent {
    /// No connection could be made within the time that the retry policy allows.
    #[error("no connection: {0}")]
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
    /// The caller gave the call up before it was sent.
    #[error("it was cancelled")]
    Cancelled,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// An argument cannot be serialised, or the arguments are too large.
    #[error("its arguments cannot be sent: {0}")]
    Arguments(CodecError),
}

/// What a driver said when it failed. Travels as data, whatever the type of the error was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct Fault {
    /// What happened.
    pub kind: FaultKind,
    /// The type of the driver's error, without its path.
    pub type_name: String,
    /// What the error displays.
    pub message: String,
    /// What its sources display, the nearest first.
    pub sources: Vec<String>,
    /// The error itself, if its type can be serialised.
    pub value: Option<FaultValue>,
}

/// What happened at the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FaultKind {
    /// It returned an error.
    Error,
    /// It panicked. The device goes on, but its state may be inconsistent.
    Panic,
    /// It returned, but its result could not be sent.
    Unsendable,
    /// It returned, but its result was not kept until the connection was back.
    ReplyNotKept,
}

/// An error value in its serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct FaultValue {
    /// The full path of its type.
    pub type_path: String,
    /// The value as the codec writes it.
    pub bytes: Vec<u8>,
}

impl Fault {
    /// A failure that this library found, not the driver.
    pub fn own(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            type_name: String::new(),
            message: message.into(),
            sources: vec![],
            value: None,
        }
    }

    /// The driver's own error value, if it was an `E` and could be serialised.
    pub fn downcast<E: DeserializeOwned>(&self) -> Option<E> {
        let value = self.value.as_ref()?;
        (value.type_path == std::any::type_name::<E>()).then(|| codec::decode(&value.bytes).ok())?
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            FaultKind::Panic => write!(f, "the driver panicked: {}", self.message)?,
            _ => f.write_str(&self.message)?,
        }
        // Many error types repeat their source in their own text.
        let mut said = self.message.as_str();
        for source in self.sources.iter().filter(|source| !source.is_empty()) {
            if !said.contains(source.as_str()) {
                write!(f, ": {source}")?;
            }
            said = source;
        }
        Ok(())
    }
}
