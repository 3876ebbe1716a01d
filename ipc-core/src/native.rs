//! Turns the frames of a session into calls, and the outcomes of calls into frames.

use crate::interface::context::CallContext;
use crate::interface::job::{Job, Reply};
use crate::interface::registry::Offers;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::Failure;
use crate::wire::frame::{OutgoingFrame, ReplyFrame, ShortFrame};
use crate::wire::message::{IncomingCall, begin_reply, failure_frame};
use crate::wire::spare;

/// Memory in which answers are written one after the other. All but long ones are copied from it.
#[derive(Debug, Default)]
pub struct Scratch(Vec<u8>);

/// Returns the call in a frame, and takes the long lists of the arguments out of it. Its answer may have up to `limit` bytes.
#[inline]
pub fn job<'a>(call: &'a mut IncomingCall, limit: usize, scratch: &mut Scratch) -> Job<'a> {
    let reply = match scratch.0.capacity() {
        0 => spare::take(),
        _ => std::mem::take(&mut scratch.0),
    };
    let blocks = call.take_blocks();
    Job {
        method: call.method(),
        form: call.form,
        fingerprint: call.fingerprint,
        arguments: call.arguments(),
        blocks,
        reply: begin_reply(reply, CtrlMsg::Ok, call.number),
        limit,
    }
}

/// Returns the frame that answers the call.
#[inline]
pub fn answer(
    call: &IncomingCall,
    outcome: Result<Reply, Box<Failure>>,
    limit: usize,
    scratch: &mut Scratch,
) -> ReplyFrame {
    let Reply { mut head, blocks } = match outcome {
        Ok(reply) => reply,
        Err(failure) => return failure_frame(call.number, &failure, limit).into(),
    };
    if blocks.is_empty()
        && let Some(frame) = ShortFrame::finished(&mut head)
    {
        scratch.0 = head;
        return ReplyFrame::Short(frame);
    }
    let is_long = head.len() > SHORT && head.len() > head.capacity() / 4;
    let head = match is_long {
        true => head,
        false => {
            let exact = head.as_slice().to_vec();
            scratch.0 = head;
            exact
        }
    };
    OutgoingFrame::finished(head, blocks).into()
}

/// Runs the call in a frame to its end, and returns the frame that answers it.
pub fn run(
    offers: &Offers,
    call: &IncomingCall,
    context: &CallContext,
    limit: usize,
) -> ReplyFrame {
    let mut scratch = Scratch::default();
    let mut call = call.clone();
    let outcome = offers.run(job(&mut call, limit, &mut scratch), context);
    answer(&call, outcome, limit, &mut scratch)
}

/// Maximum length of an answer that is copied in any case, in bytes.
const SHORT: usize = 4096;
