//! What is kept of the answers that the client has not confirmed.

use super::MIN_REPLY;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::failure_frame;

/// A call that has been answered.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) digest: u64,
    pub(super) answer: Answer,
}

/// What is left of an answer.
#[derive(Clone, Debug, Hash)]
pub(super) enum Answer {
    /// All of it.
    Kept(OutgoingFrame),
    /// The driver was entered, and the call has ended.
    Ran,
    /// The driver was not entered.
    Refused,
    /// The call was given up while it ran.
    Unknown,
}

impl Answer {
    /// What an answer says about the driver.
    pub(super) fn without_result(frame: &OutgoingFrame) -> Self {
        match frame.ctrl() {
            Some(CtrlMsg::Error) => Answer::Refused,
            _ => Answer::Ran,
        }
    }

    /// The number of bytes that are kept.
    pub(super) fn len(&self) -> usize {
        match self {
            Answer::Kept(frame) => frame.len(),
            Answer::Ran | Answer::Refused | Answer::Unknown => 0,
        }
    }

    /// What to answer when the call comes again.
    pub(super) fn again(&self, number: u64, method: String) -> OutgoingFrame {
        match self {
            Answer::Kept(frame) => frame.clone(),
            Answer::Ran => fault_frame(
                number,
                FaultKind::ReplyNotKept,
                "the method ran, but its answer was not kept for a second try",
            ),
            Answer::Refused => {
                let reason = "it was refused, but the reason was not kept".into();
                refusal_frame(number, Refusal::Protocol { method, reason })
            }
            Answer::Unknown => unknown_frame(number),
        }
    }
}

/// The answer to a call whose driver was not entered.
pub(super) fn refusal_frame(number: u64, refusal: Refusal) -> OutgoingFrame {
    failure_frame(number, &Failure::Refused(refusal), MIN_REPLY).into()
}

/// The answer to a call that was given up while it ran.
pub(super) fn unknown_frame(number: u64) -> OutgoingFrame {
    fault_frame(
        number,
        FaultKind::Unknown,
        "it was still running when the server stopped waiting for it",
    )
}

fn fault_frame(number: u64, kind: FaultKind, message: &str) -> OutgoingFrame {
    let fault = Fault::own(kind, message);
    failure_frame(number, &Failure::Fault(Box::new(fault)), MIN_REPLY).into()
}
