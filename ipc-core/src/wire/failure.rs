//! How a call ends other than well at the server, as it travels: refused, or failed in the driver.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::codec;

/// How a call ended, other than well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Failure {
    /// The driver was not entered.
    Refused(Refusal),
    /// The driver ran and failed.
    Fault(Box<Fault>),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Fault(Box::new(fault))
    }
}

impl From<Box<Fault>> for Failure {
    fn from(fault: Box<Fault>) -> Self {
        Failure::Fault(fault)
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
        let wanted = unboxed(std::any::type_name::<E>());
        (unboxed(&value.type_path) == wanted).then(|| codec::decode(&value.bytes).ok())?
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
