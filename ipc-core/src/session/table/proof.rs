//! The table in a form in which equal futures look equal, for the model checker.

use std::hash::{Hash, Hasher};

use super::{EntryState, ServerSession, SessionTable};
use crate::wire::ctrl::SessionKey;

impl SessionTable<Box<ServerSession>> {
    /// The sessions that can be resumed.
    pub fn parked(&self) -> Vec<SessionKey> {
        let parked = self
            .entries
            .values()
            .filter_map(|entry| match &entry.state {
                EntryState::Parked { session, .. } => Some(session.key()),
                EntryState::Out => None,
            });
        parked.collect()
    }

    /// A session that can be resumed.
    pub fn parked_session(&mut self, key: SessionKey) -> Option<&mut ServerSession> {
        match &mut self.entries.get_mut(&key.session)?.state {
            EntryState::Parked { session, .. } => Some(session),
            EntryState::Out => None,
        }
    }

    pub(in crate::session) fn digest_into(&self, hasher: &mut impl Hasher) {
        self.incarnation.hash(hasher);
        for (id, entry) in &self.entries {
            (id, entry.connection).hash(hasher);
            match &entry.state {
                EntryState::Parked { session, .. } => session.digest_into(hasher),
                EntryState::Out => 0_u8.hash(hasher),
            }
        }
    }
}
