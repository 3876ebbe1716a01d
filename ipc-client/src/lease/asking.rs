//! Asking for a lease until the server grants it, without input and output: what to ask next, and what follows from the
//! answer.

use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::commands::{ClaimState, HolderInfo, LeaseInfo, LeaseRequest, name};
use ipc_core::{Args, CallError, NotSent};

use super::ClaimCallback;
use super::error::LeaseError;

/// A client that asks for a lease.
pub(super) struct Asking<'a> {
    request: &'a LeaseRequest,
    began: Instant,
    /// When the client stops waiting; `None` means never.
    until: Option<Instant>,
    pause: Duration,
    has_claimed: bool,
    latest: Option<ClaimState>,
    on_waiting: Option<&'a ClaimCallback>,
    told: Option<(u32, Instant)>,
}

/// What follows from an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// The client holds the devices.
    Held,
    /// It asks again after this time.
    Again(Duration),
    /// It does not wait, and wants to know who has the devices, which [`Asking::holders`] takes.
    WhoHolds,
    Over(LeaseError),
}

impl<'a> Asking<'a> {
    pub(super) fn new(
        request: &'a LeaseRequest,
        wait: Duration,
        on_waiting: Option<&'a ClaimCallback>,
        now: Instant,
    ) -> Self {
        Self {
            request,
            began: now,
            until: now.checked_add(wait),
            pause: FIRST_PAUSE,
            has_claimed: false,
            latest: None,
            on_waiting,
            told: None,
        }
    }

    /// The next call. Both kinds can be made twice.
    pub(super) fn call(&self) -> OutgoingCall {
        let mut call = match self.has_claimed {
            false => OutgoingCall::command(name::CLAIM, Args::new().named("request", self.request)),
            true => {
                OutgoingCall::command(name::STATUS, Args::new().named("claim", self.request.claim))
            }
        };
        call.set_idempotent();
        call
    }

    /// When the next call is to end at the latest, beside the limits of its handle. The claim itself has no other limits: it
    /// may have to connect first.
    pub(super) fn call_until(&self, now: Instant) -> Option<Instant> {
        let soonest = now.checked_add(ANSWERED_WITHIN)?;
        self.until
            .filter(|_| self.has_claimed)
            .map(|until| until.max(soonest))
    }

    /// Takes the answer to the call.
    pub(super) fn answered(
        &mut self,
        answer: Result<ClaimState, CallError>,
        now: Instant,
    ) -> Verdict {
        let state = match answer {
            Ok(state) => state,
            Err(error) => return Verdict::Over(self.failed(error, now)),
        };
        match state {
            ClaimState::Held { .. } => return Verdict::Held,
            ClaimState::Ended { .. } if !self.request.may_wait => return Verdict::WhoHolds,
            ClaimState::Ended { by, why, ago_ms } => {
                let devices = &self.request.devices;
                return Verdict::Over(LeaseError::ended(devices, by, why, ago_ms));
            }
            ClaimState::Waiting { .. } => {
                self.has_claimed = true;
                self.tell(&state, now);
            }
            // The server was restarted. Asking once more for the same lease is safe.
            _ => self.has_claimed = false,
        }
        let state = self.latest.insert(state).clone();
        match self.until {
            Some(until) if until <= now && !self.waits_for_hooks_only(&state, now) => {
                Verdict::Over(self.timed_out(state, now))
            }
            until => Verdict::Again(self.next_pause(until.filter(|until| *until > now), now)),
        }
    }

    /// Returns true if nobody else has the devices, which are being put into their safe state, and that has not taken long yet.
    fn waits_for_hooks_only(&self, state: &ClaimState, now: Instant) -> bool {
        let is_free =
            matches!(state, ClaimState::Waiting { place: 1, behind } if behind.is_empty());
        is_free && now.saturating_duration_since(self.began) < HOOKS_RUN_WITHIN
    }

    /// Takes the leases of all clients, for a client that does not wait.
    pub(super) fn holders(&self, leases: Vec<LeaseInfo>) -> LeaseError {
        let state = ClaimState::Waiting {
            place: 1,
            behind: leases
                .into_iter()
                .filter(|it| it.place == 0)
                .filter_map(|it| self.holder(it))
                .collect(),
        };
        LeaseError::timeout(&self.request.devices, Duration::ZERO, state)
    }

    fn holder(&self, lease: LeaseInfo) -> Option<HolderInfo> {
        let device = (lease.devices.into_iter()).find(|it| self.request.devices.contains(it))?;
        Some(HolderInfo {
            device,
            client: lease.client,
            name: lease.name,
            address: lease.address,
            since_ms: lease.since_ms,
            idle_ms: 0,
            because: lease.because,
            ends_ms: lease.ends_ms,
        })
    }

    /// The error for a call that has failed: if its time was over because the client has waited for long enough, that is
    /// what is told.
    fn failed(&self, error: CallError, now: Instant) -> LeaseError {
        let is_late = self.until.is_some_and(|until| until <= now);
        let is_timeout = matches!(
            error,
            CallError::TimedOut { .. }
                | CallError::NotSent {
                    reason: NotSent::TimedOut(_)
                        | NotSent::NoConnection { .. }
                        | NotSent::Busy { .. },
                    ..
                }
        );
        match &self.latest {
            Some(state) if is_late && is_timeout => self.timed_out(state.clone(), now),
            _ => LeaseError::of_call(&self.request.devices, error),
        }
    }

    fn timed_out(&self, state: ClaimState, now: Instant) -> LeaseError {
        let waited = match self.request.may_wait {
            true => now.saturating_duration_since(self.began),
            false => Duration::ZERO,
        };
        LeaseError::timeout(&self.request.devices, waited, state)
    }

    /// The pauses double, up to a tenth of a second; the last one ends with the wait.
    fn next_pause(&mut self, until: Option<Instant>, now: Instant) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        match until {
            Some(until) => pause.min(until.saturating_duration_since(now)),
            None => pause,
        }
    }

    /// Tells the program where it stands, if that has changed, and now and then if it has not.
    fn tell(&mut self, state: &ClaimState, now: Instant) {
        let ClaimState::Waiting { place, .. } = state else {
            return;
        };
        let is_news = self.told.is_none_or(|(told, at)| {
            told != *place || now.saturating_duration_since(at) >= TOLD_EVERY
        });
        if let Some(on_waiting) = self.on_waiting.filter(|_| is_news) {
            self.told = Some((*place, now));
            on_waiting.run(|on_waiting| on_waiting(state));
        }
    }
}

/// How long a client that does not wait for others waits for release hooks.
const HOOKS_RUN_WITHIN: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The server passes over a claim that is not asked for within 5 s.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long the server has to answer a question, even if the wait is over sooner.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How often a program is told of a wait that does not get shorter.
const TOLD_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn request(may_wait: bool) -> LeaseRequest {
        LeaseRequest {
            claim: 7,
            devices: vec!["laser".into()],
            may_wait,
            ..LeaseRequest::default()
        }
    }

    fn waiting(place: u32) -> Result<ClaimState, CallError> {
        let behind = vec![];
        Ok(ClaimState::Waiting { place, behind })
    }

    fn ended() -> Result<ClaimState, CallError> {
        Ok(ClaimState::Ended {
            by: "anna".into(),
            why: "night run".into(),
            ago_ms: 0,
        })
    }

    #[test]
    fn it_asks_after_growing_pauses_until_it_holds_the_devices() {
        let (request, mut now) = (request(true), Instant::now());
        let mut asking = Asking::new(&request, Duration::MAX, None, now);
        assert_eq!(asking.call().method(), name::CLAIM);
        assert_eq!(asking.call_until(now), None);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            let Verdict::Again(pause) = asking.answered(waiting(2), now) else {
                panic!("over");
            };
            assert_eq!(asking.call().method(), name::STATUS);
            pauses.push(u64::try_from(pause.as_millis()).unwrap());
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 100, 100, 100]);
        let held = Ok(ClaimState::Held { ends_ms: None });
        assert_eq!(asking.answered(held, now), Verdict::Held);
    }

    #[test]
    fn the_wait_ends_in_time_with_what_was_last_known() {
        let (request, began) = (request(true), Instant::now());
        let wait = Duration::from_millis(50);
        let mut asking = Asking::new(&request, wait, None, began);
        let mut now = began;
        let error = loop {
            match asking.answered(waiting(3), now) {
                Verdict::Again(pause) => now += pause,
                Verdict::Over(error) => break error,
                verdict => panic!("{verdict:?}"),
            }
        };
        assert_eq!(now, began + wait);
        let state = waiting(3).unwrap();
        let expected = LeaseError::timeout(&request.devices, wait, state);
        assert_eq!(error, expected);
        // A question that is not answered in time ends the wait in the same way.
        let late = CallError::TimedOut {
            method: name::STATUS.into(),
            after: ANSWERED_WITHIN,
            may_have_run: true,
        };
        assert_eq!(asking.answered(Err(late), now), Verdict::Over(expected));
        assert_eq!(asking.call_until(now), Some(now + ANSWERED_WITHIN));
    }

    #[test]
    fn a_client_that_does_not_wait_learns_who_has_the_devices() {
        let (request, now) = (request(false), Instant::now());
        let mut asking = Asking::new(&request, Duration::ZERO, None, now);
        assert_eq!(asking.answered(ended(), now), Verdict::WhoHolds);
        let lease = |device: &str, name: &str| LeaseInfo {
            devices: vec![device.into()],
            name: name.into(),
            ..LeaseInfo::default()
        };
        let error = asking.holders(vec![lease("meter", "other"), lease("laser", "scan")]);
        let text = error.to_string();
        assert!(text.contains("scan") && !text.contains("other"), "{text}");
    }

    #[test]
    fn a_wait_that_others_end_is_over() {
        let (request, now) = (request(true), Instant::now());
        let mut asking = Asking::new(&request, Duration::MAX, None, now);
        asking.answered(waiting(1), now);
        let verdict = asking.answered(ended(), now);
        assert!(
            matches!(&verdict, Verdict::Over(LeaseError::Ended { by, .. }) if by == "anna"),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_server_that_was_restarted_is_asked_for_the_same_lease_again() {
        let (request, now) = (request(true), Instant::now());
        let mut asking = Asking::new(&request, Duration::MAX, None, now);
        asking.answered(waiting(1), now);
        let verdict = asking.answered(Ok(ClaimState::Unknown), now);
        assert!(matches!(verdict, Verdict::Again(_)), "{verdict:?}");
        assert_eq!(asking.call().method(), name::CLAIM);
    }

    #[test]
    fn the_program_is_told_of_changes_and_every_few_seconds() {
        let places = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&places);
        let callback: ClaimCallback = ClaimCallback::new(
            "`on_waiting`",
            Arc::new(move |state: &ClaimState| {
                if let ClaimState::Waiting { place, .. } = state {
                    seen.lock().unwrap().push(*place);
                }
            }),
        );
        let (request, now) = (request(true), Instant::now());
        let mut asking = Asking::new(&request, Duration::MAX, Some(&callback), now);
        for (place, at) in [(2, 0), (2, 1), (1, 2), (1, 6), (1, 7)] {
            asking.answered(waiting(place), now + Duration::from_secs(at));
        }
        assert_eq!(*places.lock().unwrap(), [2, 1, 1]);
    }
}
