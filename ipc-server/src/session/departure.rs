//! What a thread does that follows the [stay](ipc_hub::stay) of its client: sockets, locks and waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, Farewell};
use ipc_core::wire::ctrl::{ByeReason, ConnectionRole};
use ipc_core::{Release, Stuck};
use ipc_hub::event::ServerEvent;
use ipc_hub::party::PartySession;
use ipc_hub::stay::{Circumstances, Departure, Ended, LeaveReason, Step};
use ipc_hub::time::{later, overslept};

use super::pump::Pump;
use super::reader::SocketReader;
use super::serving::Serving;
use crate::session::mailbox::Resumption;

impl Serving {
    /// Returns true if the server is stopping, or the client was asked to leave.
    pub(super) fn is_asked_to_leave(&self) -> bool {
        self.state.is_stopping() || self.activity.is_asked_to_leave()
    }

    /// Does what the stay of the client asks for, until the client is to be served on. Returns how it has left if it has.
    /// Blocks.
    pub(super) fn follow_stay(&self, reader: &mut SocketReader) -> Option<Departure> {
        loop {
            match self.next_step() {
                Step::Serve => return None,
                Step::ReadRest => self.read_rest(reader),
                Step::RefuseWaiting(why) => {
                    let mut pump = self.pump();
                    pump.refuse_waiting(bye_reason(why));
                    drop(self.flush(pump, reader));
                }
                Step::SayBye(why) => self.say_bye(reader, why),
                Step::Disconnect => self.disconnect(reader),
                Step::AwaitReturn(until) => self.await_return(reader, until),
                Step::GiveUp => {
                    if self.mailbox.give_up() {
                        self.pump().stay.give_up();
                    } else {
                        // The client wakes this thread.
                        self.await_return(reader, later(Instant::now(), LOOK_AGAIN));
                    }
                }
                Step::Abandon(calls) => {
                    self.mailbox.close();
                    let now = Instant::now();
                    for call in calls {
                        self.activity.caller_gave_up(call, now);
                    }
                }
                Step::AwaitCalls(until) => self.wait(until),
                Step::LeaveBehind => self.leave_calls_behind(),
                Step::Over(departure) => return Some(departure),
            }
        }
    }

    fn next_step(&self) -> Step {
        let now = Instant::now();
        let is_stopping = self.state.is_stopping();
        let stops_at = is_stopping.then(|| later(now, self.state.time_to_answer()));
        let asked = self.activity.request().map(|(reason, _)| asked(reason));
        let others_wait = self.state.admission().waiting() > 0;
        let mut pump = self.pump();
        let seen = Circumstances {
            stops_at,
            asked,
            others_wait,
            calls_wait: pump.session.has_waiting(),
            ended: pump.session.end().map(ended),
        };
        let Pump { stay, running, .. } = &mut *pump;
        let step = stay.next(&seen, running, now);
        // Set under the same lock: a call that ends from here on wakes this thread.
        pump.is_awaited = matches!(step, Step::AwaitCalls(_));
        step
    }

    /// Takes in what has come already. Bytes left unread would make the system discard the goodbye, and calls would end in
    /// doubt.
    fn read_rest(&self, reader: &mut SocketReader) {
        self.log(format_args!("asked to leave: {}", self.reason()));
        // The room of a long frame may be less than what has come.
        self.pump().take_back_partial(reader, Instant::now());
        reader.read_rest();
        let (offers, now) = (self.state.hub.offers(), Instant::now());
        self.pump().take_in(reader, &self.activity, offers, now);
    }

    /// Returns why the client is to leave, for people.
    fn reason(&self) -> String {
        let request = self.activity.request();
        let request = request.filter(|_| !self.state.is_stopping());
        request.map_or("the server is stopping".into(), |(_, message)| message)
    }

    fn say_bye(&self, reader: &mut SocketReader, why: LeaveReason) {
        let message = self.reason();
        let mut pump = self.pump();
        let farewell = pump.session.say_bye(bye_reason(why), &message);
        pump = self.flush_to_end(pump, reader);
        pump.disconnect(reader, &self.activity);
        drop(pump);
        if self.role == ConnectionRole::Control {
            self.state.hub.party_lost(self.party.id());
        }
        if farewell == Farewell::Cut {
            self.log("left without a goodbye: its call still runs, and it does not know the answer that says so");
        }
    }

    fn disconnect(&self, reader: &mut SocketReader) {
        let mut pump = self.pump();
        let end = pump.session.end().cloned();
        pump.disconnect(reader, &self.activity);
        drop(pump);
        if self.role == ConnectionRole::Control {
            self.state.hub.party_lost(self.party.id());
        }
        match end {
            // It says so itself.
            Some(End::Lost(LinkError::Lost(how))) => {
                self.log(format_args!("connection lost: {how}"));
            }
            Some(End::Lost(error)) => self.log(format_args!("connection lost: {error}")),
            Some(End::Finished) | None => {}
        }
    }

    /// Waits for another connection of the client, and goes on over it. Blocks.
    fn await_return(&self, reader: &mut SocketReader, until: Instant) {
        self.mailbox.set_waiting(true);
        self.wait(until);
        if let Some(Resumption { connection, hello }) = self.mailbox.take()
            && self.is_newest(&hello)
        {
            self.attach(reader, connection, &hello);
        }
    }

    /// Waits for news. Blocks.
    fn wait(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let limit = left.min(LOOK_AGAIN);
        let due = Instant::now() + limit;
        self.mailbox.wait(limit);
        let pause = overslept(due);
        if !pause.is_zero() {
            self.pump().stay.discount_suspension(pause, Instant::now());
        }
    }

    /// No longer waits for calls that are inside drivers, because the server has no time left.
    fn leave_calls_behind(&self) {
        let now = Instant::now();
        let mut pump = self.pump();
        let running = pump.running.not_stuck();
        let stuck: Vec<Stuck> = running
            .flat_map(|call| self.leave_behind(call, now))
            .collect();
        drop(pump);
        stuck
            .iter()
            .for_each(|stuck| self.state.hub.report_stuck(stuck));
    }

    /// Puts the devices into their safe state and gives the session back to the table. The order matters: a connection
    /// that finds the session out of this thread's hands must find it in the table.
    pub(super) fn stop_serving(&self, departure: Departure) {
        if self.role == ConnectionRole::Control {
            self.send_lanes_away(departure);
        }
        let session = self
            .this
            .upgrade()
            .map(|this| this as Arc<dyn PartySession>);
        if let Some(session) = session.filter(|_| self.role != ConnectionRole::Observer)
            && self.state.hub.leave(&self.party, &session, departure)
        {
            self.state.admission().forget_last_session();
        }
        self.end_companions(&mut self.pump());
        if departure.may_return {
            self.state.table().park(self.session(), Instant::now());
        } else {
            self.state.table().remove(self.key);
        }
        self.state.set_active_session(self.key, None);
        self.state.hub.emit(ServerEvent::Released {
            client: self.activity.id(),
            why: departure.why,
        });
        self.log(format_args!(
            "client no longer has the server: {}",
            departure.why
        ));
        // First: the next client can have this thread.
        self.state.threads.offer();
        self.give_up_place();
    }
}

impl Serving {
    /// Asks the lanes of this client to leave with it. Its place passes on when they have left.
    fn send_lanes_away(&self, departure: Departure) {
        let reason = match departure {
            Departure {
                why: Release::Stopping,
                ..
            } => ByeReason::Stopping,
            Departure {
                may_return: true, ..
            } => ByeReason::IdleHandover,
            _ => ByeReason::Disconnected,
        };
        for lane in self.state.active_sessions() {
            if lane.role == ConnectionRole::Lane && lane.party.id() == self.party.id() {
                let message = "the client of this lane no longer holds the server";
                lane.activity.ask_to_leave(reason, message);
                lane.mailbox.wake();
            }
        }
    }
}

fn asked(reason: ByeReason) -> LeaveReason {
    match reason {
        ByeReason::Stopping => LeaveReason::Stopping,
        ByeReason::IdleHandover => LeaveReason::Idle,
        _ => LeaveReason::Disconnected,
    }
}

fn bye_reason(why: LeaveReason) -> ByeReason {
    match why {
        LeaveReason::Stopping => ByeReason::Stopping,
        LeaveReason::Idle => ByeReason::IdleHandover,
        LeaveReason::Disconnected => ByeReason::Disconnected,
    }
}

fn ended(end: &End) -> Ended {
    match end {
        End::Finished => Ended::Finished,
        End::Lost(LinkError::Lost(_) | LinkError::Silent) => Ended::Lost,
        End::Lost(_) => Ended::Broken,
    }
}

/// Upper bound on one wait.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
