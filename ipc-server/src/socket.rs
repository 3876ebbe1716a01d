//! Settings of sockets.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Small messages go out at once, and a peer that is gone is noticed after about `dead_after`.
pub(crate) fn configure(socket: SockRef<'_>, dead_after: Duration) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    let dead_after = dead_after.max(Duration::from_secs(3));
    let step = (dead_after / 3).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new().with_time(step).with_interval(step);
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "macos",
        windows
    ))]
    let keepalive = keepalive.with_retries(2);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(dead_after))?;
    Ok(())
}
