//! The thread that reads.

use std::sync::mpsc::{SendError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ipc_client::{
    Args, CallError, Client, ConnectionState, MethodKind, NotSent, Value, WaitingStatus,
};
use ipc_core::wire::sanitize::fit_for_log;
use jiff::Timestamp;

use super::event::{Event, Gap, Outcome, Reading};
use super::names::{Target, Targets};
use super::schedule::{Gaps, Schedule};
use super::stop::Stop;
use crate::arguments::MonitorOptions;
use crate::connect::Session;
use crate::interrupt;

/// Reads all names again and again, and tells what it gets.
pub(super) struct Poller<'a> {
    session: &'a Session,
    client: Client,
    targets: Targets,
    every: Duration,
    /// Number of readings of each name that are left.
    left: u64,
    stop: &'a Stop,
    events: Sender<Event>,
    gaps: Gaps,
    /// Changes when the server may have been restarted.
    handovers: u64,
}

/// Why the names are not read to the end.
enum Broken {
    /// There is no connection.
    NoConnection,
    /// Nobody wants to know any more.
    Ended,
}

impl<'a> Poller<'a> {
    pub(super) fn new(
        session: &'a Session,
        targets: Targets,
        options: &MonitorOptions,
        stop: &'a Stop,
        events: Sender<Event>,
    ) -> Self {
        let client = session.patient(stop.all());
        Self {
            session,
            // An older reading would be shown as a new one.
            client: client.max_age(options.every.min(MAX_AGE)),
            handovers: client.handovers(),
            targets,
            every: options.every,
            left: options.count.unwrap_or(u64::MAX),
            stop,
            events,
            gaps: Gaps::new(options.every, connected_since(&client)),
        }
    }

    pub(super) fn run(mut self) {
        let schedule = Schedule::new(Instant::now(), self.every);
        loop {
            let result = self.round();
            let now = Instant::now();
            let next = match result {
                Ok(()) => {
                    self.left -= 1;
                    schedule.after(now)
                }
                Err(Broken::NoConnection) => schedule.again(now),
                Err(Broken::Ended) => return,
            };
            let wait = next.saturating_duration_since(now);
            if self.left == 0 || interrupt::comes_within(wait, self.stop.all()) {
                return;
            }
        }
    }

    /// Reads each name once.
    fn round(&mut self) -> Result<(), Broken> {
        let (time, mut began) = (Timestamp::now(), Instant::now());
        self.look_again();
        for index in 0..self.targets.len() {
            if let Some(target) = self.targets.get(index).cloned() {
                self.read(index, target, began)?;
                began = Instant::now();
            }
        }
        self.tell(Event::Round(time))
    }

    /// Reads one name, which was to be read at `began`.
    fn read(&mut self, index: usize, target: Arc<Target>, began: Instant) -> Result<(), Broken> {
        let result = self.call(&target);
        if self.stop.all().is_cancelled() {
            return Err(Broken::Ended);
        }
        let Some(outcome) = result else {
            self.gaps.missed(began);
            return Err(Broken::NoConnection);
        };
        let (time, at) = (Timestamp::now(), Instant::now());
        if let Some(since) = connected_since(&self.client)
            && let Some(lasted) = self.gaps.answered(began, at, since)
        {
            self.tell(Event::Gap(Gap {
                time,
                lasted,
                others_had_it: self.session.others_had_it(),
            }))?;
        }
        self.tell(Event::Reading(Reading {
            index,
            target,
            time,
            at,
            outcome,
        }))
    }

    /// Makes one call. `None` if there is no connection.
    fn call(&self, target: &Target) -> Option<Outcome> {
        let (token, began) = (self.stop.call(), Instant::now());
        let waits = Arc::new(Mutex::new(None));
        let client = self.client.cancel_with(&token).on_waiting({
            let (token, waits) = (token.clone(), Arc::clone(&waits));
            move |status| {
                if is_long(status, began.elapsed()) {
                    let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
                    *waits = Some(status.to_string());
                    token.cancel();
                }
            }
        });
        let result = made(&client, target);
        let waits = waits.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome(result, waits)
    }

    /// Asks what the server offers if it may be another one than before.
    fn look_again(&mut self) {
        let handovers = self.client.handovers();
        if handovers == self.handovers {
            return;
        }
        let dynamic = self.client.cancel_with(&self.stop.call()).dynamic();
        dynamic.refresh();
        // Without an answer, the readings tell what is wrong.
        let Ok(server) = dynamic.description() else {
            return;
        };
        self.handovers = handovers;
        for target in &mut self.targets {
            if let Some(now) = target.found_again(&server) {
                *target = Arc::new(now);
            }
        }
    }

    fn tell(&self, event: Event) -> Result<(), Broken> {
        let told = self.events.send(event);
        told.map_err(|SendError(_)| Broken::Ended)
    }
}

/// Since when there is a connection, as far as the client knows.
fn connected_since(client: &Client) -> Option<Instant> {
    match client.state() {
        ConnectionState::Connected { since, .. } => Some(since),
        _ => None,
    }
}

fn made(client: &Client, target: &Target) -> Result<Value, CallError> {
    let dynamic = client.dynamic();
    match target.kind {
        MethodKind::Get => dynamic.get(&target.wire_name),
        _ => dynamic.call(&target.wire_name, Args::new()),
    }
}

/// What a result is for those who watch. `waits` tells why the call was given up, if it was.
fn outcome(result: Result<Value, CallError>, waits: Option<String>) -> Option<Outcome> {
    match (result, waits) {
        (Ok(value), _) => Some(Outcome::Value(value)),
        (Err(_), Some(waits)) => Some(Outcome::Waits(fit_for_log(&waits))),
        (Err(CallError::NotSent { reason, .. }), None)
            if !matches!(reason, NotSent::Arguments(_)) =>
        {
            None
        }
        (Err(error), None) => Some(Outcome::Failed(fit_for_log(&error.to_string()))),
    }
}

/// Returns true if a device is used for so long that the other names should not wait for it.
fn is_long(status: &WaitingStatus, waited: Duration) -> bool {
    Duration::from_millis(status.since_ms) >= PATIENCE || waited >= PATIENCE
}

/// How long a call may run for which the readings wait.
const PATIENCE: Duration = Duration::from_secs(1);
/// How old a reading may be that counts as a new one while a device is in use.
const MAX_AGE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn not_sent(reason: NotSent) -> Result<Value, CallError> {
        Err(CallError::NotSent {
            method: "get_pump_range".into(),
            reason,
        })
    }

    #[test]
    fn a_missing_connection_is_no_reading() {
        let unreachable = || not_sent(NotSent::Unreachable("refused".into()));
        assert_eq!(outcome(unreachable(), None), None);
        assert_eq!(
            outcome(unreachable(), Some("place 1".into())),
            Some(Outcome::Waits("place 1".into()))
        );
        let value = outcome(Ok(1.5.into()), Some("place 1".into()));
        assert_eq!(value, Some(Outcome::Value(1.5.into())));
    }

    #[test]
    fn errors_are_on_one_line() {
        let lost = Err(CallError::OutcomeUnknown {
            method: "pump_read".into(),
            reason: "lost\n\u{1b}[2J".into(),
        });
        match outcome(lost, None) {
            Some(Outcome::Failed(text)) => assert!(!text.contains(char::is_control), "{text:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn short_calls_of_others_are_waited_for() {
        let status = |since_ms| WaitingStatus {
            call: 1,
            device: "pump".into(),
            place: 1,
            holder: "scan".into(),
            since_ms,
            idle_ms: 0,
            reason: String::new(),
        };
        assert!(!is_long(&status(20), Duration::ZERO));
        assert!(is_long(&status(2000), Duration::ZERO));
        assert!(is_long(&status(20), Duration::from_secs(5)));
    }
}
