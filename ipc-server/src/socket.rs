//! Settings of sockets.

use std::io;
use std::time::Duration;

use ipc_core::liveness::Probing;
use socket2::{SockRef, TcpKeepalive};

/// Sends small messages at once, and lets the system notice within `liveness` that the peer is gone.
///
/// Tries all settings, and returns the error of the first one that the system refuses.
pub(crate) fn configure(socket: SockRef<'_>, liveness: Duration) -> io::Result<()> {
    let no_delay = socket.set_tcp_nodelay(true);
    let probing = probing(liveness);
    let keepalive = TcpKeepalive::new()
        .with_time(probing.idle)
        .with_interval(probing.interval);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        windows
    ))]
    let keepalive = keepalive.with_retries(probing.retries);
    let keepalive = socket.set_tcp_keepalive(&keepalive);
    // Bytes of this end that the peer does not confirm count as well.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let keepalive = keepalive.and(socket.set_tcp_user_timeout(Some(probing.user_timeout)));
    no_delay.and(keepalive)
}

/// Probes that find a dead peer 2 s before `liveness` is over, which is what other clients wait for: timers of systems
/// fire late, and the place of a lost client is kept for a moment.
fn probing(liveness: Duration) -> Probing {
    Probing::within(liveness.saturating_sub(EARLIER))
}

const EARLIER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_dead_peer_is_found_two_seconds_early() {
        let found = |seconds| {
            let probing = probing(Duration::from_secs(seconds));
            (probing.idle + probing.interval * probing.retries).as_secs()
        };
        for (liveness, seconds) in [(0, 2), (3, 2), (4, 2), (5, 3), (6, 4), (15, 13), (60, 58)] {
            assert_eq!(found(liveness), seconds, "{liveness}");
        }
    }

    /// From 27 hours on, the system refused, and connections were left without keep-alive.
    #[test]
    fn the_system_takes_every_liveness() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        for liveness in [0, 3, 15, 86_400, 98_304, 131_071, 10_000_000, u64::MAX] {
            let socket = SockRef::from(&stream);
            configure(socket, Duration::from_secs(liveness)).unwrap();
            let socket = SockRef::from(&stream);
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
        }
        configure(SockRef::from(&stream), Duration::MAX).unwrap();
    }
}
