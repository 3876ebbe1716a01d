//! How a call ends other than well at the server, as it travels: refused, or failed in the driver.

use serde::{Deserialize, Serialize};

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
    #[error("the server has no method `{method}`{}{hint}", did_you_mean(.similar))]
    UnknownMethod {
        /// The name that was asked for.
        method: String,
        /// Names that look like it, or that are the same method of devices with other prefixes.
        similar: Vec<String>,
        /// What the client adds about the prefix of the proxy that was called; empty on the wire.
        #[serde(skip)]
        hint: String,
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
    /// Its end is not known.
    Unknown,
}

/// An error value in its serialised form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct FaultValue {
    /// The full path of its type.
    pub type_path: String,
    /// The value as MessagePack, fields and variants by their names: so an end that was built from another version of
    /// the driver reads the same error, or none.
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
}

impl Fault {
    /// The driver's error with its sources as a chain, as the driver raised it; for those who report errors with all their
    /// sources. What a text says of its source is not said again by the source.
    pub fn to_error(&self) -> FaultError {
        let chain = self.unsaid_sources().into_iter().rev();
        let source = chain.fold(None, |source, text| {
            let text = text.to_string();
            Some(Box::new(FaultError { text, source }))
        });
        let text = self.text();
        FaultError { text, source }
    }

    fn text(&self) -> String {
        match self.kind {
            FaultKind::Panic => format!("the driver panicked: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// Many error types repeat their source in their own text.
    fn unsaid_sources(&self) -> Vec<&str> {
        let mut said = self.message.as_str();
        let mut unsaid = Vec::new();
        for source in self.sources.iter().filter(|source| !source.is_empty()) {
            if !said.contains(source.as_str()) {
                unsaid.push(source.as_str());
            }
            said = source;
        }
        unsaid
    }
}

/// The text with those of all sources.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())?;
        self.unsaid_sources()
            .into_iter()
            .try_for_each(|source| write!(f, ": {source}"))
    }
}

/// The error of a driver, or one of its sources; made by [`Fault::to_error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FaultError {
    text: String,
    source: Option<Box<FaultError>>,
}
