//! What the tick does for a client: while a call runs for long, another thread serves the connection, and a call that hangs
//! is left behind.

use std::time::{Duration, Instant};

use ipc_core::interface::context::call_id;
use ipc_hub::driver_call::DriverCall;
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
        for call in running {
            if !pause.is_zero() {
                call.discount_suspension(pause, now);
            }
            if call.check_deadline(now) {
                self.activity.caller_gave_up(call.number, now);
            }
            if call.progress.is_some()
                && call.may_report(now)
                && let Some((fraction, message)) = call.progress.take()
            {
                session.progress(call.number, fraction, &message);
            }
            if call.is_given_up() && !call.is_stuck() && call.is_hung(self.overrun(call), now) {
                stuck.extend(self.leave_behind(call, now));
                if call.is_stuck() {
                    session.note_stuck(call.number);
                }
            }
        }
        pump.write_briefly(&self.activity);
        let is_busy = pump.running.iter().any(|call| !call.is_stuck());
        if pump.is_awaited && !stuck.is_empty() {
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
    fn overrun(&self, call: &DriverCall) -> Duration {
        let id = call_id(self.activity.id(), call.number);
        self.state.hub.overrun(id)
    }
}
