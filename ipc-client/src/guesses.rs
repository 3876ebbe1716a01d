//! How often a server may try out what the secret is.

use std::time::{Duration, Instant};

/// Counts the connections in a row in which a server was given this client's proof of the secret and did not give its
/// own. A false server can try one guess against each proof, so it is given few of them, whatever it does next and
/// however many calls ask for it.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    in_a_row: u32,
    last: Option<Instant>,
}

impl Guesses {
    /// A server was given a proof.
    pub(crate) fn given(&mut self, now: Instant) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.last = Some(now);
    }

    /// A server has proven itself.
    pub(crate) fn confirmed(&mut self) {
        *self = Self::default();
    }

    /// True if it is no accident any more: a server that dies at the wrong moment looks the same, but not so often.
    pub(crate) fn are_spent(&self) -> bool {
        self.in_a_row >= FREE
    }

    /// True if the server is not to be given another proof now.
    pub(crate) fn are_barred(&self, now: Instant) -> bool {
        let is_recent = |last| now.saturating_duration_since(last) < PAUSE;
        self.are_spent() && self.last.is_some_and(is_recent)
    }
}

/// So many proofs in a row a server is given at once.
const FREE: u32 = 4;
/// After those, one in so long a time.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_are_free_and_then_one_a_minute() {
        let mut now = Instant::now();
        let mut guesses = Guesses::default();
        for _ in 0..FREE {
            assert!(!guesses.are_spent() && !guesses.are_barred(now));
            guesses.given(now);
        }
        let mut given = 0;
        for _ in 0..600 {
            assert!(guesses.are_spent());
            if !guesses.are_barred(now) {
                guesses.given(now);
                given += 1;
            }
            now += Duration::from_secs(1);
        }
        assert_eq!(given, 9, "in the ten minutes after");
        guesses.confirmed();
        assert!(!guesses.are_spent() && !guesses.are_barred(now));
    }
}
