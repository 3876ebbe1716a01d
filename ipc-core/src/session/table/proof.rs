//! The table in a form in which equal futures look equal, for the model checker.

use std::hash::{Hash, Hasher};

use super::{ServerSession, SessionTable, SlotState};
use crate::wire::ctrl::SessionKey;

impl SessionTable<Box<ServerSession>> {
    /// The sessions that can be resumed.
    pub fn parked(&self) -> Vec<SessionKey> {
        let parked = self.slots.values().filter_map(|slot| match &slot.state {
            SlotState::Parked { session, .. } => Some(session.key()),
            SlotState::Out => None,
        });
        parked.collect()
    }

    /// A session that can be resumed.
    pub fn parked_session(&mut self, key: SessionKey) -> Option<&mut ServerSession> {
        match &mut self.slots.get_mut(&key.session)?.state {
            SlotState::Parked { session, .. } => Some(session),
            SlotState::Out => None,
        }
    }

    pub(in crate::session) fn digest_into(&self, hasher: &mut impl Hasher) {
        self.incarnation.hash(hasher);
        for (id, slot) in &self.slots {
            (id, slot.connection).hash(hasher);
            match &slot.state {
                SlotState::Parked { session, .. } => session.digest_into(hasher),
                SlotState::Out => 0_u8.hash(hasher),
            }
        }
    }
}
