//! Settings of sockets.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Sends small messages at once, and lets the system notice within `liveness` that the peer is gone.
///
/// Tries all settings, and returns the error of the first one that the system refuses.
pub(crate) fn configure(socket: SockRef<'_>, liveness: Duration) -> io::Result<()> {
    let no_delay = socket.set_tcp_nodelay(true);
    let probes = Probes::new(liveness);
    let keepalive = TcpKeepalive::new()
        .with_time(probes.first)
        .with_interval(probes.step);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        windows
    ))]
    let keepalive = keepalive.with_retries(PROBES);
    let keepalive = socket.set_tcp_keepalive(&keepalive);
    // Bytes of this end that the peer does not confirm count as well.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let keepalive = keepalive.and(socket.set_tcp_user_timeout(Some(probes.unconfirmed())));
    no_delay.and(keepalive)
}

/// When a silent peer is asked whether it is there. Systems count in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probes {
    first: Duration,
    step: Duration,
}

impl Probes {
    /// Those that find a dead peer 2 s before `liveness` is over, which is what other clients wait for: timers of systems
    /// fire late, and the place of a lost client is kept for a moment.
    fn new(liveness: Duration) -> Self {
        let within = liveness.clamp(SHORTEST, LONGEST).as_secs() - 2;
        let step = (within / 3).max(1);
        let first = within.saturating_sub(step * u64::from(PROBES)).max(1);
        Self {
            first: Duration::from_secs(first),
            step: Duration::from_secs(step),
        }
    }

    /// After this silence the peer is dead.
    #[cfg(any(test, target_os = "linux", target_os = "android"))]
    fn dead_after(self) -> Duration {
        self.first + self.step * PROBES
    }

    /// The same for bytes that the peer does not confirm. Linux counts from when it sends them again, and compares the
    /// silence with this when a probe is due: a bit less lets both ways take the same time.
    #[cfg(any(test, target_os = "linux", target_os = "android"))]
    fn unconfirmed(self) -> Duration {
        self.dead_after().saturating_sub(Duration::from_millis(500))
    }
}

/// Unanswered probes that end a connection.
const PROBES: u32 = 2;
const SHORTEST: Duration = Duration::from_secs(3);
/// Systems take no more than 32,767 s for either of the times.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_dead_peer_is_found_two_seconds_early_but_not_before_three() {
        let found = |seconds| Probes::new(Duration::from_secs(seconds)).dead_after();
        for (liveness, seconds) in [(0, 3), (3, 3), (4, 3), (5, 3), (6, 4), (15, 13), (60, 58)] {
            assert_eq!(found(liveness), Duration::from_secs(seconds), "{liveness}");
        }
        // Not so much less that the last probe would not be waited for.
        let probes = Probes::new(Duration::from_secs(3));
        assert!(probes.unconfirmed() > probes.first + probes.step);
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
