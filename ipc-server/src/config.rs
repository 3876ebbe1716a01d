//! The settings of a server.

use std::path::PathBuf;
use std::time::Duration;

use ipc_core::Secret;
use ipc_core::session::table::TableLimits;

use crate::handshake::limits::AccessLimits;

/// The settings of a server.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) service: String,
    pub(crate) secret: Option<Secret>,
    /// Maximum number of clients that hold the server at the same time.
    pub(crate) seats: usize,
    pub(crate) queue: usize,
    /// Where leases are kept across restarts.
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) idle_handover: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) liveness: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) access: AccessLimits,
    pub(crate) table: TableLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            service: String::new(),
            secret: None,
            seats: 1,
            queue: 256,
            state_dir: None,
            idle_handover: Some(Duration::from_secs(30)),
            grace: Duration::from_secs(15),
            liveness: Duration::from_secs(15),
            stop_timeout: Duration::from_secs(5),
            access: AccessLimits::default(),
            table: TableLimits::default(),
        }
    }
}

impl Config {
    /// True if several clients may hold the server at the same time.
    pub(crate) fn is_shared(&self) -> bool {
        self.seats > 1
    }

    /// Returns the name of a limit that is zero and would keep every client out.
    pub(crate) fn zero_limit(&self) -> Option<&'static str> {
        let (access, table) = (&self.access, &self.table);
        [
            ("shared_by", self.seats == 0),
            ("hello_within", access.hello_within.is_zero()),
            ("unidentified", access.unidentified == 0),
            (
                "unidentified_per_source",
                access.unidentified_per_source == 0,
            ),
            ("guesses_per_minute", access.guesses_per_minute == 0),
            ("sessions", table.sessions == 0),
            ("waiting_calls", table.session.waiting_calls == 0),
            ("waiting_bytes", table.session.waiting_bytes == 0),
        ]
        .into_iter()
        .find_map(|(limit, is_zero)| is_zero.then_some(limit))
    }
}
