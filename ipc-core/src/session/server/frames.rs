//! What comes from the client.

use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::{End, MAX_UNCONFIRMED, MIN_REPLY, ServerSession, Waiting};
use crate::session::link::LinkError;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::{Failure, Refusal};
use crate::wire::frame::{Frame, OutgoingFrame};
use crate::wire::message::{IncomingCall, call_of, failure_frame, frame_of, value_of};

impl ServerSession {
    pub(super) fn handle_frame(&mut self, frame: Frame, now: Instant) -> Result<(), LinkError> {
        let ctrl = frame.ctrl;
        let read = |error| LinkError::Message { ctrl, error };
        match ctrl {
            CtrlMsg::Call | CtrlMsg::CallByName | CtrlMsg::Describe | CtrlMsg::Command => {
                if let Some(call) = call_of(frame) {
                    self.handle_call(call.map_err(read)?, now)?;
                }
            }
            CtrlMsg::Cancel => self.handle_cancel(value_of(&frame).map_err(read)?),
            CtrlMsg::Ack => self.acknowledge(value_of(&frame).map_err(read)?),
            CtrlMsg::Ping => {
                let token: u64 = value_of(&frame).map_err(read)?;
                if let Some(link) = self.link.as_mut().filter(|link| link.has_room()) {
                    link.send(frame_of(CtrlMsg::Pong, &token));
                }
            }
            CtrlMsg::Pong => {}
            CtrlMsg::Bye => {
                self.link = None;
                self.end = Some(End::Finished);
            }
            _ => {
                return Err(LinkError::Unexpected {
                    ctrl,
                    expected: "a call",
                });
            }
        }
        Ok(())
    }

    pub(super) fn handle_call(
        &mut self,
        call: IncomingCall,
        now: Instant,
    ) -> Result<(), LinkError> {
        let number = call.header.number;
        let digest = digest(&call);
        self.acknowledge(call.header.acknowledged.min(number));
        if number > self.last || has_mutant!(self, NoDedup) {
            if self.done.len() >= MAX_UNCONFIRMED {
                let expected = "a confirmation of earlier answers";
                return Err(LinkError::Unexpected {
                    ctrl: CtrlMsg::Call,
                    expected,
                });
            }
            self.last = self.last.max(number);
            let timeout = Duration::from_millis(call.header.timeout_ms);
            let deadline = if timeout.is_zero() {
                None
            } else {
                now.checked_add(timeout)
            };
            self.waiting_bytes += call.arguments.len();
            self.waiting.push_back(Waiting {
                call,
                digest,
                deadline,
            });
            return Ok(());
        }
        let in_hand = self.in_hand(number);
        let done = self.done.get(&number);
        match in_hand.or(done.map(|done| done.digest)) {
            Some(first) if first != digest && !has_mutant!(self, NoDigest) => {
                return Err(LinkError::FalseRetry(number));
            }
            // It will be answered on this connection when it has run.
            Some(_) if in_hand.is_some() => {}
            Some(_) => {
                let again = done.map(|done| done.answer.again(number, call.header.method));
                again.into_iter().for_each(|frame| self.send(frame));
            }
            None => {
                let reason = format!(
                    "there is no answer to call number {number}: it was confirmed before, or never used; numbers must rise"
                );
                let refusal = Refusal::Protocol {
                    method: call.header.method,
                    reason,
                };
                self.send(failure_frame(number, &Failure::Refused(refusal), MIN_REPLY));
            }
        }
        Ok(())
    }

    /// The digest of a call that waits or runs.
    pub(super) fn in_hand(&self, number: u64) -> Option<u64> {
        let waiting = self
            .waiting
            .iter()
            .map(|w| (w.call.header.number, w.digest));
        let running = self
            .running
            .iter()
            .map(|running| (running.number, running.digest));
        waiting
            .chain(running)
            .find(|(known, _)| *known == number)
            .map(|(_, digest)| digest)
    }

    pub(super) fn handle_cancel(&mut self, number: u64) {
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.number == number) {
            running.cancelled = true;
        } else if let Some(at) = self
            .waiting
            .iter()
            .position(|w| w.call.header.number == number)
            && let Some(Waiting { call, digest, .. }) = self.waiting.remove(at)
        {
            self.waiting_bytes -= call.arguments.len();
            let refusal = Refusal::Cancelled {
                method: call.header.method,
            };
            let frame = failure_frame(number, &Failure::Refused(refusal), MIN_REPLY);
            self.answer(number, digest, frame.into());
        }
    }

    /// The client has all answers below `oldest`; they are of no more use.
    pub(super) fn acknowledge(&mut self, oldest: u64) {
        self.confirmed = self.confirmed.max(oldest);
        while let Some(entry) = self.done.first_entry()
            && *entry.key() < oldest
        {
            if let Answer::Kept(frame) = entry.remove().answer {
                self.kept -= frame.len();
            }
        }
    }

    pub(super) fn send(&mut self, frame: impl Into<OutgoingFrame>) {
        if let Some(link) = &mut self.link {
            link.send(frame);
        }
    }

    pub(super) fn lose(&mut self, error: LinkError) {
        self.link = None;
        self.end = Some(End::Lost(error));
    }
}

/// Tells two calls under one number apart. Not for security: within a session there is one client.
fn digest(call: &IncomingCall) -> u64 {
    let method = call.header.method.as_bytes();
    let arguments = &call.arguments[..];
    // With all lengths in front, so that no two calls write the same.
    let numbers = [
        call.form as u64,
        call.header.fingerprint,
        method.len() as u64,
        arguments.len() as u64,
    ];
    let mut hasher = DefaultHasher::new();
    // Few writes: each has a price of its own, and every call pays it.
    hasher.write(bytemuck::bytes_of(&numbers));
    hasher.write(method);
    hasher.write(arguments.get(..HASHED).unwrap_or(arguments));
    hasher.finish()
}

/// Maximum number of bytes of the arguments that are part of the digest.
const HASHED: usize = 64 * 1024;
