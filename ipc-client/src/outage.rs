//! One outage: how long it has lasted, what was tried, when to try again, and when to stop.

use std::time::{Duration, Instant};

use ipc_core::backoff::Backoff;

use crate::error::ConnectError;
use crate::retry::Retry;

/// The time in which calls need a connection and there is none.
#[derive(Debug)]
pub(crate) struct Outage {
    since: Instant,
    /// When waiting ends; `None` for never.
    until: Option<Instant>,
    /// True before the very first connection, where a name that cannot be resolved is most likely a wrong one.
    first: bool,
    attempts: u32,
    next: Instant,
    backoff: Backoff,
    last_error: Option<ConnectError>,
}

/// What follows from a failed try.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    TryAgain,
    GiveUp(ConnectError),
}

impl Outage {
    /// An outage that begins now.
    pub(crate) fn new(retry: Retry, now: Instant) -> Self {
        let until = retry.limit.and_then(|limit| now.checked_add(limit));
        Self {
            since: now,
            until,
            first: false,
            attempts: 0,
            next: now,
            backoff: Backoff::default(),
            last_error: None,
        }
    }

    /// The time before the first connection, at most `limit`; one try, if that is what `retry` asks for.
    pub(crate) fn before_first(limit: Duration, retry: Retry, now: Instant) -> Self {
        let retry = match retry == Retry::never() {
            true => retry,
            false => Retry::for_duration(limit),
        };
        Self {
            first: true,
            ..Self::new(retry, now)
        }
    }

    /// A try has failed.
    pub(crate) fn failed(&mut self, error: ConnectError, now: Instant, random: u32) -> Verdict {
        self.attempts = self.attempts.saturating_add(1);
        let hopeless = match error {
            ConnectError::Unresolvable { .. } => self.first,
            // A server that dies at the wrong moment seems to have another secret. When that is believed is decided
            // where the proofs are counted.
            ConnectError::WrongSecret { .. } => false,
            _ => error.is_permanent(),
        };
        if hopeless || self.until.is_some_and(|until| until <= now) {
            return Verdict::GiveUp(error);
        }
        let next = now + self.backoff.next_wait(random);
        self.next = self.until.map_or(next, |until| until.min(next));
        self.last_error = Some(error);
        Verdict::TryAgain
    }

    /// No try is allowed before `earliest`, because of `error`: the next one is then, or at the end of the outage.
    pub(crate) fn postpone(&mut self, earliest: Instant, error: &ConnectError) {
        if self.next < earliest {
            self.next = self.until.map_or(earliest, |until| until.min(earliest));
            self.last_error = Some(error.clone());
        }
    }

    /// A connection was there for so long, which is no part of the outage.
    pub(crate) fn was_interrupted(&mut self, time: Duration) {
        self.until = self.until.and_then(|until| until.checked_add(time));
    }

    /// When to try next.
    pub(crate) fn next_try(&self) -> Instant {
        self.next
    }

    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn last_error(&self) -> Option<&ConnectError> {
        self.last_error.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ConnectError {
        let error = std::io::ErrorKind::ConnectionRefused.into();
        ConnectError::from_io("lab-pc:4440".into(), None, error)
    }

    #[test]
    fn tries_go_on_with_growing_pauses_until_the_limit_and_once_at_it() {
        let start = Instant::now();
        let mut outage = Outage::new(Retry::default(), start);
        let mut tries = 0;
        loop {
            tries += 1;
            let now = outage.next_try();
            if outage.failed(refused(), now, u32::MAX) == Verdict::GiveUp(refused()) {
                assert_eq!(now, start + Duration::from_secs(30));
                break;
            }
            assert!(outage.next_try() > now);
        }
        assert!((20..27).contains(&tries), "{tries}");
    }

    #[test]
    fn never_means_one_try_and_forever_no_end() {
        let now = Instant::now();
        let verdict = Outage::new(Retry::never(), now).failed(refused(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(refused()));
        let mut outage = Outage::new(Retry::forever(), now);
        for _ in 0..1000 {
            let at = outage.next_try();
            assert_eq!(outage.failed(refused(), at, 5), Verdict::TryAgain);
        }
    }

    #[test]
    fn before_the_first_connection_only_never_counts() {
        let (now, limit) = (Instant::now(), Duration::from_secs(10));
        let short = Retry::for_duration(Duration::from_millis(1));
        for retry in [short, Retry::default(), Retry::forever()] {
            let mut first = Outage::before_first(limit, retry, now);
            let just_before = now + limit - Duration::from_millis(1);
            assert_eq!(first.failed(refused(), just_before, 0), Verdict::TryAgain);
            let verdict = first.failed(refused(), now + limit, 0);
            assert_eq!(verdict, Verdict::GiveUp(refused()), "{retry:?}");
        }
        let verdict = Outage::before_first(limit, Retry::never(), now).failed(refused(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(refused()));
    }

    #[test]
    fn what_time_does_not_heal_is_not_tried_again() {
        let now = Instant::now();
        let secret = ConnectError::SecretRequired {
            address: "lab-pc:4440".into(),
        };
        let verdict = Outage::new(Retry::forever(), now).failed(secret.clone(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(secret));
    }

    #[test]
    fn a_name_is_believed_wrong_at_first_and_right_later() {
        let now = Instant::now();
        let unknown = ConnectError::Unresolvable {
            host: "lab-cp".into(),
            cause: std::io::Error::other("unknown").into(),
        };
        let mut first = Outage::before_first(Duration::from_secs(10), Retry::default(), now);
        assert!(matches!(
            first.failed(unknown.clone(), now, 0),
            Verdict::GiveUp(_)
        ));
        let mut later = Outage::new(Retry::default(), now);
        assert_eq!(later.failed(unknown, now, 0), Verdict::TryAgain);
    }
}
