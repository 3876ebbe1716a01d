//! The state of a connection, as shown to the user of this crate.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::QueueStatus;

/// The state of a client's connection, as far as the client knows.
///
/// A [`Client`](crate::Client) looks at its connection only during calls: between calls its state stays
/// [`Connected`](Self::Connected) even if the connection has been lost.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is no connection, and no call needs one.
    Disconnected,
    /// There is no connection yet; the client is trying to make one.
    Connecting {
        /// Since when.
        since: Instant,
        /// Number of attempts that have failed.
        attempts: u32,
        /// How the latest of them failed.
        last_error: Option<String>,
    },
    /// The server is busy with another client. The durations in the status keep running after the server's last report.
    Queued(QueueStatus),
    /// This client holds the server; calls go out at once.
    Connected {
        /// The address of the server.
        server: SocketAddr,
        /// Since when.
        since: Instant,
        /// True if the server still knew the session from an earlier connection.
        resumed: bool,
    },
    /// The client has been closed, for good.
    Closed,
}

/// Text for people: "waiting, place 1 of 2 in the queue; ...".
impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected => f.write_str("not connected"),
            Self::Connecting {
                last_error: None, ..
            } => f.write_str("connecting"),
            Self::Connecting {
                attempts,
                last_error: Some(error),
                ..
            } => {
                let plural = if *attempts == 1 { "" } else { "s" };
                write!(
                    f,
                    "connecting, {attempts} failed attempt{plural} so far: {error}"
                )
            }
            Self::Queued(status) => write!(f, "waiting, {status}"),
            Self::Connected {
                server,
                resumed: true,
                ..
            } => {
                write!(f, "connected to {server} again")
            }
            Self::Connected { server, .. } => write!(f, "connected to {server}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl ConnectionState {
    /// This state as of `now`, if it was reported at `reported`.
    pub(crate) fn as_of(&self, now: Instant, reported: Instant) -> Self {
        match self {
            Self::Queued(status) => {
                Self::Queued(aged(status, now.saturating_duration_since(reported)))
            }
            state => state.clone(),
        }
    }
}

/// A queue status that the server reported this long `ago`, with its durations brought up to date.
pub(crate) fn aged(status: &QueueStatus, ago: Duration) -> QueueStatus {
    let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    let later = |ms: u64| ms.saturating_add(ago);
    let (idle_ms, running_ms) = match status.running.is_empty() {
        true => (later(status.idle_ms), status.running_ms),
        false => (status.idle_ms, later(status.running_ms)),
    };
    QueueStatus {
        held_ms: later(status.held_ms),
        idle_ms,
        running_ms,
        ..status.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression test: five seconds after the server's report, the text still said "has held the server for 0 s".
    #[test]
    fn the_durations_of_a_queue_status_keep_running() {
        let reported = |running: &str, ms| QueueStatus {
            place: 1,
            waiting: 2,
            holder: "scan by alice".into(),
            holder_address: "192.168.1.7".into(),
            held_ms: 900,
            idle_ms: if running.is_empty() { ms } else { 0 },
            running: running.into(),
            running_ms: if running.is_empty() { 0 } else { ms },
        };
        let then = Instant::now();
        for (running, end) in [
            ("", "held the server for 5 s, idle for 5 s"),
            (
                "sweep",
                "held the server for 5 s, and `sweep` has run for 5 s",
            ),
        ] {
            let state = ConnectionState::Queued(reported(running, 500));
            let text = state.as_of(then + Duration::from_secs(5), then).to_string();
            assert!(text.ends_with(end), "{text}");
        }
        assert_eq!(aged(&reported("", 0), Duration::MAX).held_ms, u64::MAX);
        assert_eq!(aged(&reported("", 7), Duration::ZERO), reported("", 7));
    }
}
