//! The options of the socket.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ipc_core::liveness::Probing;
use socket2::{SockRef, TcpKeepalive};

use crate::error::ConnectError;

/// Makes small frames go out at once, and lets the kernel find out within `liveness` that the peer is gone.
pub(crate) fn tune(
    stream: &TcpStream,
    server: SocketAddr,
    liveness: Duration,
) -> Result<(), ConnectError> {
    let probing = Probing::within(liveness);
    let keepalive = TcpKeepalive::new()
        .with_time(probing.idle)
        .with_interval(probing.interval);
    // Not every system lets a program say how many probes go unanswered.
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        windows
    ))]
    let keepalive = keepalive.with_retries(probing.retries);
    let socket = SockRef::from(stream);
    let set = |setting, result| set(stream, server, setting, result);
    set("TCP_NODELAY", stream.set_nodelay(true))?;
    set(
        "the keep-alive (`liveness`)",
        socket.set_tcp_keepalive(&keepalive),
    )?;
    // Sent bytes that nobody confirms are a sign, too.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    set(
        "the time for unconfirmed bytes (`liveness`)",
        socket.set_tcp_user_timeout(Some(probing.user_timeout)),
    )?;
    Ok(())
}

/// Tells a setting that the system refuses from a connection that is gone already.
fn set(
    stream: &TcpStream,
    server: SocketAddr,
    setting: &'static str,
    result: io::Result<()>,
) -> Result<(), ConnectError> {
    result.map_err(|error| match stream.peer_addr() {
        Ok(_) => ConnectError::Setting {
            setting,
            cause: error.into(),
        },
        Err(gone) => ConnectError::from_io(server.to_string(), Some(server), gone),
    })
}
