//! What is kept of the answers that the client has not confirmed.

use std::collections::VecDeque;

use super::MIN_REPLY;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::{Failure, Fault, FaultKind, Refusal};
use crate::wire::frame::ReplyFrame;
use crate::wire::message::failure_frame;

/// A call that has been answered.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) digest: u64,
    pub(super) answer: Answer,
}

/// The calls that have been answered and not confirmed, in rising order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct DoneCalls(VecDeque<(u64, Done)>);

impl DoneCalls {
    /// Adds the call `number`, most often the highest one so far.
    #[inline]
    pub(super) fn insert(&mut self, number: u64, done: Done) {
        if self.0.back().is_none_or(|(last, _)| *last < number) {
            return self.0.push_back((number, done));
        }
        match self.find(number) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = done;
                }
            }
            Err(at) => self.0.insert(at, (number, done)),
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Done> {
        let at = self.find(number).ok()?;
        self.0.get(at).map(|(_, done)| done)
    }

    fn find(&self, number: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(known, _)| *known)
    }

    /// Forgets the calls below `oldest`. Returns how many bytes of answers were kept for them.
    #[inline]
    pub(super) fn forget_below(&mut self, oldest: u64) -> usize {
        let mut freed = 0;
        while let Some((_, done)) = self.0.pop_front_if(|(number, _)| *number < oldest) {
            freed += done.answer.len();
            if let Answer::Kept(ReplyFrame::Whole(frame)) = done.answer {
                frame.recycle();
            }
        }
        freed
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[cfg(any(test, feature = "proof"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Done)> {
        self.0.iter().map(|(number, done)| (*number, done))
    }

    /// Keeps of each answer only what it says about the driver.
    pub(super) fn forget_results(&mut self) {
        for (_, done) in &mut self.0 {
            if let Answer::Kept(frame) = &done.answer {
                done.answer = Answer::without_result(frame);
            }
        }
    }
}

/// What is left of an answer.
#[derive(Clone, Debug, Hash)]
pub(super) enum Answer {
    /// All of it.
    Kept(ReplyFrame),
    /// The driver was entered, and the call has ended.
    Ran,
    /// The driver was not entered.
    Refused,
    /// The call was given up while it ran.
    Unknown,
}

impl Answer {
    /// What an answer says about the driver.
    pub(super) fn without_result(frame: &ReplyFrame) -> Self {
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
    pub(super) fn again(&self, number: u64, method: &str) -> ReplyFrame {
        match self {
            Answer::Kept(frame) => frame.clone(),
            Answer::Ran => fault_frame(
                number,
                FaultKind::ReplyNotKept,
                "the method ran, but its answer was not kept for a second try",
            ),
            Answer::Refused => {
                let method = method.to_string();
                let reason = "it was refused, but the reason was not kept".into();
                refusal_frame(number, Refusal::Protocol { method, reason })
            }
            Answer::Unknown => unknown_frame(number),
        }
    }
}

/// The answer to a call whose driver was not entered.
pub(super) fn refusal_frame(number: u64, refusal: Refusal) -> ReplyFrame {
    failure_frame(number, &Failure::Refused(refusal), MIN_REPLY).into()
}

/// The answer to a call that was given up while it ran.
pub(super) fn unknown_frame(number: u64) -> ReplyFrame {
    fault_frame(
        number,
        FaultKind::Unknown,
        "it was still running when the server stopped waiting for it",
    )
}

fn fault_frame(number: u64, kind: FaultKind, message: &str) -> ReplyFrame {
    let fault = Fault::own(kind, message);
    failure_frame(number, &Failure::Fault(Box::new(fault)), MIN_REPLY).into()
}
