//! How a call fails at the server, as it travels: refused, or failed in the driver.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::codec::{self, CodecError};
use super::ctrl::CtrlMsg;
use super::numbered::numbered;
use super::redact::ByteCount;
use super::sanitize::shortened;

pub use super::refusal::{Fenced, Held, OutOfLimits, Refusal};

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Failure {
    /// The driver was not entered.
    Refused(Refusal),
    /// The driver ran and failed, or nobody knows whether it did ([`FaultKind::Unknown`]).
    Fault(Box<Fault>),
}

impl Failure {
    /// True if the driver was not entered.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Returns which message tells of it, and that message: what `begin` returns, and the failure behind it, `limit` bytes at
    /// most. Texts that do not fit are dropped rather than the message.
    pub(crate) fn encoded(
        &self,
        begin: impl Fn(CtrlMsg) -> Vec<u8>,
        limit: usize,
    ) -> (CtrlMsg, Vec<u8>) {
        let (ctrl, encoded) = match self {
            Self::Refused(refusal) => {
                let begin = || begin(CtrlMsg::Error);
                let encoded = encode_onto(begin(), refusal, limit).or_else(|_| {
                    let reason = shortened(&refusal.to_string(), limit / 16);
                    // It may be what is too long. The client knows it.
                    let method = String::new();
                    encode_onto(begin(), &Refusal::Protocol { method, reason }, limit)
                });
                (CtrlMsg::Error, encoded)
            }
            Self::Fault(fault) => {
                let begin = || begin(CtrlMsg::ErrorForwarded);
                let encoded = encode_onto(begin(), fault, limit).or_else(|_| {
                    let message = shortened(&fault.message, limit / 16);
                    encode_onto(begin(), &Fault::own(fault.kind, message), limit)
                });
                (CtrlMsg::ErrorForwarded, encoded)
            }
        };
        (ctrl, encoded.unwrap_or_else(|_| begin(ctrl)))
    }
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

fn encode_onto<T: Serialize>(
    mut head: Vec<u8>,
    value: &T,
    limit: usize,
) -> Result<Vec<u8>, CodecError> {
    codec::encode(value, &mut head, limit)?;
    Ok(head)
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

numbered! {
    /// What happened at the driver. A kind that this version does not define counts as [`Unknown`](FaultKind::Unknown).
    FaultKind {
        /// It returned an error.
        Error = 0,
        /// It panicked. The device goes on, but its state may be inconsistent.
        Panic = 1,
        /// It returned, but its result could not be sent.
        Unsendable = 2,
        /// It returned, but its result was not kept until the connection was back.
        ReplyNotKept = 3,
        /// It may have run, may still run, or may never have been entered: nobody waits for its end.
        Unknown = 4,
    }
}

impl FaultKind {
    /// False if the driver may not have been entered.
    pub fn is_known(self) -> bool {
        !matches!(self, FaultKind::Unknown | FaultKind::Other(_))
    }
}

/// An error value in its serialised form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::exhaustive_structs)]
pub struct FaultValue {
    /// The full path of its type.
    pub type_path: String,
    /// The value as MessagePack, fields and variants by their names: so an end that was built from another version of
    /// the driver reads the same error, or none.
    pub bytes: Vec<u8>,
}

/// The type of the value, and its length.
impl fmt::Debug for FaultValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultValue")
            .field("type_path", &self.type_path)
            .field("bytes", &ByteCount(self.bytes.len()))
            .finish()
    }
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
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())?;
        self.unsaid_sources()
            .into_iter()
            .try_for_each(|source| write!(f, ": {source}"))
    }
}

/// The error of a driver, or one of its sources; made by [`Fault::to_error`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FaultError {
    text: String,
    source: Option<Box<FaultError>>,
}

crate::readable_debug!(FaultError);
