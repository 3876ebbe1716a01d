//! Limits how often a false server can test a guess of the secret.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::ConnectError;

/// The [`UnansweredProofs`] of all connections of one client: together, they give a server no more proofs than one does.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedProofs(Arc<Mutex<UnansweredProofs>>);

/// Counts consecutive connections in which the server got this client's proof of the secret but did not give its own.
///
/// A false server can test one guess of the secret against each proof. So it is given few of them, whatever it does and
/// however many calls need a connection.
#[derive(Debug, Default)]
struct UnansweredProofs {
    in_a_row: u32,
    /// When the last of these connections ended, and how.
    last: Option<(Instant, ConnectError)>,
    /// True once any server has proved to this client that it knows the secret.
    has_met_server: bool,
}

impl SharedProofs {
    /// Counts a connection that ended with `error`, if its server was given a proof. Returns the error to report.
    pub(crate) fn count(&self, error: ConnectError, now: Instant) -> ConnectError {
        self.lock().count(error, now)
    }

    /// A server has proved that it knows the secret.
    pub(crate) fn server_proved_itself(&self) {
        *self.lock() = UnansweredProofs {
            has_met_server: true,
            ..UnansweredProofs::default()
        };
    }

    /// Returns true if `error` means that this client has the wrong secret, and not that a connection was lost at a bad
    /// moment: no server has accepted the secret yet, and this was not the first proof. Once a server has accepted it,
    /// another server may have taken its address for a while, and the client waits for the right one.
    pub(crate) fn are_decisive(&self, error: &ConnectError) -> bool {
        let proofs = self.lock();
        !proofs.has_met_server
            && error.follows_a_proof()
            && (proofs.in_a_row > 1 || error.is_permanent())
    }

    /// Until when no server may be given another proof, and how the last one was lost.
    pub(crate) fn pause(&self) -> Option<(Instant, ConnectError)> {
        let proofs = self.lock();
        let (given, error) = proofs.last.as_ref()?;
        (proofs.in_a_row >= WITHOUT_PAUSE).then(|| (*given + PAUSE, error.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, UnansweredProofs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnansweredProofs {
    fn count(&mut self, mut error: ConnectError, now: Instant) -> ConnectError {
        if error.follows_a_proof() {
            self.in_a_row = self.in_a_row.saturating_add(1);
            if let ConnectError::WrongSecret { tries, .. } = &mut error {
                *tries = self.in_a_row;
            }
            self.last = Some((now, error.clone()));
        }
        error
    }
}

/// Number of consecutive proofs that a server is given without a pause.
const WITHOUT_PAUSE: u32 = 4;
/// Shortest time between two later proofs.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_proofs_are_given_at_once_and_then_one_a_minute() {
        let mut now = Instant::now();
        let proofs = SharedProofs::default();
        let lost = || ConnectError::WrongSecret {
            address: "lab-pc:4440".into(),
            certain: false,
            tries: 1,
        };
        for n in 1..=WITHOUT_PAUSE {
            assert!(proofs.pause().is_none());
            let reported = proofs.count(lost(), now);
            assert!(matches!(reported, ConnectError::WrongSecret { tries, .. } if tries == n));
        }
        let mut given = 0;
        for _ in 0..600 {
            let (until, _) = proofs.pause().unwrap();
            if until <= now {
                proofs.count(lost(), now);
                given += 1;
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(given, 9, "in the ten minutes after");
        proofs.server_proved_itself();
        assert!(proofs.pause().is_none());
    }

    #[test]
    fn a_further_connection_does_not_try_a_secret_anew() {
        let now = Instant::now();
        let lost = ConnectError::WrongSecret {
            address: "lab-pc:4440".into(),
            certain: false,
            tries: 1,
        };
        let (settings, _) = crate::Client::builder("127.0.0.1").into_parts();
        let observer = settings.of_observer(None);
        for _ in 0..2 {
            settings.proofs.count(lost.clone(), now);
        }
        let reported = observer.proofs.count(lost.clone(), now);
        assert!(matches!(
            reported,
            ConnectError::WrongSecret { tries: 3, .. }
        ));
        assert!(observer.proofs.are_decisive(&reported));
        // Another client of the same builder has its own.
        let (other, _) = crate::Client::builder("127.0.0.1").into_parts();
        let reported = other.proofs.count(lost, now);
        assert!(!other.proofs.are_decisive(&reported));
    }
}
