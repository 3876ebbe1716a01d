//! What the tick does for a client: while a call runs for long, another thread serves the connection, and a call that hangs
//! is left behind.

use std::time::{Duration, Instant};

use ipc_core::interface::context::call_id;
use ipc_hub::calls::Due;
use ipc_hub::log::About;
use ipc_hub::tick::{Monitored, Unattended};

use super::pump::Pump;
use super::serving::Serving;
use super::worker;
use crate::session::calls;

impl Monitored for Serving {
    fn unattended(&self) -> &Unattended {
        &self.unattended
    }

    fn on_unattended(&self, step: u64) {
        // A thread that has the lock is not inside a driver.
        let Some(mut pump) = self.session.try_lock() else {
            return;
        };
        if self.unattended.step() != step || !pump.handover.is_parked() || !self.is_served(&pump) {
            return;
        }
        if self.session.call_companion(&mut pump) {
            return;
        }
        let Some(this) = self.this.upgrade() else {
            return;
        };
        if let Err(error) = worker::spawn_companion(this) {
            pump.handover.withdraw_call();
            self.state.bad_connections.error(
                About::server(),
                format_args!("no thread to attend to a client while its call runs: {error}"),
            );
        }
    }

    fn check_calls(&self, now: Instant, pause: Duration) -> bool {
        let Some(mut pump) = self.session.try_lock() else {
            return true;
        };
        if !self.is_served(&pump) {
            return false;
        }
        let mut stuck = Vec::new();
        let Pump {
            running, session, ..
        } = &mut *pump;
        let due = running.look(now, pause, |call| self.overrun(call));
        let is_news = !due.is_empty();
        for due in due {
            match due {
                Due::GivenUp(call) => self.activity.caller_gave_up(call, now),
                Due::Progress {
                    call,
                    fraction,
                    message,
                } => session.progress(call, fraction, &message),
                Due::Hung(number) => {
                    let Some(call) = running.get_mut(number) else {
                        continue;
                    };
                    stuck.extend(self.leave_behind(call, now));
                    if call.is_stuck() {
                        session.note_stuck(number);
                    }
                }
            }
        }
        self.tell_notices(&mut pump);
        pump.write_briefly(&self.activity);
        let is_busy = pump.running.keep_the_place();
        if pump.is_awaited && is_news {
            self.mailbox.wake();
        }
        drop(pump);
        calls::log_running_on(&self.state, &self.activity, now);
        stuck
            .iter()
            .for_each(|stuck| self.state.hub.report_stuck(stuck));
        is_busy
    }
}

impl Serving {
    fn overrun(&self, call: u64) -> Duration {
        let id = call_id(self.activity.id(), call);
        self.state.hub.overrun(id)
    }
}
