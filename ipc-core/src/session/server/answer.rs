//! What is kept of the answers that the client has not confirmed.

use super::MIN_REPLY;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::failure_frame;

/// What is left of an answer.
#[derive(Clone, Debug, Hash)]
pub(super) enum Answer {
    Kept(OutgoingFrame),
    /// It did not fit; the driver had been entered.
    Ran,
    /// It did not fit; the driver had not been entered.
    Refused,
}

impl Answer {
    pub(super) fn without_result(frame: &OutgoingFrame) -> Self {
        match frame.ctrl() {
            Some(CtrlMsg::Error) => Answer::Refused,
            _ => Answer::Ran,
        }
    }

    /// What to answer when the call comes again.
    pub(super) fn again(&self, number: u64, method: String) -> OutgoingFrame {
        let failure = match self {
            Answer::Kept(frame) => return frame.clone(),
            Answer::Ran => {
                let message =
                    "the method ran, but its answer was too large to be kept for a second try";
                Failure::Fault(Box::new(Fault::own(FaultKind::ReplyNotKept, message)))
            }
            Answer::Refused => Failure::Refused(Refusal::Protocol {
                method,
                reason: "it was refused, but the reason was too long to be kept".into(),
            }),
        };
        failure_frame(number, &failure, MIN_REPLY).into()
    }
}
