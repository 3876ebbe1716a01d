//! Options of connected sockets.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::net::TcpListener;
use std::net::TcpStream;
use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
use nix::{
    libc,
    sys::socket::{setsockopt, sockopt::SetUsize},
};
use socket2::{SockRef, Socket, TcpKeepalive};

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
    // Linux goes by the time limit for unacknowledged data in place of the number of probes. Of the others, only these let a
    // program choose the number.
    #[cfg(any(target_vendor = "apple", windows))]
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

/// True if the connections that a listener accepts have the options of the listener, so that it is enough to
/// [`configure`] the listener.
pub const ACCEPTED_SOCKETS_INHERIT: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Returns true if a listener may have a connection to accept. Takes a fraction of the time of an `accept` that finds
/// none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn has_arrivals(listener: &TcpListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let mut listener = [PollFd::new(listener, PollFlags::IN)];
    // If there is something wrong with the listener, `accept` says what.
    poll(&mut listener, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}

/// Makes a listener report a connection once its first bytes have come, or after about a second without any.
///
/// For servers whose clients speak first: there is something to read as soon as a connection has been accepted, so the
/// server wakes up once for both. A system that cannot do this reports all connections at once, which is not an error.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn defer_accept(listener: &Socket) {
    let _ = setsockopt(listener, DeferAccept, &1);
}

/// Makes a listener report a connection once its first bytes have come. This system has no such option.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn defer_accept(_listener: &Socket) {}

/// A socket option: how many seconds to wait for the first bytes of a connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Clone, Copy)]
struct DeferAccept;

#[cfg(any(target_os = "linux", target_os = "android"))]
nix::setsockopt_impl!(
    DeferAccept,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    usize,
    SetUsize
);

/// Lets the system wake a read up, or report the socket as readable, only once `bytes` have come, the connection has ended,
/// or the read has timed out. Saves the wake-ups in between while much is to come.
///
/// The system counts anew from what a read has taken, so at least twice as many bytes must be to come.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn wake_at(socket: &TcpStream, bytes: usize) {
    // Not an error: the read is then woken up more often.
    let _ = setsockopt(socket, ReceiveLowWater, &bytes);
}

/// Lets the system wake a read up only once `bytes` have come. Not on this system.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn wake_at(_socket: &TcpStream, _bytes: usize) {}

/// A socket option: how many bytes make a socket readable.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Clone, Copy)]
struct ReceiveLowWater;

#[cfg(any(target_os = "linux", target_os = "android"))]
nix::setsockopt_impl!(
    ReceiveLowWater,
    libc::SOL_SOCKET,
    libc::SO_RCVLOWAT,
    usize,
    SetUsize
);

/// Reads what is there without waiting. Fails with [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing.
///
/// The socket is a blocking one, and no other thread uses it at the same time.
#[cfg(unix)]
pub fn read_now(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(socket, buffer, rustix::net::RecvFlags::DONTWAIT)?;
    Ok(count)
}

/// Reads what is there without waiting. Fails with [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing.
///
/// The socket is a blocking one, and no other thread uses it at the same time.
#[cfg(not(unix))]
pub fn read_now(socket: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    socket.set_nonblocking(true)?;
    let result = io::Read::read(&mut &*socket, buffer);
    socket.set_nonblocking(false)?;
    result
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{SocketAddr, TcpListener};

    use socket2::{Domain, Type};

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

    #[test]
    fn accepted_connections_inherit_the_options_where_this_is_said() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        configure(&listener, Duration::from_secs(60)).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let socket = SockRef::from(&accepted);
        if ACCEPTED_SOCKETS_INHERIT {
            let timing = ProbeTiming::within(Duration::from_secs(60));
            assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
            assert_eq!(socket.tcp_keepalive_time().unwrap(), timing.idle);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), timing.interval);
            #[cfg(any(target_os = "linux", target_os = "android"))]
            assert_eq!(
                socket.tcp_user_timeout().unwrap(),
                Some(timing.user_timeout)
            );
        }
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn a_connection_is_accepted_when_its_first_bytes_have_come() {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        defer_accept(&listener);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(8).unwrap();
        let listener = TcpListener::from(listener);
        let _silent = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut speaks = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        speaks.write_all(b"here").unwrap();
        let (mut accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer, speaks.local_addr().unwrap());
        let mut first = [0; 4];
        io::Read::read_exact(&mut accepted, &mut first).unwrap();
        assert_eq!(&first, b"here");
        // The silent one follows nevertheless.
        listener.accept().unwrap();
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn a_socket_is_readable_once_as_much_has_come_as_was_asked_for() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let is_readable = || {
            let mut sockets = [PollFd::new(&stream, PollFlags::IN)];
            poll(&mut sockets, Some(&Timespec::default())).unwrap() > 0
        };
        wake_at(&stream, 100);
        peer.write_all(&[0; 99]).unwrap();
        // It is here.
        stream.set_nonblocking(true).unwrap();
        while stream.peek(&mut [0; 200]).ok() != Some(99) {}
        assert!(!is_readable());
        peer.write_all(&[0]).unwrap();
        while !is_readable() {}
        wake_at(&stream, 101);
        assert!(!is_readable());
        wake_at(&stream, 1);
        assert!(is_readable());
    }

    #[test]
    fn reading_without_waiting_leaves_the_socket_blocking() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut buffer = [0; 8];
        let nothing = read_now(&stream, &mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        peer.write_all(b"here").unwrap();
        stream.peek(&mut buffer).unwrap();
        assert_eq!(read_now(&stream, &mut buffer).unwrap(), 4);
        drop(peer);
        // Blocks until the end has come.
        stream.peek(&mut buffer).unwrap();
        assert_eq!(read_now(&stream, &mut buffer).unwrap(), 0);
    }
}
