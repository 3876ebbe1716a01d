//! Turns the frames of a session into calls, and the outcomes of calls into frames.

use crate::interface::context::CallContext;
use crate::interface::job::{Job, Reply};
use crate::interface::registry::Offers;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::Failure;
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::{IncomingCall, begin_reply, failure_frame};

/// Returns the call in a frame. Its answer may have up to `limit` bytes.
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

/// Returns the frame that answers the call.
#[inline]
pub fn answer(
    call: &IncomingCall,
    outcome: Result<Reply, Box<Failure>>,
    limit: usize,
) -> OutgoingFrame {
    match outcome {
        Ok(Reply { head, blocks }) => OutgoingFrame::finished(head, blocks),
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
