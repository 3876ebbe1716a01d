//! One outage: how long it has lasted, when to try again, and when to give up.

use std::time::{Duration, Instant};

use ipc_core::backoff::Backoff;

use crate::error::ConnectError;
use crate::retry::Retry;

/// A time during which calls need a connection and there is none.
#[derive(Debug)]
pub(crate) struct Outage {
    since: Instant,
    /// When to give up; `None` means never.
    until: Option<Instant>,
    /// True before the very first connection: a name that cannot be resolved is then most likely misspelt.
    first: bool,
    attempts: u32,
    next: Instant,
    backoff: Backoff,
    last_error: Option<ConnectError>,
}

/// What follows from a failed attempt.
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

    /// The time before the first connection, at most `limit`. Only one attempt is made if `retry` is [`Retry::never`].
    pub(crate) fn before_first(limit: Duration, retry: Retry, now: Instant) -> Self {
        let retry = match retry == Retry::never() {
            true => retry,
            false => Retry::up_to(limit),
        };
        Self {
            first: true,
            ..Self::new(retry, now)
        }
    }

    /// Notes a failed attempt.
    pub(crate) fn attempt_failed(
        &mut self,
        error: ConnectError,
        now: Instant,
        random: u32,
    ) -> Verdict {
        self.attempts = self.attempts.saturating_add(1);
        let hopeless = match error {
            ConnectError::Unresolvable { .. } => self.first,
            // A server that dies during the handshake looks as if it had another secret. `UnansweredProofs` decides
            // when that is certain.
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

    /// Allows no attempt before `earliest`, because of `error`. The next one is made then, or at the end of the outage.
    pub(crate) fn postpone(&mut self, earliest: Instant, error: &ConnectError) {
        if self.next < earliest {
            self.next = self.until.map_or(earliest, |until| until.min(earliest));
            self.last_error = Some(error.clone());
        }
    }

    /// Excludes `time`, during which there was a connection, from the outage.
    pub(crate) fn exclude(&mut self, time: Duration) {
        self.until = self.until.and_then(|until| until.checked_add(time));
    }

    /// When to try next.
    pub(crate) fn next_attempt(&self) -> Instant {
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
    fn attempts_go_on_with_growing_pauses_until_the_limit_and_once_at_it() {
        let start = Instant::now();
        let mut outage = Outage::new(Retry::default(), start);
        let mut tries = 0;
        loop {
            tries += 1;
            let now = outage.next_attempt();
            if outage.attempt_failed(refused(), now, u32::MAX) == Verdict::GiveUp(refused()) {
                assert_eq!(now, start + Duration::from_secs(30));
                break;
            }
            assert!(outage.next_attempt() > now);
        }
        assert!((20..27).contains(&tries), "{tries}");
    }

    #[test]
    fn never_means_one_attempt_and_forever_no_end() {
        let now = Instant::now();
        let verdict = Outage::new(Retry::never(), now).attempt_failed(refused(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(refused()));
        let mut outage = Outage::new(Retry::forever(), now);
        for _ in 0..1000 {
            let at = outage.next_attempt();
            assert_eq!(outage.attempt_failed(refused(), at, 5), Verdict::TryAgain);
        }
    }

    #[test]
    fn the_first_connection_has_its_own_limit_except_under_never() {
        let (now, limit) = (Instant::now(), Duration::from_secs(10));
        let short = Retry::up_to(Duration::from_millis(1));
        for retry in [short, Retry::default(), Retry::forever()] {
            let mut first = Outage::before_first(limit, retry, now);
            let just_before = now + limit - Duration::from_millis(1);
            assert_eq!(
                first.attempt_failed(refused(), just_before, 0),
                Verdict::TryAgain
            );
            let verdict = first.attempt_failed(refused(), now + limit, 0);
            assert_eq!(verdict, Verdict::GiveUp(refused()), "{retry:?}");
        }
        let verdict =
            Outage::before_first(limit, Retry::never(), now).attempt_failed(refused(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(refused()));
    }

    #[test]
    fn a_permanent_error_is_not_retried() {
        let now = Instant::now();
        let secret = ConnectError::SecretRequired {
            address: "lab-pc:4440".into(),
        };
        let verdict = Outage::new(Retry::forever(), now).attempt_failed(secret.clone(), now, 0);
        assert_eq!(verdict, Verdict::GiveUp(secret));
    }

    #[test]
    fn an_unknown_name_is_permanent_only_before_the_first_connection() {
        let now = Instant::now();
        let unknown = ConnectError::Unresolvable {
            host: "lab-cp".into(),
            cause: std::io::Error::other("unknown").into(),
        };
        let mut first = Outage::before_first(Duration::from_secs(10), Retry::default(), now);
        assert!(matches!(
            first.attempt_failed(unknown.clone(), now, 0),
            Verdict::GiveUp(_)
        ));
        let mut later = Outage::new(Retry::default(), now);
        assert_eq!(later.attempt_failed(unknown, now, 0), Verdict::TryAgain);
    }
}
