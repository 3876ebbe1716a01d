//! How often a server may try out what the secret is.

use std::time::{Duration, Instant};

use crate::error::ConnectError;

/// Counts the connections in a row in which a server was given this client's proof of the secret and did not give its
/// own. A false server can try one guess against each proof, so it is given few of them, whatever it does next and
/// however many calls ask for it.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    in_a_row: u32,
    /// When the last of them was made possible, and how that connection ended.
    last: Option<(Instant, ConnectError)>,
    /// True once any server has proven itself to this client.
    has_confirmed: bool,
}

impl Guesses {
    /// Counts the connection that ended with `error`, if its server was given a proof. Returns the error to tell.
    pub(crate) fn count(&mut self, mut error: ConnectError, now: Instant) -> ConnectError {
        if error.follows_a_proof() {
            self.in_a_row = self.in_a_row.saturating_add(1);
            if let ConnectError::WrongSecret { tries, .. } = &mut error {
                *tries = self.in_a_row;
            }
            self.last = Some((now, error.clone()));
        }
        error
    }

    /// A server has proven itself.
    pub(crate) fn confirmed(&mut self) {
        *self = Self {
            has_confirmed: true,
            ..Self::default()
        };
    }

    /// True if this client's secret is to be taken for a wrong one rather than this end of a connection for an accident:
    /// no server has accepted it yet, and this was not the first proof. Once a server has, another one may have taken its
    /// place for a while, and the right one is waited for.
    pub(crate) fn are_decisive(&self, error: &ConnectError) -> bool {
        !self.has_confirmed
            && error.follows_a_proof()
            && (self.in_a_row > 1 || error.is_permanent())
    }

    /// Until when no server is to be given another proof, and how the last one was lost.
    pub(crate) fn bar(&self) -> Option<(Instant, &ConnectError)> {
        let (given, error) = self.last.as_ref()?;
        (self.in_a_row >= FREE).then(|| (*given + PAUSE, error))
    }
}

/// Number of proofs in a row that a server is given without a pause.
const FREE: u32 = 4;
/// The least time between two later ones.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_are_free_and_then_one_a_minute() {
        let mut now = Instant::now();
        let mut guesses = Guesses::default();
        let lost = || ConnectError::WrongSecret {
            address: "lab-pc:4440".into(),
            certain: false,
            tries: 1,
        };
        for n in 1..=FREE {
            assert!(guesses.bar().is_none());
            let told = guesses.count(lost(), now);
            assert!(matches!(told, ConnectError::WrongSecret { tries, .. } if tries == n));
        }
        let mut given = 0;
        for _ in 0..600 {
            let (until, _) = guesses.bar().unwrap();
            if until <= now {
                guesses.count(lost(), now);
                given += 1;
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(given, 9, "in the ten minutes after");
        guesses.confirmed();
        assert!(guesses.bar().is_none());
    }
}
