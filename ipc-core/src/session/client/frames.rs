//! What comes from the server, and what goes to it.

use std::time::Instant;

use super::in_flight::InFlight;
use super::sent::Sent;
use super::{CallOutcome, ClientSession, Clock, Event, LinkState};
use crate::error::NotSent;
use crate::session::link::LinkError;
use crate::wire::codec::CodecError;
use crate::wire::ctrl::{
    Bye, ByeReason, CtrlMsg, Feature, Info, SessionKey, WaitingStatus, Welcome,
};
use crate::wire::failure::Refusal;
use crate::wire::frame::Frame;
use crate::wire::message::{self, Outcome, beginning_of, frame_of, value_of};
use crate::wire::sanitize::fit_to_show;

impl ClientSession {
    /// Handles all frames that have come completely.
    pub(super) fn handle_frames(&mut self, now: &impl Clock) -> Result<(), LinkError> {
        while let Some(link) = self.link_mut()
            && let Some(frame) = link.next_frame()?
        {
            self.handle_frame(frame, now)?;
        }
        Ok(())
    }

    #[inline]
    fn handle_frame(&mut self, frame: Frame, now: &impl Clock) -> Result<(), LinkError> {
        let ctrl = frame.ctrl;
        let read = |error: CodecError| LinkError::Message { ctrl, error };
        if let LinkState::Greeting { give_up, .. } = &mut self.state {
            *give_up = now.now().checked_add(self.config.patience);
        }
        match ctrl {
            CtrlMsg::Info => {
                let info = message::info_of(&frame).map_err(read)?;
                info.into_iter().for_each(|info| self.handle_info(info));
            }
            CtrlMsg::Ping => {
                let token: u64 = value_of(&frame).map_err(read)?;
                // A server that does not read is not answered.
                if let Some(link) = self.link_mut().filter(|link| link.has_room()) {
                    link.send(frame_of(CtrlMsg::Pong, &token));
                }
            }
            CtrlMsg::Bye => {
                let Bye {
                    reason,
                    message,
                    by,
                } = beginning_of(&frame).map_err(read)?;
                let (message, by) = (fit_to_show(&message), fit_to_show(&by));
                return Err(LinkError::Bye(Bye {
                    reason,
                    message,
                    by,
                }));
            }
            CtrlMsg::Welcome if !self.is_ready() => {
                let welcome: Welcome = beginning_of(&frame).map_err(read)?;
                if let Some(problem) = welcome.features.problem() {
                    return Err(read(CodecError::Invalid(problem)));
                }
                self.handle_welcome(&welcome);
            }
            CtrlMsg::Ok | CtrlMsg::Error | CtrlMsg::ErrorForwarded if self.is_ready() => {
                let large = frame.len() >= ACKNOWLEDGE_AT_ONCE;
                let (number, outcome) = message::reply_of(frame).map_err(read)?;
                self.handle_reply(number, outcome, large, now);
            }
            _ => {
                return Err(LinkError::Unexpected {
                    ctrl,
                    expected: "an answer",
                });
            }
        }
        Ok(())
    }

    pub(super) fn handle_info(&mut self, info: Info) {
        match info {
            Info::Queued(status) => {
                self.events
                    .push_back(Event::Queued(status.fit_to_show().into()));
            }
            Info::Waiting(status) => {
                if let Some(call) = self.calls.get(status.call).map(|call| call.given) {
                    let status = WaitingStatus { call, ..status };
                    self.events
                        .push_back(Event::Waiting(status.fit_to_show().into()));
                }
            }
            Info::Notice(notice) => {
                self.events
                    .push_back(Event::Notice(notice.fit_to_show().into()));
            }
            Info::Progress {
                call,
                fraction,
                message,
            } => {
                if let Some(call) = self.calls.get(call).map(|call| call.given) {
                    self.events.push_back(Event::Progress {
                        call,
                        fraction,
                        message,
                    });
                }
            }
        }
    }

    pub(super) fn handle_welcome(&mut self, welcome: &Welcome) {
        let LinkState::Greeting { link, .. } =
            std::mem::replace(&mut self.state, LinkState::Disconnected)
        else {
            return;
        };
        self.state = LinkState::Ready(link);
        // "Resumed" counts only for the very session that carried the calls.
        let resumed = welcome.resumed && self.key.is_some_and(|key| self.is_same(key, welcome.key));
        let others_between = self
            .key
            .is_some_and(|key| key.incarnation != welcome.key.incarnation)
            || self.lease_epoch != 0 && self.lease_epoch != welcome.lease_epoch;
        self.key = Some(welcome.key);
        self.lease_epoch = welcome.lease_epoch;
        self.max_request = usize::try_from(welcome.max_frame).unwrap_or(usize::MAX);
        self.takes_commands = welcome.features.offer(Feature::Commands);
        self.events.push_back(Event::Connected {
            resumed,
            others_between,
        });
        let numbers: Vec<u64> = self.calls.numbers().collect();
        for number in numbers {
            if !resumed && !self.may_go_on(number) {
                let reason = "the server was restarted, or has forgotten this session";
                self.end(number, CallOutcome::Unknown(reason.into()));
            }
        }
        if resumed {
            // These did not arrive over an earlier connection of this session, and cannot any more.
            let calls = self.calls.iter_mut();
            let unseen = calls.filter(|(number, _)| *number > welcome.last_call);
            unseen.for_each(|(_, call)| call.sent = false);
        } else {
            self.abandoned.clear();
        }
        if let LinkState::Ready(link) = &mut self.state {
            for number in &self.abandoned {
                link.send(frame_of(CtrlMsg::Cancel, number));
            }
        }
        self.send_waiting();
    }

    pub(super) fn is_same(&self, ours: SessionKey, theirs: SessionKey) -> bool {
        let same_run = ours.incarnation == theirs.incarnation;
        (same_run || has_mutant!(self, NoIncarnation)) && ours.session == theirs.session
    }

    /// Whether a call can be sent to a session that has not seen it.
    pub(super) fn may_go_on(&mut self, number: u64) -> bool {
        let Some(call) = self.calls.get_mut(number) else {
            return false;
        };
        call.forgotten |= call.sent;
        call.asked_again = false;
        call.idempotent || !call.forgotten || has_mutant!(self, BlindResend)
    }

    /// Sends what has not gone out over this connection, as far as the server is to keep answers for it.
    pub(super) fn send_waiting(&mut self) {
        while self.sent.next <= self.last_number
            && self.sent.under_way < WINDOW
            && let LinkState::Ready(_) = self.state
            && let Some((number, _)) = self.calls.first_from(self.sent.next)
        {
            self.sent.next = number + 1;
            self.send_call(number);
        }
    }

    fn send_call(&mut self, number: u64) {
        let (LinkState::Ready(link), Some(call)) = (&mut self.state, self.calls.get_mut(number))
        else {
            return;
        };
        if call.is_command && !self.takes_commands {
            return self.end_unsupported(number);
        }
        if call.frame.len() <= self.max_request {
            self.sent.send(number, call, link);
            return;
        }
        let reason = NotSent::Arguments(CodecError::TooLarge {
            limit: self.max_request,
        });
        let outcome = match call.may_have_run() {
            false => CallOutcome::NotSent(reason),
            true => CallOutcome::Unknown(reason.to_string()),
        };
        self.end(number, outcome);
    }

    /// Ends a command that the server would take for a breach of the protocol.
    #[cold]
    fn end_unsupported(&mut self, number: u64) {
        let reason = "the server takes no commands; it is of an earlier release".to_string();
        let outcome = match self.calls.get(number).is_some_and(InFlight::may_have_run) {
            // The caller knows the method.
            false => CallOutcome::Refused(Box::new(Refusal::Protocol {
                method: String::new(),
                reason,
            })),
            true => CallOutcome::Unknown(reason),
        };
        self.end(number, outcome);
    }

    /// True if nothing but its place in the order can keep a call from going out.
    pub(super) fn may_send(&self, call: &InFlight) -> bool {
        self.sent.under_way < WINDOW
            && call.frame.len() <= self.max_request
            && (self.takes_commands || !call.is_command)
    }

    #[inline]
    pub(super) fn handle_reply(
        &mut self,
        number: u64,
        outcome: Outcome,
        large: bool,
        now: &impl Clock,
    ) {
        match &outcome {
            Outcome::Refused(refusal) => {
                if self.pass_over(number, refusal) {
                    return self.send_waiting();
                }
            }
            _ => {
                // This call has begun, so the server knows which earlier ones were given up.
                self.abandoned.retain(|abandoned| *abandoned > number);
                self.has_called = true;
            }
        }
        // The answer to a call that was given up is dropped.
        if let Some(call) = self.calls.get(number) {
            let ended = match outcome {
                Outcome::Refused(_) if call.timed_out && !call.forgotten => {
                    Some(CallOutcome::NotBegun)
                }
                _ if call.timed_out => Some(CallOutcome::TimedOut),
                // The server has looked at the time before the client did, which was perhaps suspended.
                Outcome::Refused(refusal)
                    if matches!(*refusal, Refusal::Cancelled { .. })
                        && !call.forgotten
                        && call.deadline.is_some_and(|at| at <= now.now()) =>
                {
                    Some(CallOutcome::NotBegun)
                }
                Outcome::Ok(payload) => Some(CallOutcome::Returned(payload)),
                // A refusal says nothing about an earlier try, in another session or under another number. An earlier try of
                // an idempotent call is of no interest, but an interruption is.
                Outcome::Refused(refusal)
                    if call.forgotten && !(call.idempotent && is_interruption(&refusal)) =>
                {
                    Some(CallOutcome::Unknown(refusal.to_string()))
                }
                Outcome::Refused(refusal) => Some(CallOutcome::Refused(refusal)),
                Outcome::Fault(fault) if fault.kind.is_known() => Some(CallOutcome::Failed(fault)),
                Outcome::Fault(_) if call.idempotent && !call.asked_again => None,
                Outcome::Fault(fault) => Some(CallOutcome::Unknown(fault.to_string())),
            };
            match ended {
                Some(outcome) => self.end(number, outcome),
                None => self.ask_again(number),
            }
        }
        self.confirm(large);
        self.send_waiting();
    }

    /// Tells the server which answers it can forget, unless the next call is soon enough for that.
    pub(super) fn confirm(&mut self, at_once: bool) {
        let oldest = self.oldest_call().unwrap_or(self.last_number + 1);
        if let LinkState::Ready(link) = &mut self.state
            && (at_once || oldest >= self.sent.confirmed.saturating_add(CONFIRMED_TOGETHER))
        {
            link.send(frame_of(CtrlMsg::Ack, &oldest));
            self.sent.confirmed = oldest;
        }
    }

    #[inline]
    pub(super) fn end(&mut self, number: u64, outcome: CallOutcome) {
        if let Some(InFlight { given: call, .. }) = self.take(number) {
            self.events.push_back(Event::Ended { call, outcome });
        }
    }

    pub(super) fn set_deadline(&mut self, number: u64, deadline: Option<Instant>) {
        if let Some(call) = self.calls.get_mut(number) {
            let before = std::mem::replace(&mut call.deadline, deadline);
            before.map(|before| self.deadlines.remove(&(before, number)));
            deadline.map(|deadline| self.deadlines.insert((deadline, number)));
        }
    }

    #[inline]
    pub(super) fn insert(&mut self, number: u64, call: InFlight) {
        if let Some(deadline) = call.deadline {
            self.deadlines.insert((deadline, number));
        }
        self.calls.push(number, call);
    }

    #[inline]
    pub(super) fn take(&mut self, number: u64) -> Option<InFlight> {
        let call = self.calls.remove(number)?;
        if let Some(deadline) = call.deadline {
            self.deadlines.remove(&(deadline, number));
        }
        if call.start.is_some() {
            self.sent.under_way -= 1;
        }
        Some(call)
    }

    pub(super) fn lose(&mut self, error: LinkError) {
        if has_answered_all(&error) {
            for (_, call) in self.calls.iter_mut() {
                // What was sent over this connection and not answered before the goodbye never began. What was sent over an
                // earlier one, too, may have run then: its answer may have been lost with that connection.
                call.start = None;
            }
        }
        self.disconnect();
        self.events.push_back(Event::Lost(error));
    }

    /// Leaves the connection at hand without a goodbye. What is in flight waits for the next one.
    pub fn disconnect(&mut self) {
        self.end_timed_out();
        let state = std::mem::replace(&mut self.state, LinkState::Disconnected);
        match state {
            LinkState::Ready(link) => {
                for (_, call) in self.calls.iter_mut() {
                    call.sent |= call.start.take().is_some_and(|at| link.has_transmitted(at));
                    call.sent &= !has_mutant!(self, ForgetsWhatItSent);
                    self.has_called |= call.sent;
                }
                self.sent = Sent::default();
            }
            LinkState::Closed(link) => self.state = LinkState::Closed(link),
            LinkState::Greeting { .. } | LinkState::Disconnected => {}
        }
    }
}

fn is_interruption(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Interrupted { .. })
}

/// Whether the server has answered every call that it took from the connection, and takes no more.
fn has_answered_all(error: &LinkError) -> bool {
    let LinkError::Bye(bye) = error else {
        return false;
    };
    matches!(
        bye.reason,
        ByeReason::Stopping
            | ByeReason::IdleHandover
            | ByeReason::Disconnected
            | ByeReason::Evicted
    )
}

/// Maximum number of calls under way at once: one that runs, and 1,000 that wait at the server, which reads on while no
/// more than 1,024 wait. More wait here, so that the answers that the server keeps are bounded, too.
const WINDOW: usize = 1001;
/// Number of answers that are confirmed at once if no call confirms them on the way.
const CONFIRMED_TOGETHER: u64 = 250;
/// Answers of at least this many bytes are confirmed without waiting for the next call, so that the server can forget them.
const ACKNOWLEDGE_AT_ONCE: usize = 1024 * 1024;
