//! What comes from the client.

use std::time::{Duration, Instant};

use super::answer::refusal_frame;
use super::calls::Waiting;
use super::{End, ServerSession, digest};
use crate::session::link::LinkError;
use crate::wire::ctrl::CtrlMsg;
use crate::wire::failure::Refusal;
use crate::wire::frame::{Frame, ReplyFrame};
use crate::wire::message::{IncomingCall, call_of, frame_of, value_of};

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

    #[inline]
    fn handle_call(&mut self, call: IncomingCall, now: Instant) -> Result<(), LinkError> {
        let number = call.number;
        let digest = digest::of_call(&call);
        self.acknowledge(call.acknowledged.min(number));
        if number > self.last || has_mutant!(self, NoDedup) {
            self.take(call, digest, now)
        } else {
            self.handle_repeated(call, digest)
        }
    }

    /// Takes a call that is new to this session.
    #[inline]
    fn take(&mut self, call: IncomingCall, digest: u64, now: Instant) -> Result<(), LinkError> {
        if self.done.len() + self.waiting.len() + self.running.len() >= MAX_UNCONFIRMED {
            return Err(LinkError::Unexpected {
                ctrl: CtrlMsg::Call,
                expected: "a confirmation of earlier answers",
            });
        }
        self.last = self.last.max(call.number);
        let timeout = Duration::from_millis(call.timeout_ms);
        let deadline = if timeout.is_zero() {
            None
        } else {
            now.checked_add(timeout)
        };
        let waiting = Waiting {
            call,
            digest,
            deadline,
        };
        self.waiting_bytes += waiting.len();
        self.waiting.push_back(waiting);
        Ok(())
    }

    /// Answers a call that has come before, without running it.
    fn handle_repeated(&mut self, call: IncomingCall, digest: u64) -> Result<(), LinkError> {
        let number = call.number;
        let was_expected = self.stop_expecting(number);
        let in_hand = self.in_hand(number);
        let done = self.done.get(number);
        match in_hand.or(done.map(|done| done.digest)) {
            Some(first) if first != digest && !has_mutant!(self, NoDigest) => {
                return Err(LinkError::FalseRetry(number));
            }
            // It will be answered on this connection when it has run.
            Some(_) if in_hand.is_some() => {}
            // It was in hand when this connection began, so its answer has gone out over it.
            Some(_) if was_expected => {}
            Some(_) => {
                let again = done.map(|done| done.answer.again(number, call.method()));
                again.into_iter().for_each(|frame| self.send(&frame));
            }
            None => {
                let reason = format!(
                    "there is no answer to call number {number}: it was confirmed before, or never used; numbers must rise"
                );
                let method = call.method().to_string();
                self.send(&refusal_frame(number, Refusal::Protocol { method, reason }));
            }
        }
        Ok(())
    }

    /// Returns whether the call was to come again over this connection.
    fn stop_expecting(&mut self, number: u64) -> bool {
        let at = self.expected.iter().position(|known| *known == number);
        at.map(|at| self.expected.remove(at)).is_some()
    }

    /// The digest of a call that waits or runs.
    pub(super) fn in_hand(&self, number: u64) -> Option<u64> {
        let waiting = self.waiting.iter().map(|w| (w.call.number, w.digest));
        let running = self
            .running
            .iter()
            .map(|running| (running.number, running.digest));
        waiting
            .chain(running)
            .find(|(known, _)| *known == number)
            .map(|(_, digest)| digest)
    }

    fn handle_cancel(&mut self, number: u64) {
        self.stop_expecting(number);
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.number == number) {
            running.cancelled = true;
            return;
        }
        let mut waiting = self.waiting.iter();
        if let Some(at) = waiting.position(|w| w.call.number == number)
            && let Some(waiting) = self.waiting.remove(at)
        {
            self.waiting_bytes -= waiting.len();
            let method = waiting.call.method().to_string();
            let frame = refusal_frame(number, Refusal::Cancelled { method });
            self.answer(number, waiting.digest, frame);
        } else if self.done.get(number).is_some() {
            self.given_up.push(number);
        }
    }

    /// Forgets the answers below `oldest`: the client has them. Calls that have not come cannot be confirmed.
    #[inline]
    fn acknowledge(&mut self, oldest: u64) {
        let oldest = oldest.min(self.last.saturating_add(1));
        self.confirmed = self.confirmed.max(oldest);
        self.kept -= self.done.forget_below(oldest);
    }

    #[inline]
    pub(super) fn send(&mut self, frame: &ReplyFrame) {
        let Some(link) = &mut self.link else { return };
        match frame {
            ReplyFrame::Short(frame) => link.send_copy(frame.bytes()),
            ReplyFrame::Whole(frame) => link.send(frame.clone()),
        };
    }

    pub(super) fn lose(&mut self, error: LinkError) {
        self.link = None;
        self.end = Some(End::Lost(error));
    }
}

/// Maximum number of calls that are not confirmed. A client confirms with every call, so an honest one never comes near.
pub(super) const MAX_UNCONFIRMED: usize = 10_000;
