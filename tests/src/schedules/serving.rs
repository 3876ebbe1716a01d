//! The client that has the server: its calls, how it leaves, and when the next one comes.
//!
//! Follows the rules of `ipc-server/src/session/`, without its threads: whatever a thread would do at once happens in
//! [`settle`](Serving::settle), and what it would wait for in [`tick`](Serving::tick).

use std::time::{Duration, Instant};

use ipc_core::session::link::{Link, LinkError};
use ipc_core::session::server::End;
use ipc_core::wire::ctrl::{ByeReason, Hello, SessionKey};
use ipc_hub::driver_call::DriverCall;

use super::lab::Lab;
use super::leaving::refuse_waiting;
use super::network::{Arrived, WireId};
use super::pump::{Pump, Session};
use super::{Fault, OVERRUN};

/// A client that has the server.
pub(super) struct Serving {
    pub(super) key: SessionKey,
    pub(super) session: Session,
    lease_epoch: u64,
    pub(super) wire: Option<WireId>,
    pub(super) phase: Phase,
    /// Why it is asked to leave.
    pub(super) request: Option<ByeReason>,
    pub(super) has_last_word: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// It has a connection.
    Serving,
    /// It has lost its connection, and may come back.
    AwaitingReturn { since: Duration },
    /// It leaves once its calls have ended.
    Leaving { reason: ByeReason, since: Instant },
    /// It is gone; its calls are not yet.
    Retiring { may_return: bool },
    /// The next one may come.
    Over { may_return: bool },
}

/// What the server knows that concerns its holder.
#[derive(Clone, Copy)]
pub(super) struct Situation {
    /// When a stopping server stops to wait.
    pub(super) stops_at: Option<Instant>,
    pub(super) others_wait: bool,
}

impl Serving {
    pub(super) fn new(session: Session, lease_epoch: u64) -> Self {
        Self {
            key: session.key,
            session,
            lease_epoch,
            wire: None,
            phase: Phase::Serving,
            request: None,
            has_last_word: false,
        }
    }

    pub(super) fn into_session(self) -> Session {
        self.session
    }

    /// Goes on over another connection.
    pub(super) fn attach(&mut self, lab: &mut Lab, wire: WireId, link: Link, hello: &Hello) {
        let mut pump = self.session.pump();
        pump.session.attach(link, hello, self.lease_epoch);
        // More may have come with the hello.
        pump.session.handle_input(&[], lab.now);
        drop(pump);
        self.wire = Some(wire);
        self.phase = Phase::Serving;
    }

    /// True while somebody reads its connection.
    pub(super) fn reads(&self) -> bool {
        self.phase == Phase::Serving && self.session.pump().session.wants_input()
    }

    pub(super) fn input(&mut self, lab: &mut Lab, arrived: &Arrived) {
        let mut pump = self.session.pump();
        let Pump { session, running } = &mut *pump;
        session.handle_input(&arrived.bytes, lab.now);
        for call in running.iter_mut() {
            if session.is_cancelled(call.number) {
                call.give_up(lab.now);
                lab.heard_given_up(self.key, call.number);
            }
        }
        if arrived.has_ended {
            session.handle_eof(None);
        }
    }

    /// A newer connection of the same client cuts the present one.
    pub(super) fn cut(&mut self, lab: &mut Lab) {
        if let Some(wire) = self.wire {
            lab.network.server_closes(wire);
        }
        self.session.pump().session.handle_eof(None);
    }

    /// Does what can be done now. Returns true if anything has happened.
    pub(super) fn settle(&mut self, lab: &mut Lab, situation: Situation) -> bool {
        let mut has_changed = self.begin_calls(lab, situation);
        self.flush(lab);
        let end = self.session.pump().session.end().cloned();
        if self.phase == Phase::Serving {
            match end {
                Some(End::Finished) => self.retire(lab, false),
                Some(End::Lost(error)) => self.lose(lab, &error),
                None => return self.leave_if_asked(lab, situation) || has_changed,
            }
            has_changed = true;
        }
        has_changed
    }

    fn begin_calls(&mut self, lab: &mut Lab, situation: Situation) -> bool {
        if matches!(self.phase, Phase::Over { .. }) {
            return false;
        }
        let mut has_begun = false;
        if situation.stops_at.is_some() {
            refuse_waiting(&mut self.session.pump().session, ByeReason::Stopping);
        }
        loop {
            let mut pump = self.session.pump();
            let Some((call, deadline)) = pump.session.next_call(lab.now) else {
                return has_begun;
            };
            let number = call.header.number;
            let mut running = DriverCall::new(number, deadline, None);
            let is_late = matches!(self.phase, Phase::Retiring { .. });
            if is_late && !lab.has(Fault::WaitsForLateCalls) {
                running.give_up(lab.now);
            }
            pump.running.push(running);
            drop(pump);
            lab.begin(&self.session, number, &call.header.method);
            if is_late {
                lab.abandon(self.key);
            }
            has_begun = true;
        }
    }

    pub(super) fn flush(&mut self, lab: &mut Lab) {
        let mut pump = self.session.pump();
        while let (bytes @ [_, ..], Some(wire)) = (pump.session.transmit(), self.wire) {
            let count = bytes.len();
            let mut sent = lab.network.server_sends(wire, bytes);
            if lab.has(Fault::AnswersTwice) && bytes.get(4..6) == Some(&200_u16.to_le_bytes()) {
                sent = sent.and(lab.network.server_sends(wire, bytes));
            }
            if let Err(broken) = sent {
                lab.break_promise(broken);
            }
            pump.session.consume(count);
        }
    }

    fn lose(&mut self, lab: &mut Lab, error: &LinkError) {
        lab.note(|| format!("the server notices: {error}"));
        self.disconnect(lab);
        match error {
            LinkError::Lost(_) | LinkError::Silent => {
                self.phase = Phase::AwaitingReturn { since: lab.clock };
            }
            _ => self.retire(lab, true),
        }
    }

    /// Lets time pass. `pause` is for how long the process was suspended.
    pub(super) fn tick(&mut self, lab: &mut Lab, situation: Situation, pause: Duration) {
        self.look(lab, pause);
        match self.phase {
            Phase::AwaitingReturn { since } => {
                let patience = if situation.others_wait {
                    KEPT_WHILE_OTHERS_WAIT
                } else {
                    GRACE
                };
                if situation.stops_at.is_some() || lab.clock - since >= patience {
                    self.retire(lab, true);
                }
            }
            Phase::Leaving { reason, since } => self.await_calls(lab, reason, since, situation),
            Phase::Retiring { may_return } => self.await_drivers(lab, may_return, situation),
            Phase::Serving | Phase::Over { .. } => {}
        }
    }

    /// What the tick of the server does.
    fn look(&mut self, lab: &mut Lab, pause: Duration) {
        let mut pump = self.session.pump();
        for call in &mut pump.running {
            if !pause.is_zero() && !lab.has(Fault::IgnoresSuspension) {
                call.discount_suspension(pause, lab.now);
            }
            let is_overdue = call.check_deadline(lab.now);
            if is_overdue {
                lab.heard_given_up(self.key, call.number);
            }
            if lab.has(Fault::LosesPatience) {
                call.give_up(lab.now);
            }
            if call.is_given_up() && !call.is_stuck() && call.is_hung(OVERRUN, lab.now) {
                call.leave_behind(lab.mark_stuck(self.key, call.number, false));
            }
        }
    }
}

/// How long the place of a client is kept that has lost its connection.
const GRACE: Duration = Duration::from_secs(5);
/// The same while others wait.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
