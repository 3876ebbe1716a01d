//! Options of connected sockets.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::keepalive::ProbeTiming;

/// Why a socket could not be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// The peer has closed the connection. Some systems then refuse every option.
    #[error("the connection is closed")]
    Closed(#[source] io::Error),
    /// The system refuses an option.
    #[error("cannot set {option} of the socket")]
    Refused {
        /// The option, for a message to the user.
        option: &'static str,
        /// The answer of the system.
        #[source]
        cause: io::Error,
    },
}

/// Sends small messages without delay, and lets the system notice that the peer is gone within the time `dead_after`,
/// which is rounded down to seconds and limited to 2 s .. 24 h.
///
/// Tries all options before it returns the first error: a server goes on without the option that was refused.
pub fn configure<'s, S>(stream: &'s S, dead_after: Duration) -> Result<(), ConfigureError>
where
    SockRef<'s>: From<&'s S>,
{
    let socket = SockRef::from(stream);
    let timing = ProbeTiming::within(dead_after);
    let keepalive = TcpKeepalive::new()
        .with_time(timing.idle)
        .with_interval(timing.interval);
    // Other systems do not let a program choose the number of probes.
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        windows
    ))]
    let keepalive = keepalive.with_retries(timing.retries);
    let set = |option, result: io::Result<()>| {
        result.map_err(|cause| match socket.peer_addr() {
            Ok(_) => ConfigureError::Refused { option, cause },
            Err(gone) => ConfigureError::Closed(gone),
        })
    };
    let no_delay = set("TCP_NODELAY", socket.set_tcp_nodelay(true));
    let keepalive = set(
        "the keepalive (`liveness`)",
        socket.set_tcp_keepalive(&keepalive),
    );
    // Keepalive does not cover a connection with unacknowledged data.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let keepalive = keepalive.and(set(
        "the time limit for unacknowledged data (`liveness`)",
        socket.set_tcp_user_timeout(Some(timing.user_timeout)),
    ));
    no_delay.and(keepalive)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Linux refuses times of more than 32767 s, and connections were then left without keepalive.
    #[test]
    fn the_system_accepts_every_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        for seconds in [0, 3, 15, 86_400, 98_304, 131_071, 10_000_000, u64::MAX] {
            configure(&stream, Duration::from_secs(seconds)).unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        }
        configure(&stream, Duration::MAX).unwrap();
    }
}
