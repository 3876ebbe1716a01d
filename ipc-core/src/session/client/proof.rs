//! The state in a form in which equal futures look equal, for the model checker.

use super::{ClientSession, LinkState};

impl ClientSession {
    pub(in crate::session) fn digest_into(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let link = match &self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => Some(link),
            LinkState::Closed(link) => link.as_ref(),
            LinkState::Disconnected => None,
        };
        (std::mem::discriminant(&self.state), link.is_some()).hash(hasher);
        if let Some(link) = link {
            link.digest_into(hasher);
        }
        (
            self.key,
            self.connections,
            self.last_number,
            self.sent.next,
            self.sent.confirmed,
        )
            .hash(hasher);
        (&self.abandoned, self.events.len()).hash(hasher);
        for (number, call) in self.calls.iter() {
            let start = call
                .start
                .zip(link)
                .map(|(start, link)| link.distance(start));
            (number, call.given, &call.frame).hash(hasher);
            (call.sent, call.forgotten, call.asked_again).hash(hasher);
            (call.timed_out, start).hash(hasher);
        }
    }
}
