//! Limits on the number of sessions, and on how long they are kept.

use std::time::Duration;

use crate::session::server::SessionLimits;

/// Limits on the sessions of a server.
///
/// ```
/// # use std::time::Duration;
/// # use ipc_core::session::table::TableLimits;
/// let mut limits = TableLimits::default();
/// limits.sessions(100).parked(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableLimits {
    // Public for the server, which reads them; users call the setters.
    #[doc(hidden)]
    pub sessions: usize,
    #[doc(hidden)]
    pub parked: Duration,
    #[doc(hidden)]
    pub parked_replies: usize,
    #[doc(hidden)]
    pub session: SessionLimits,
}

impl TableLimits {
    /// Maximum number of sessions. At the limit, a new session replaces an old one: of those that run no call, the one that
    /// lost its connection first. Its client learns of that if it comes back. If all sessions have connections or run
    /// calls, the new client is refused. The default is 1024; zero is an error when the server starts.
    pub fn sessions(&mut self, sessions: usize) -> &mut Self {
        self.sessions = sessions;
        self
    }

    /// How long a session without a connection can be resumed. One that runs a call is kept until the call ends. The
    /// default is 10 min.
    pub fn parked(&mut self, time: Duration) -> &mut Self {
        self.parked = time;
        self
    }

    /// Maximum number of bytes of answers that all sessions without a connection keep together. Beyond it, results
    /// are dropped, starting with the session that lost its connection first. Its client learns that the calls ran and
    /// that their results were not kept. The default is 64 MiB.
    pub fn parked_replies(&mut self, bytes: usize) -> &mut Self {
        self.parked_replies = bytes;
        self
    }

    /// Limits on each session.
    pub fn session(&mut self, limits: SessionLimits) -> &mut Self {
        self.session = limits;
        self
    }
}

impl Default for TableLimits {
    fn default() -> Self {
        Self {
            sessions: 1024,
            parked: Duration::from_secs(10 * 60),
            parked_replies: 64 * 1024 * 1024,
            session: SessionLimits::default(),
        }
    }
}
