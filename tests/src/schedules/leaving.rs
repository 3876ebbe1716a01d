//! How a client leaves the server, and what the next one waits for.

use std::time::Duration;

use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, Farewell};
use ipc_core::wire::ctrl::ByeReason;
use ipc_hub::stay::{Circumstances, Ended, LeaveReason, Step};

use super::lab::Lab;
use super::network::Arrived;
use super::pump::Pump;
use super::serving::{GRACE, Serving, Situation};
use super::{KEPT_WHILE_OTHERS_WAIT, PERIOD};

impl Serving {
    /// Takes one step. Returns false if there is nothing to do but to serve or to wait.
    pub(super) fn follow_stay(&mut self, lab: &mut Lab, situation: Situation) -> bool {
        match self.next_step(lab, situation) {
            Step::Serve => return false,
            Step::AwaitReturn(_) => {
                if self.away(lab) > kept(situation) + 2 * PERIOD {
                    lab.break_promise("the place of a lost client is kept for too long".into());
                }
                return false;
            }
            Step::AwaitCalls(_) => {
                if self.is_gone && lab.patience(self.key) + 2 * PERIOD < lab.clock {
                    lab.break_promise("the place does not pass on".into());
                }
                return false;
            }
            Step::ReadRest => self.read_rest(lab),
            Step::RefuseWaiting(why) => {
                lab.note(|| format!("the server asks its client to leave: {why:?}"));
                self.refuse_waiting(why);
                self.flush(lab);
            }
            Step::SayBye(why) => self.say_bye(lab, why),
            Step::Disconnect => {
                self.lost = lab.clock;
                self.disconnect(lab);
            }
            Step::GiveUp => {
                if self.away(lab) < kept(situation) {
                    lab.break_promise("the place of a lost client passes on too soon".into());
                }
                self.stay.give_up();
            }
            Step::Abandon(_) => {
                lab.note(|| "the client is gone, and its calls are given up".into());
                lab.abandon(self.key);
                self.is_gone = true;
            }
            Step::LeaveBehind => {
                for call in self.session.pump().running.not_stuck() {
                    call.leave_behind(lab.mark_stuck(self.key, call.number, true));
                }
            }
            Step::Over(departure) => {
                self.over = Some(departure);
                return false;
            }
        }
        true
    }

    /// For how long the client has had no connection.
    fn away(&self, lab: &Lab) -> Duration {
        lab.clock - self.lost
    }

    fn next_step(&mut self, lab: &Lab, situation: Situation) -> Step {
        let mut pump = self.session.pump();
        let Pump { session, running } = &mut *pump;
        let ended = session.end().map(|end| match end {
            End::Finished => Ended::Finished,
            End::Lost(LinkError::Lost(_) | LinkError::Silent) => Ended::Lost,
            End::Lost(_) => Ended::Broken,
        });
        let seen = Circumstances {
            stops_at: situation.stops_at,
            asked: self.asked,
            others_wait: situation.others_wait,
            calls_wait: session.has_waiting(),
            ended,
        };
        self.stay.next(&seen, running, lab.now)
    }

    /// Takes in what has come already. The end of the connection is noticed later.
    fn read_rest(&mut self, lab: &mut Lab) {
        let ready = lab.network.ready_at_server();
        if let Some(wire) = self.wire.filter(|wire| ready.contains(wire)) {
            self.flush(lab);
            let Arrived { bytes, .. } = lab.network.arrive_at_server(wire);
            let has_ended = false;
            self.input(lab, &Arrived { bytes, has_ended });
        }
    }

    /// Refuses the calls that wait.
    pub(super) fn refuse_waiting(&self, why: LeaveReason) {
        self.session.pump().session.refuse_waiting(bye_reason(why));
    }

    fn say_bye(&mut self, lab: &mut Lab, why: LeaveReason) {
        let farewell = self.session.pump().session.say_bye(bye_reason(why), "");
        if farewell == Farewell::Said {
            lab.leave(self.key);
        }
        lab.count("goodbye");
        self.flush(lab);
        self.disconnect(lab);
    }

    fn disconnect(&mut self, lab: &mut Lab) {
        let end = self.session.pump().session.end().cloned();
        lab.note(|| format!("the server drops a connection: {end:?}"));
        self.session.pump().session.detach();
        if let Some(wire) = self.wire.take() {
            lab.network.server_closes(wire);
        }
    }
}

/// For how long the place of a lost client is promised to be kept.
fn kept(situation: Situation) -> Duration {
    match situation.others_wait {
        true => KEPT_WHILE_OTHERS_WAIT,
        false => GRACE,
    }
}

fn bye_reason(why: LeaveReason) -> ByeReason {
    match why {
        LeaveReason::Stopping => ByeReason::Stopping,
        LeaveReason::Idle => ByeReason::IdleHandover,
        LeaveReason::Disconnected => ByeReason::Disconnected,
    }
}
