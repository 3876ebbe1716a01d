//! Connecting to a server without blocking.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use ipc_net::Address;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::ConnectError;

/// One attempt to connect to a server. Resolves its name, then tries its addresses: a further one each quarter of a
/// second, until one answers.
pub(crate) struct Dial {
    address: Address,
    phase: DialPhase,
    give_up: Instant,
    /// How long to wait before the next poll; grows.
    pause: Duration,
}

enum DialPhase {
    Resolving(Receiver<io::Result<Vec<SocketAddr>>>),
    Connecting(Attempts),
}

#[derive(Default)]
struct Attempts {
    untried: VecDeque<SocketAddr>,
    pending: Vec<(SocketAddr, TcpStream)>,
    /// When to try the next address, in parallel to those that have not answered yet.
    next: Option<Instant>,
    last_error: Option<(SocketAddr, io::Error)>,
}

/// The result of polling a [`Dial`].
pub(crate) enum Dialled {
    /// In progress; poll again then.
    Pending(Instant),
    /// A connected socket in non-blocking mode, and its ends.
    Connected(TcpStream, Ends),
    Failed(ConnectError),
}

/// The two ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) own: SocketAddr,
    /// The address that was connected to.
    pub(crate) server: SocketAddr,
}

impl Dial {
    pub(crate) fn start(address: &Address, now: Instant) -> Self {
        let phase = match address.as_socket_addr() {
            Some(server) => DialPhase::connecting([server]),
            None => DialPhase::Resolving(resolve(address)),
        };
        Self {
            address: address.clone(),
            phase,
            give_up: now + ATTEMPT_LIMIT,
            pause: MIN_PAUSE,
        }
    }

    pub(crate) fn poll(&mut self, now: Instant) -> Dialled {
        if let DialPhase::Resolving(resolved) = &self.phase {
            let result = match resolved.try_recv() {
                Err(TryRecvError::Empty) if now < self.give_up => return self.poll_later(now),
                Err(TryRecvError::Empty) => Err(no_answer()),
                Err(TryRecvError::Disconnected) => Err(io::ErrorKind::Other.into()),
                Ok(result) => result,
            };
            match result {
                Ok(addresses) => self.phase = DialPhase::connecting(addresses),
                Err(error) => return Dialled::Failed(self.unresolvable(error)),
            }
        }
        let DialPhase::Connecting(attempts) = &mut self.phase else {
            return self.poll_later(now);
        };
        match attempts.poll(now) {
            Some((stream, ends)) => Dialled::Connected(stream, ends),
            None if attempts.have_failed() || self.give_up <= now => self.fail(),
            None => self.poll_later(now),
        }
    }

    fn poll_later(&mut self, now: Instant) -> Dialled {
        let at = now + self.pause;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
        Dialled::Pending(at.min(self.give_up))
    }

    fn fail(&mut self) -> Dialled {
        let last_error = match &mut self.phase {
            DialPhase::Connecting(attempts) => attempts.last_error.take(),
            DialPhase::Resolving(_) => None,
        };
        let (tried, error) = match last_error {
            Some((server, error)) => (Some(server), error),
            None => (None, no_answer()),
        };
        let text = match tried {
            Some(server) if server.to_string() != self.address.to_string() => {
                format!("{} ({server})", self.address)
            }
            _ => self.address.to_string(),
        };
        Dialled::Failed(ConnectError::from_io(text, tried, error))
    }

    fn unresolvable(&self, error: io::Error) -> ConnectError {
        ConnectError::Unresolvable {
            host: self.address.host(),
            cause: error.into(),
        }
    }
}

impl DialPhase {
    fn connecting(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        DialPhase::Connecting(Attempts {
            untried: addresses.into_iter().collect(),
            ..Attempts::default()
        })
    }
}

impl Attempts {
    fn poll(&mut self, now: Instant) -> Option<(TcpStream, Ends)> {
        for (server, stream) in std::mem::take(&mut self.pending) {
            match ends(&stream, server) {
                Ok(Some(ends)) => return Some((stream, ends)),
                Ok(None) => self.pending.push((server, stream)),
                Err(error) => self.last_error = Some((server, error)),
            }
        }
        while self.pending.is_empty() || self.next.is_some_and(|next| next <= now) {
            let server = self.untried.pop_front()?;
            self.next = Some(now + STAGGER);
            match begin(server) {
                Ok((stream, Some(ends))) => return Some((stream, ends)),
                Ok((stream, None)) => self.pending.push((server, stream)),
                Err(error) => self.last_error = Some((server, error)),
            }
        }
        None
    }

    fn have_failed(&self) -> bool {
        self.pending.is_empty() && self.untried.is_empty()
    }
}

/// Resolves the host name, or the name of a network interface, on a thread of its own: the operating system offers no way
/// to cancel it, and it can take longer than a call may.
fn resolve(address: &Address) -> Receiver<io::Result<Vec<SocketAddr>>> {
    let (sender, receiver) = channel();
    let address = address.clone();
    let ask = move || {
        let found = (address.question(), address.port()).to_socket_addrs();
        let answer = found.map(|found| found.map(|server| address.resolved(server)).collect());
        // Fails if the attempt has been given up.
        let _ = sender.send(answer);
    };
    let _ = std::thread::Builder::new()
        .name("resolve".into())
        .spawn(ask);
    receiver
}

/// Begins to connect. Returns the ends of the connection if there is one already.
fn begin(server: SocketAddr) -> io::Result<(TcpStream, Option<Ends>)> {
    let socket = nonblocking_socket(Domain::for_address(server))?;
    match socket.connect(&server.into()) {
        Err(error) if !is_in_progress(&error) => Err(error),
        _ => {
            let stream = TcpStream::from(socket);
            let ends = ends(&stream, server)?;
            Ok((stream, ends))
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn nonblocking_socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn nonblocking_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Returns the ends of the stream once it is connected, and fails once it cannot be.
fn ends(stream: &TcpStream, server: SocketAddr) -> io::Result<Option<Ends>> {
    match stream.peer_addr() {
        Ok(peer) => match stream.local_addr()? {
            // On loopback, a socket can be given the very port it connects to, and then connects to itself.
            own if own == peer => Err(io::ErrorKind::ConnectionRefused.into()),
            own => Ok(Some(Ends { own, server })),
        },
        Err(not_connected) => match stream.take_error()? {
            Some(reason) => Err(reason),
            None if not_connected.kind() == io::ErrorKind::NotConnected => Ok(None),
            None => Err(not_connected),
        },
    }
}

#[cfg(unix)]
fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

#[cfg(not(unix))]
fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no answer")
}

/// Maximum duration of an attempt.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// How long to wait for an address before the next one is tried, too.
const STAGGER: Duration = Duration::from_millis(250);
const MIN_PAUSE: Duration = Duration::from_micros(100);
const MAX_PAUSE: Duration = Duration::from_millis(20);
