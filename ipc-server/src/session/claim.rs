//! A session taken from the table.

use std::sync::Arc;
use std::time::Instant;

use ipc_core::wire::ctrl::SessionKey;

use crate::session::shared_session::SharedSession;
use crate::state::ServerState;

/// A session taken from the table for one client. Dropping it puts the session back; a new session is discarded.
#[derive(Debug)]
pub(crate) struct SessionClaim {
    state: Arc<ServerState>,
    key: SessionKey,
    session: Option<SharedSession>,
    is_new: bool,
}

impl SessionClaim {
    /// Claims a session that an earlier connection has left in the table.
    pub(crate) fn resumed(state: &Arc<ServerState>, session: SharedSession) -> Self {
        Self::of(state, session, false)
    }

    /// Claims a session that was just made.
    pub(crate) fn opened(state: &Arc<ServerState>, session: SharedSession) -> Self {
        Self::of(state, session, true)
    }

    fn of(state: &Arc<ServerState>, session: SharedSession, is_new: bool) -> Self {
        Self {
            state: Arc::clone(state),
            key: session.key(),
            session: Some(session),
            is_new,
        }
    }

    pub(crate) fn key(&self) -> SessionKey {
        self.key
    }

    /// True for a session that was just made.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the session, which the caller has to put back itself.
    pub(crate) fn take(mut self) -> Option<SharedSession> {
        self.session.take()
    }
}

impl Drop for SessionClaim {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            if self.is_new {
                self.state.table().remove(session.key());
            } else {
                self.state.table().park(session, Instant::now());
            }
        }
    }
}
