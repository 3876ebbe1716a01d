//! How a client leaves the server: its place is kept while its connection is lost, and then given up, once the release hooks
//! of its devices have run.

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::session::server::{End, Farewell};
use ipc_core::wire::ctrl::ByeReason;
use ipc_core::{Release, Stuck};
use ipc_hub::event::ServerEvent;
use ipc_hub::time::overslept;

use super::pump::Pump;
use super::reader::SocketReader;
use super::serving::Serving;
use crate::session::mailbox::Resumption;

/// How a client left.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Departure {
    pub(super) why: Release,
    /// True if the session may be resumed.
    may_return: bool,
}

impl Departure {
    pub(super) fn for_now(why: Release) -> Self {
        Self {
            why,
            may_return: true,
        }
    }

    pub(super) fn for_good(why: Release) -> Self {
        Self {
            why,
            may_return: false,
        }
    }
}

impl Serving {
    /// Keeps the place of a client whose connection was lost, for a while.
    pub(super) fn await_return(
        &self,
        reader: &mut SocketReader,
        error: &LinkError,
    ) -> Option<Departure> {
        match error {
            // It says so itself.
            LinkError::Lost(how) => self.log(format_args!("connection lost: {how}")),
            error => self.log(format_args!("connection lost: {error}")),
        }
        self.pump().disconnect(reader, &self.activity);
        if self.state.is_stopping() {
            return Some(Departure::for_now(Release::Stopping));
        }
        if !matches!(error, LinkError::Lost(_) | LinkError::Silent) {
            return Some(Departure::for_now(Release::Lost));
        }
        let mut since = Instant::now();
        self.mailbox.set_waiting(true);
        loop {
            if self.take_connection(reader) {
                return None;
            }
            if self.state.is_stopping() {
                return Some(Departure::for_now(Release::Stopping));
            }
            let left = self.grace().saturating_sub(since.elapsed());
            if left.is_zero() && self.mailbox.give_up() {
                return Some(Departure::for_now(Release::Lost));
            }
            let limit = match left.is_zero() {
                // A client is on its way back, and wakes this thread.
                true => LOOK_AGAIN,
                false => left.min(LOOK_AGAIN),
            };
            let due = Instant::now() + limit;
            self.mailbox.wait(limit);
            since += overslept(due);
        }
    }

    /// Goes on over the connection that a returning client has brought, if there is one.
    fn take_connection(&self, reader: &mut SocketReader) -> bool {
        let Some(Resumption { connection, hello }) = self.mailbox.take() else {
            return false;
        };
        let is_newest = self.is_newest(&hello);
        if is_newest {
            self.attach(reader, connection, &hello);
        }
        is_newest
    }

    /// How long the place of a lost client is kept: not for long while others wait.
    fn grace(&self) -> Duration {
        let grace = self.state.config.grace;
        match self.state.admission().waiting() {
            0 => grace,
            _ => grace.min(KEPT_WHILE_OTHERS_WAIT),
        }
    }

    /// Ends the connection if the server is stopping, or the client was asked to leave.
    pub(super) fn leave_if_asked(&self, reader: &mut SocketReader) -> Option<Departure> {
        let asked = match self.state.is_stopping() {
            true => Some((ByeReason::Stopping, "the server is stopping".to_string())),
            false => self.activity.request(),
        };
        let (reason, message) = asked?;
        self.log(format_args!("asked to leave: {message}"));
        let mut pump = self.pump();
        if !pump.is_draining {
            // Bytes left unread would make the system discard the goodbye, and calls would end in doubt.
            drop(pump);
            reader.read_rest();
            pump = self.pump();
            pump.take_in(reader, &self.activity, Instant::now());
        }
        if pump.session.end() == Some(&End::Finished) {
            return Some(Departure::for_good(Release::Finished));
        }
        if reason == ByeReason::IdleHandover && pump.session.has_waiting() {
            // These calls came in time and are answered first; those behind them come too late.
            pump.is_draining = true;
            return None;
        }
        pump.refuse_waiting(reason);
        pump = self.flush(pump, reader);
        pump = self.await_calls(pump, reason);
        let farewell = pump.session.say_bye(reason, &message);
        pump = self.flush_to_end(pump, reader);
        pump.disconnect(reader, &self.activity);
        drop(pump);
        if farewell == Farewell::Cut {
            self.log("left without a goodbye: its call still runs, and it does not know the answer that says so");
        }
        Some(match reason {
            ByeReason::Stopping => Departure::for_now(Release::Stopping),
            ByeReason::IdleHandover => Departure::for_now(Release::HandedOver),
            _ => Departure::for_good(Release::HandedOver),
        })
    }

    /// Waits for running calls to end and be answered, but not for hung ones. Blocks.
    fn await_calls<'a>(
        &'a self,
        mut pump: MutexGuard<'a, Pump>,
        reason: ByeReason,
    ) -> MutexGuard<'a, Pump> {
        let since = Instant::now();
        pump.is_awaited = true;
        while pump.running.iter().any(|call| !call.is_given_up()) {
            let left = match reason {
                ByeReason::Stopping => self.state.time_to_answer(),
                _ => LAST_CALL.saturating_sub(since.elapsed()),
            };
            if left.is_zero() || pump.session.end().is_some() {
                break;
            }
            drop(pump);
            self.mailbox.wait(left);
            pump = self.pump();
        }
        pump.is_awaited = false;
        pump
    }

    /// Waits until no call of this client is inside a driver, apart from those whose devices are stuck. Blocks.
    fn await_drivers(&self) {
        let mut pump = self.pump();
        pump.is_awaited = true;
        pump.is_leaving = true;
        let now = Instant::now();
        for call in &mut pump.running {
            if call.give_up(now) {
                self.activity.caller_gave_up(call.number, now);
            }
        }
        while pump.running.iter().any(|call| !call.is_stuck()) {
            let limit = match self.state.is_stopping() {
                true => self.state.time_to_answer(),
                false => LOOK_AGAIN,
            };
            if limit.is_zero() {
                let running = pump.running.iter_mut().filter(|call| !call.is_stuck());
                let now = Instant::now();
                let left: Vec<Stuck> = running
                    .flat_map(|call| self.leave_behind(call, now))
                    .collect();
                drop(pump);
                left.iter()
                    .for_each(|stuck| self.state.hub.report_stuck(stuck));
                return;
            }
            drop(pump);
            self.mailbox.wait(limit);
            pump = self.pump();
        }
    }

    /// Puts the devices into their safe state and gives the session back to the table. The order matters: a connection
    /// that finds the session out of this thread's hands must find it in the table.
    pub(super) fn stop_serving(&self, departure: Departure, mut reader: SocketReader) {
        self.mailbox.close();
        self.pump().disconnect(&mut reader, &self.activity);
        self.await_drivers();
        if self.state.hub.release_all(departure.why) {
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
            "client gave the server back: {}",
            departure.why
        ));
        self.give_up_place();
    }
}

/// How long the place of a client that lost its connection is kept while others wait: long enough for a client that
/// closed its old connection, or lost it, and is on its way back; short enough for those who wait.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
/// Upper bound on one wait for a lost client.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How long a client that is disconnected may still wait for a call that runs.
const LAST_CALL: Duration = Duration::from_secs(10);
