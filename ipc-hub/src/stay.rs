//! The stay of a client: from its turn to the moment when its place is free for the next one.
//!
//! All rules about the place are here, as a state machine without clocks, locks or sockets: how long the place is kept
//! while the client has no connection, what happens when the client is asked to leave, and what must have ended before the
//! place passes on.

use std::time::{Duration, Instant};

use ipc_core::Release;

use crate::calls::RunningCalls;
use crate::driver_call::DriverCall;
use crate::time::later;

#[cfg(test)]
mod tests;

/// The stay of a client.
///
/// The thread that serves the client calls [`next`](Self::next) when one of the [`Circumstances`] has changed, and when a
/// time has come that a step names. It does what the returned step says, and calls `next` again.
#[derive(Debug)]
pub struct Stay {
    phase: Phase,
    /// How long the place is kept for a client that has lost its connection.
    grace: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The client has a connection.
    Connected,
    /// The client was asked to leave, and nothing more is read from its connection.
    Asked,
    /// Its waiting calls were refused, and its running calls may end.
    Leaving { why: LeaveReason, since: Instant },
    /// The client has no connection, and may return.
    Away { since: Instant },
    /// The client is gone.
    Gone(Departure),
    /// The client is gone, and its calls have been given up. Those that are not stuck are waited for.
    Retiring(Departure),
    /// The next client may come.
    Over(Departure),
}

/// How a client left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// What the release hooks are told.
    pub why: Release,
    /// True if the session is kept, so that the client may resume it.
    pub may_return: bool,
}

/// Why a client is asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// The server is stopping.
    Stopping,
    /// The client is idle while others wait.
    Idle,
    /// The program disconnects it.
    Disconnected,
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client has finished.
    Finished,
    /// The connection was lost.
    Lost,
    /// The connection was closed because the client broke the protocol.
    Broken,
}

/// What the next step depends on, besides the running calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// Until when a server that is stopping waits for calls; `None` if it is not stopping.
    pub stops_at: Option<Instant>,
    /// Why the client was asked to leave, if it was.
    pub asked: Option<LeaveReason>,
    /// True if other clients wait for the place.
    pub others_wait: bool,
    /// True if calls of the client have come that have not begun.
    pub calls_wait: bool,
    /// How the connection has ended; `None` if it stands.
    pub ended: Option<Ended>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Serve the client: read from it unless the stay [is draining](Stay::is_draining), and run its calls.
    Serve,
    /// Read what has come already, and nothing after it.
    ReadRest,
    /// Refuse the calls that wait.
    RefuseWaiting(LeaveReason),
    /// Say goodbye and drop the connection.
    SayBye(LeaveReason),
    /// Drop the connection, which has ended.
    Disconnect,
    /// Wait for another connection of the client, but not beyond this time.
    AwaitReturn(Instant),
    /// Take no further connection, and then [give the place up](Stay::give_up), unless the client is on its way back.
    GiveUp,
    /// The client is gone, and these callers no longer wait for their calls: tell the drivers, and take no further
    /// connection.
    Abandon(Vec<u64>),
    /// Wait until a call ends, is given up or becomes stuck, but not beyond this time.
    AwaitCalls(Instant),
    /// Leave behind the calls that are [not stuck](RunningCalls::not_stuck): the server stops, and has no time left.
    LeaveBehind,
    /// Run the release hooks, keep or remove the session, and then let the next client come.
    Over(Departure),
}

impl Departure {
    fn for_now(why: Release) -> Self {
        let may_return = true;
        Self { why, may_return }
    }

    fn for_good(why: Release) -> Self {
        let may_return = false;
        Self { why, may_return }
    }
}

impl LeaveReason {
    fn departure(self) -> Departure {
        match self {
            Self::Stopping => Departure::for_now(Release::Stopping),
            Self::Idle => Departure::for_now(Release::HandedOver),
            Self::Disconnected => Departure::for_good(Release::HandedOver),
        }
    }
}

impl Circumstances {
    fn asked(&self) -> Option<LeaveReason> {
        self.stops_at.map(|_| LeaveReason::Stopping).or(self.asked)
    }
}

impl Stay {
    /// The stay of a client whose turn has come. Its place is kept for `grace` if it loses its connection, or for less
    /// while others wait.
    pub fn new(grace: Duration) -> Self {
        let phase = Phase::Connected;
        Self { phase, grace }
    }

    /// Returns true while the last calls of a client that was asked to leave are answered: nothing more is read from it.
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.phase == Phase::Asked
    }

    /// Returns true while the client is served over a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::Asked)
    }

    /// Returns true while the client has no connection and may return.
    pub fn awaits_return(&self) -> bool {
        matches!(self.phase, Phase::Away { .. })
    }

    /// Notes that the client has returned over another connection.
    pub fn resume(&mut self) {
        if self.awaits_return() {
            self.phase = Phase::Connected;
        }
    }

    /// Notes that the client has not returned in time, and is not on its way back.
    pub fn give_up(&mut self) {
        if self.awaits_return() {
            self.phase = Phase::Gone(Departure::for_now(Release::Lost));
        }
    }

    /// Does not count `pause`, which ended just before `now`: the process was suspended, so that neither a client could
    /// return nor a driver.
    pub fn discount_suspension(&mut self, pause: Duration, now: Instant) {
        if let Phase::Leaving { since, .. } | Phase::Away { since } = &mut self.phase {
            *since = since.checked_add(pause).map_or(now, |since| since.min(now));
        }
    }

    /// Returns true until the release hooks run: no call may follow them. Those that wait are kept with the session.
    #[inline]
    pub fn lets_calls_begin(&self) -> bool {
        !matches!(self.phase, Phase::Over(_))
    }

    /// Adds a call that is about to begin to `calls`. If the client is gone already, nobody waits for it.
    #[inline]
    pub fn begin(&self, mut call: DriverCall, calls: &mut RunningCalls, now: Instant) {
        let is_gone = matches!(self.phase, Phase::Retiring(_));
        if is_gone && !has_mutant!(calls, WaitsForLateCalls) {
            call.give_up(now);
        }
        calls.push(call);
    }

    /// Returns what is to be done next. `calls` are the calls of the client that run.
    pub fn next(&mut self, seen: &Circumstances, calls: &mut RunningCalls, now: Instant) -> Step {
        match self.phase {
            Phase::Connected | Phase::Asked => self.while_connected(seen, now),
            Phase::Away { .. } if seen.stops_at.is_some() => {
                self.phase = Phase::Gone(LeaveReason::Stopping.departure());
                self.next(seen, calls, now)
            }
            Phase::Away { since } => {
                let others_wait = seen.others_wait && !has_mutant!(calls, KeepsTheLost);
                let until = later(since, self.kept(others_wait));
                match now < until && !has_mutant!(calls, GivesUpTheLost) {
                    true => Step::AwaitReturn(until),
                    false => Step::GiveUp,
                }
            }
            Phase::Leaving { why, since } => {
                let is_for_good = seen.asked == Some(LeaveReason::Disconnected);
                let why = match why {
                    // It was asked again meanwhile, and must not come back.
                    LeaveReason::Idle if is_for_good => LeaveReason::Disconnected,
                    why => why,
                };
                let last_call = (why != LeaveReason::Stopping).then(|| later(since, LAST_CALL));
                let until = last_call.into_iter().chain(seen.stops_at).min();
                let until = until.filter(|until| *until > now && seen.ended.is_none());
                match until.filter(|_| calls.are_awaited()) {
                    Some(until) => Step::AwaitCalls(until),
                    None => {
                        self.phase = Phase::Gone(why.departure());
                        Step::SayBye(why)
                    }
                }
            }
            Phase::Gone(departure) => {
                self.phase = Phase::Retiring(departure);
                let is_awaited = has_mutant!(calls, KeepsThePlace);
                Step::Abandon(calls.give_up(|_| !is_awaited, now))
            }
            Phase::Retiring(departure) => self.while_retiring(departure, seen, calls, now),
            Phase::Over(departure) => Step::Over(departure),
        }
    }

    fn while_connected(&mut self, seen: &Circumstances, now: Instant) -> Step {
        if let Some(ended) = seen.ended {
            self.phase = match ended {
                Ended::Finished => Phase::Gone(Departure::for_good(Release::Finished)),
                _ if seen.stops_at.is_some() => Phase::Gone(LeaveReason::Stopping.departure()),
                Ended::Lost => Phase::Away { since: now },
                Ended::Broken => Phase::Gone(Departure::for_now(Release::Lost)),
            };
            return Step::Disconnect;
        }
        match seen.asked() {
            None => Step::Serve,
            Some(_) if self.phase == Phase::Connected => {
                self.phase = Phase::Asked;
                Step::ReadRest
            }
            // These calls came in time and are answered first; those behind them come too late.
            Some(LeaveReason::Idle) if seen.calls_wait => Step::Serve,
            Some(why) => {
                self.phase = Phase::Leaving { why, since: now };
                Step::RefuseWaiting(why)
            }
        }
    }

    /// Returns for how long the place of a client without a connection is kept.
    fn kept(&self, others_wait: bool) -> Duration {
        match others_wait {
            true => self.grace.min(KEPT_WHILE_OTHERS_WAIT),
            false => self.grace,
        }
    }

    fn while_retiring(
        &mut self,
        departure: Departure,
        seen: &Circumstances,
        calls: &RunningCalls,
        now: Instant,
    ) -> Step {
        let is_free = !calls.keep_the_place() || has_mutant!(calls, PassesOnWhileCallsRun);
        let is_late = seen.stops_at.is_some_and(|stops_at| stops_at <= now);
        if !is_free && !is_late {
            return Step::AwaitCalls(seen.stops_at.unwrap_or(later(now, Duration::MAX)));
        }
        self.phase = Phase::Over(departure);
        match is_free {
            true => Step::Over(departure),
            false => Step::LeaveBehind,
        }
    }
}

/// How long the place of a client that lost its connection is kept while others wait: long enough for a client that
/// closed its old connection, or lost it, and is on its way back; short enough for the others.
const KEPT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(800);
/// How long a client that is disconnected may still wait for a call that runs.
const LAST_CALL: Duration = Duration::from_secs(10);
