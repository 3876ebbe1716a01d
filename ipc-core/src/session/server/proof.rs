//! The state in a form in which equal futures look equal, for the model checker.

use std::hash::{Hash, Hasher};

use super::{End, ServerSession};
use crate::wire::ctrl::Feature;

impl ServerSession {
    /// The highest call number that has come.
    pub fn last_call(&self) -> u64 {
        self.last
    }

    /// True if an answer is remembered that the client has confirmed.
    pub fn keeps_confirmed(&self) -> bool {
        self.done.iter().any(|(number, _)| number < self.confirmed)
    }

    pub(in crate::session) fn digest_into(&self, hasher: &mut impl Hasher) {
        (self.key, self.last, self.link.is_some()).hash(hasher);
        (self.end == Some(End::Finished)).hash(hasher);
        if let Some(link) = &self.link {
            link.digest_into(hasher);
        }
        for waiting in &self.waiting {
            (waiting.call.number, waiting.digest).hash(hasher);
            waiting.deadline.hash(hasher);
        }
        (self.confirmed, self.features.offer(Feature::Faults)).hash(hasher);
        (&self.expected, self.is_leaving).hash(hasher);
        for running in &self.running {
            (running.number, running.digest, running.cancelled).hash(hasher);
        }
        for (number, done) in self.done.iter() {
            (number, done.digest, &done.answer).hash(hasher);
        }
    }
}
