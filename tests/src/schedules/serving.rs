//! The client that has the server: its connection and its calls.
//!
//! How long it keeps the server, which of its calls hang, and what is done about both is the shipped code of `ipc-hub`.
//! Whatever a thread of the server would do at once happens in [`settle`](Serving::settle).

use std::time::{Duration, Instant};

use ipc_core::session::link::Link;
use ipc_core::wire::ctrl::{Hello, SessionKey};
use ipc_hub::admission::ClientId;
use ipc_hub::calls::Due;
use ipc_hub::driver_call::DriverCall;
use ipc_hub::mutant::Mutant;
use ipc_hub::stay::{Departure, LeaveReason, Stay};

use super::lab::Lab;
use super::network::{Arrived, WireId};
use super::pump::{Pump, Session};
use super::{Fault, OVERRUN};

/// A client that has the server.
pub(super) struct Serving {
    pub(super) client: ClientId,
    pub(super) key: SessionKey,
    pub(super) session: Session,
    lease_epoch: u64,
    pub(super) wire: Option<WireId>,
    pub(super) stay: Stay,
    /// Why it is asked to leave.
    pub(super) asked: Option<LeaveReason>,
    /// When its connection was lost, by the clock of the server.
    pub(super) lost: Duration,
    /// True once its calls have been given up.
    pub(super) is_gone: bool,
    /// How it has left, once the next client may come.
    pub(super) over: Option<Departure>,
}

/// What the server knows that concerns its holder.
#[derive(Clone, Copy)]
pub(super) struct Situation {
    /// When a stopping server stops to wait.
    pub(super) stops_at: Option<Instant>,
    pub(super) others_wait: bool,
}

impl Serving {
    pub(super) fn new(
        client: ClientId,
        session: Session,
        lease_epoch: u64,
        rule: Option<Mutant>,
    ) -> Self {
        session.pump().running.plant(rule);
        Self {
            client,
            key: session.key,
            session,
            lease_epoch,
            wire: None,
            stay: Stay::new(GRACE),
            asked: None,
            lost: Duration::ZERO,
            is_gone: false,
            over: None,
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
        self.stay.resume();
        self.asked.take_if(|asked| *asked == LeaveReason::Idle);
    }

    /// True while somebody reads its connection.
    pub(super) fn reads(&self) -> bool {
        let is_read = self.stay.is_connected() && !self.stay.is_draining();
        is_read && self.session.pump().session.wants_input()
    }

    pub(super) fn input(&mut self, lab: &mut Lab, arrived: &Arrived) {
        let mut pump = self.session.pump();
        let Pump { session, running } = &mut *pump;
        session.handle_input(&arrived.bytes, lab.now);
        for call in running.give_up(|call| session.is_cancelled(call), lab.now) {
            lab.heard_given_up(self.key, call);
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
        if self.over.is_some() {
            return false;
        }
        let has_begun = self.begin_calls(lab, situation);
        self.flush(lab);
        let mut steps = 0;
        while self.follow_stay(lab, situation) {
            steps += 1;
        }
        has_begun || steps > 0
    }

    fn begin_calls(&mut self, lab: &mut Lab, situation: Situation) -> bool {
        let mut has_begun = false;
        if situation.stops_at.is_some() {
            self.refuse_waiting(LeaveReason::Stopping);
        }
        loop {
            let mut pump = self.session.pump();
            let Pump { session, running } = &mut *pump;
            let Some((call, deadline)) = session.next_call(lab.now) else {
                return has_begun;
            };
            let number = call.number;
            let begun = DriverCall::new(number, deadline, None);
            self.stay.begin(begun, running, lab.now);
            drop(pump);
            lab.begin(&self.session, number, call.method());
            if self.is_gone {
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

    /// What the tick of the server does. `pause` is for how long the process was suspended.
    pub(super) fn tick(&mut self, lab: &mut Lab, pause: Duration) {
        let mut pump = self.session.pump();
        let Pump { session, running } = &mut *pump;
        for due in running.look(lab.now, pause, |_| OVERRUN) {
            match due {
                Due::GivenUp(call) => lab.heard_given_up(self.key, call),
                Due::Hung(number) => {
                    if let Some(call) = running.get_mut(number) {
                        call.leave_behind(lab.mark_stuck(self.key, number, false));
                        session.note_stuck(number);
                    }
                }
                Due::Progress { .. } => {}
            }
        }
    }
}

/// How long the place of a client is kept that has lost its connection.
pub(super) const GRACE: Duration = Duration::from_secs(5);
