//! The options of the socket.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

/// Makes small frames go out at once, and lets the kernel find out within `liveness` that the peer is gone.
pub(crate) fn tune(stream: &TcpStream, liveness: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let second = Duration::from_secs(1);
    let keepalive = TcpKeepalive::new()
        .with_time((liveness / 3).max(second))
        .with_interval((liveness / 6).max(second));
    // Not every system lets a program say how many probes go unanswered.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    let keepalive = keepalive.with_retries(4);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Bytes of ours that nobody confirms are a sign, too.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(liveness))?;
    Ok(())
}
