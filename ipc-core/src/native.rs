//! From the frames of a session to calls, and back.

use crate::interface::context::CallContext;
use crate::interface::job::{Job, Reply};
use crate::interface::registry::Offers;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::Failure;
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::{IncomingCall, begin_reply, failure_frame};

/// The call in a frame, whose answer may be `limit` bytes long.
#[inline]
pub fn job(call: &IncomingCall, limit: usize) -> Job<'_> {
    Job {
        method: &call.header.method,
        form: call.form,
        fingerprint: call.header.fingerprint,
        arguments: &call.arguments,
        reply: begin_reply(CtrlMsg::Ok, call.header.number),
        limit,
    }
}

/// The frame that answers the call.
#[inline]
pub fn answer(call: &IncomingCall, outcome: Result<Reply, Failure>, limit: usize) -> OutgoingFrame {
    match outcome {
        Ok(Reply { head, tail }) => OutgoingFrame::finished(head, tail),
        Err(failure) => failure_frame(call.header.number, &failure, limit).into(),
    }
}

/// Runs the call in a frame to its end, and returns the frame that answers it.
pub fn run(
    offers: &Offers,
    call: &IncomingCall,
    context: &CallContext,
    limit: usize,
) -> OutgoingFrame {
    answer(call, offers.run(job(call, limit), context), limit)
}
