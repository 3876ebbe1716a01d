//! Settings of sockets.

use std::io;
use std::time::Duration;

use ipc_core::liveness::Probing;
use socket2::{SockRef, TcpKeepalive};

/// Small messages go out at once, and a peer that is gone is noticed within `dead_after`; see [`Probing`] for the limits.
pub(crate) fn configure(socket: SockRef<'_>, dead_after: Duration) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let probing = Probing::within(dead_after);
    let keepalive = TcpKeepalive::new()
        .with_time(probing.idle)
        .with_interval(probing.interval);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        windows
    ))]
    let keepalive = keepalive.with_retries(probing.retries);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(probing.user_timeout))?;
    Ok(())
}
