//! What a client's session tells.

use std::fmt;

use bytes::Bytes;

use crate::error::NotSent;
use crate::session::link::LinkError;
use crate::wire::block::Payload;
use crate::wire::ctrl::{CtrlMsg, Notice, QueueStatus, WaitingStatus};
use crate::wire::failure::{Fault, Refusal};
use crate::wire::message::{Outcome, outcome_of};

/// What happened at a [`ClientSession`](super::ClientSession).
///
/// What is long and rare is in boxes, because the ends of calls are moved often.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The control session is ours.
    Connected {
        /// True if the server still knew the session.
        resumed: bool,
        /// True if somebody else may have used the devices since the last connection.
        others_between: bool,
    },
    /// Other clients are before this one.
    Queued(Box<QueueStatus>),
    /// A call has not begun, because its device is in use.
    Waiting(Box<WaitingStatus>),
    /// The state of a claim or of a device.
    Notice(Box<Notice>),
    /// A call has come to its end.
    Ended {
        /// The number of the call.
        call: u64,
        /// How it ended.
        outcome: CallOutcome,
    },
    /// A running call tells how far it is.
    Progress {
        /// The number of the call.
        call: u64,
        /// From 0 to 1.
        fraction: f64,
        /// What is going on.
        message: String,
    },
    /// The connection is gone. Calls in flight wait for the next one.
    Lost(LinkError),
}

/// How a call ended.
#[derive(Clone, PartialEq)]
#[allow(clippy::exhaustive_enums)]
pub enum CallOutcome {
    /// It returned these bytes.
    Returned(Payload),
    /// The driver was not entered.
    Refused(Box<Refusal>),
    /// The driver ran and failed.
    Failed(Box<Fault>),
    /// It cannot be sent, or was given up before it was.
    NotSent(NotSent),
    /// Its timeout passed after it had been sent.
    TimedOut,
    /// Its timeout passed while it waited at the server for its turn. The driver was not entered.
    NotBegun,
    /// It had been sent, and nobody knows whether it was executed.
    Unknown(String),
}

impl CallOutcome {
    /// How a call of a batch ended that was answered by a message with the number `kind`, and with `payload` behind the
    /// number of the call.
    pub fn of_batched(kind: u16, payload: Vec<u8>) -> Self {
        let ctrl = match CtrlMsg::from_number(kind) {
            Some(ctrl @ (CtrlMsg::Ok | CtrlMsg::Error | CtrlMsg::ErrorForwarded)) => ctrl,
            _ => return Self::Unknown(format!("its answer has the unknown kind {kind}")),
        };
        match outcome_of(ctrl, Bytes::from(payload).into()) {
            Outcome::Ok(payload) => Self::Returned(payload),
            Outcome::Refused(refusal) => Self::Refused(refusal),
            Outcome::Fault(fault) if fault.kind.is_known() => Self::Failed(fault),
            Outcome::Fault(fault) => Self::Unknown(fault.to_string()),
        }
    }
}

impl fmt::Debug for CallOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned(payload) => f.debug_tuple("Returned").field(payload).finish(),
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Self::Failed(fault) => f.debug_tuple("Failed").field(fault).finish(),
            Self::NotSent(why) => f.debug_tuple("NotSent").field(why).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::NotBegun => f.write_str("NotBegun"),
            Self::Unknown(why) => f.debug_tuple("Unknown").field(why).finish(),
        }
    }
}

/// What is known about a call that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum GivenUp {
    /// There is no such call; it has ended before.
    Ended,
    /// It never left.
    NotSent,
    /// It was sent and may still be running.
    Sent,
}
