//! Calls from their arrival to their answer.

use std::time::Instant;

use super::ServerSession;
use super::answer::{Answer, Done, refusal_frame};
use crate::wire::ctrl::{CtrlMsg, Info, Notice, WaitingStatus};
use crate::wire::failure::Refusal;
use crate::wire::frame::ReplyFrame;
use crate::wire::message::{IncomingCall, frame_of};
use crate::wire::sanitize::fit_for_progress;

#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) call: IncomingCall,
    pub(super) digest: u64,
    pub(super) deadline: Option<Instant>,
}

impl Waiting {
    /// The number of bytes that the call holds.
    pub(super) fn len(&self) -> usize {
        self.call.len()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) number: u64,
    pub(super) digest: u64,
    pub(super) cancelled: bool,
    /// True if it hangs, and its device is refused to other calls.
    pub(super) is_stuck: bool,
}

impl ServerSession {
    /// Returns the next call to run, with the time until which its caller waits.
    ///
    /// While calls run, there is a next one only if the client has cancelled all of them. A deadline that has passed is
    /// not enough: the clock of a client that was suspended stands still, and its caller waits on. Calls that have waited
    /// beyond their deadline are refused here.
    #[inline]
    pub fn next_call(&mut self, now: Instant) -> Option<(IncomingCall, Option<Instant>)> {
        while self.has_waiting() && self.may_begin() {
            let Waiting {
                call,
                digest,
                deadline,
            } = self.next_waiting()?;
            let number = call.number;
            self.running.push(Running {
                number,
                digest,
                cancelled: false,
                is_stuck: false,
            });
            if deadline.is_none_or(|deadline| now < deadline) {
                return Some((call, deadline));
            }
            let method = call.method().to_string();
            self.refuse(number, Refusal::Cancelled { method });
        }
        None
    }

    /// Returns whether a call that waits may begin.
    #[inline]
    pub fn may_begin(&self) -> bool {
        self.running.is_empty() || self.may_overtake()
    }

    /// Returns whether a call may begin while others run.
    fn may_overtake(&self) -> bool {
        let are_given_up = self.running.iter().all(|call| call.cancelled);
        let counting = self.running.iter().filter(|call| !call.is_stuck).count();
        (are_given_up || has_mutant!(self, OvertakesAnyCall)) && counting < MAX_RUNNING
    }

    /// Notes that a call hangs, and that its device is refused to other calls: it no longer counts among the calls that may
    /// run at the same time, of which there are then no more than devices.
    pub fn note_stuck(&mut self, number: u64) {
        let mut running = self.running.iter_mut();
        if let Some(running) = running.find(|running| running.number == number) {
            running.is_stuck = true;
        }
    }

    #[inline]
    pub(super) fn next_waiting(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.waiting_bytes -= waiting.len();
        Some(waiting)
    }

    /// Returns the method of the next call, if it may begin now.
    pub fn next_method(&self) -> Option<&str> {
        let next = self.waiting.front().filter(|_| self.may_begin())?;
        Some(next.call.method())
    }

    /// Returns whether calls wait for their turn.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Returns whether calls run.
    pub fn has_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Answers a call that runs. Does nothing if the call has been answered already.
    ///
    /// What a driver has returned is not sent if the client no longer wants it, and only that it ran is kept. A refusal is
    /// sent: its caller may want to know that the driver was not entered.
    #[inline]
    pub fn reply(&mut self, number: u64, frame: impl Into<ReplyFrame>) {
        let is_it = |running: &Running| running.number == number;
        let Some(at) = self.running.iter().rposition(is_it) else {
            return;
        };
        let Running {
            digest, cancelled, ..
        } = self.running.remove(at);
        let frame = frame.into();
        if number < self.confirmed && !has_mutant!(self, KeepsConfirmed) {
            return;
        }
        if cancelled && frame.ctrl() != Some(CtrlMsg::Error) {
            let answer = Answer::without_result(&frame);
            self.done.insert(number, Done { digest, answer });
            return;
        }
        self.answer(number, digest, frame);
    }

    /// Sends an answer, and remembers it or at least what it says about the driver.
    #[inline]
    pub(super) fn answer(&mut self, number: u64, digest: u64, frame: ReplyFrame) {
        self.send(&frame);
        if number < self.confirmed {
            return;
        }
        let answer = if self.kept.saturating_add(frame.len()) <= self.limits.kept_replies {
            self.kept += frame.len();
            Answer::Kept(frame)
        } else {
            Answer::without_result(&frame)
        };
        self.done.insert(number, Done { digest, answer });
    }

    /// Ends a running call without having run it.
    pub fn refuse(&mut self, number: u64, refusal: Refusal) {
        let refusal = refusal.for_client(&self.features);
        self.reply(number, refusal_frame(number, refusal));
    }

    /// A refusal in a form that the client understands.
    pub fn for_client(&self, refusal: Refusal) -> Refusal {
        refusal.for_client(&self.features)
    }

    /// Returns whether nobody waits for a call that was begun: its client has cancelled or confirmed it, or it has been
    /// answered.
    pub fn is_cancelled(&self, number: u64) -> bool {
        let is_awaited = |running: &Running| running.number == number && !running.cancelled;
        number < self.confirmed || !self.running.iter().any(is_awaited)
    }

    /// Returns the calls that the client has given up although they had been answered: nobody has read their answers,
    /// whatever later calls confirm.
    pub fn take_given_up(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.given_up)
    }

    /// Tells the client how far a running call is, if the client waits for it and can be told now.
    pub fn progress(&mut self, call: u64, fraction: f64, message: &str) {
        if self.is_cancelled(call) {
            return;
        }
        if let Some(link) = self.link.as_mut().filter(|link| link.has_room()) {
            let message = fit_for_progress(message);
            let info = Info::Progress {
                call,
                fraction,
                message,
            };
            link.send(frame_of(CtrlMsg::Info, &info));
        }
    }

    /// Tells the client what a call that has begun waits for, if the client waits for it and can be told now.
    pub fn tell_waiting(&mut self, status: WaitingStatus) {
        if self.is_cancelled(status.call) {
            return;
        }
        if let Some(link) = self.link.as_mut().filter(|link| link.has_room()) {
            link.send(frame_of(
                CtrlMsg::Info,
                &Info::Waiting(status.fit_to_show()),
            ));
        }
    }

    /// Tells the client something about a lease, if it can be told now.
    pub fn tell_notice(&mut self, notice: Notice) {
        if let Some(link) = self.link.as_mut().filter(|link| link.has_room()) {
            link.send(frame_of(CtrlMsg::Info, &Info::Notice(notice.fit_to_show())));
        }
    }

    /// Returns how many bytes of answers are kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Keeps of each answer only whether the driver had been entered.
    pub fn forget_results(&mut self) {
        self.done.forget_results();
        self.kept = 0;
    }
}

/// Maximum number of calls that run at the same time, apart from those that are stuck; all but one of them were cancelled.
///
/// Each of them costs the server a thread. A call that was cancelled and does not end soon is inside a device of its own,
/// because one that only waits for a device is refused. So there are no more of them than devices and functions, and it
/// takes this many that hang within the first seconds, before the first of them is stuck, to hold up a client. The limit
/// is for servers with more devices than that: the address space of a 32-bit system has room for the stacks of this many
/// threads. Calls that are stuck need no limit: each has a device of its own, which is refused to others.
const MAX_RUNNING: usize = 64;

#[cfg(test)]
impl ServerSession {
    /// Returns whether nothing has grown beyond its limit, if `input` bytes have come since there was room.
    pub(crate) fn is_within_limits(&self, input: usize) -> bool {
        let limits = &self.limits;
        let kept: usize = self.done.iter().map(|(_, done)| done.answer.len()).sum();
        let waiting_bytes: usize = self.waiting.iter().map(Waiting::len).sum();
        kept == self.kept
            && kept <= limits.kept_replies
            && waiting_bytes == self.waiting_bytes
            && waiting_bytes <= limits.waiting_bytes + limits.max_frame + input
            && self.waiting.len() <= limits.waiting_calls + input / 40
            && self.running.len() <= MAX_RUNNING
            && self.done.len() <= super::frames::MAX_UNCONFIRMED
            && self.done.iter().all(|(number, _)| number >= self.confirmed)
            && self.done.iter().is_sorted_by_key(|(number, _)| number)
            && self.running.is_sorted_by_key(|running| running.number)
    }
}
