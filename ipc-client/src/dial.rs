//! Making a connection without waiting for it, so that whoever drives it can keep an eye on other things.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use ipc_net::Address;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::ConnectError;

/// One try to reach a server: its name is resolved, then its addresses are tried, a new one each quarter of a second,
/// until one answers.
pub(crate) struct Dial {
    address: Address,
    stage: Stage,
    give_up: Instant,
    /// How long to wait before looking again; grows.
    pause: Duration,
}

enum Stage {
    Resolving(Receiver<io::Result<Vec<SocketAddr>>>),
    Connecting(Attempts),
}

#[derive(Default)]
struct Attempts {
    untried: VecDeque<SocketAddr>,
    pending: Vec<(SocketAddr, Socket)>,
    /// When the next address is tried beside those that do not answer.
    next: Option<Instant>,
    last_error: Option<(SocketAddr, io::Error)>,
}

/// How far a [`Dial`] is.
pub(crate) enum Dialled {
    /// Not yet; look again then.
    Pending(Instant),
    /// There it is, still in non-blocking mode.
    Connected(TcpStream, SocketAddr),
    Failed(ConnectError),
}

impl Dial {
    pub(crate) fn start(address: &Address, now: Instant) -> Self {
        let stage = match address.as_socket_addr() {
            Some(server) => Stage::connecting([server]),
            None => Stage::Resolving(resolve(address)),
        };
        Self {
            address: address.clone(),
            stage,
            give_up: now + LIMIT,
            pause: SHORTEST_PAUSE,
        }
    }

    pub(crate) fn poll(&mut self, now: Instant) -> Dialled {
        if let Stage::Resolving(resolved) = &self.stage {
            let result = match resolved.try_recv() {
                Err(TryRecvError::Empty) if now < self.give_up => return self.look_again(now),
                Err(TryRecvError::Empty) => Err(no_answer()),
                Err(TryRecvError::Disconnected) => Err(io::ErrorKind::Other.into()),
                Ok(result) => result,
            };
            match result {
                Ok(addresses) => self.stage = Stage::connecting(addresses),
                Err(error) => return Dialled::Failed(self.unresolvable(error)),
            }
        }
        let Stage::Connecting(attempts) = &mut self.stage else {
            return self.look_again(now);
        };
        match attempts.poll(now) {
            Some((server, stream)) => Dialled::Connected(stream, server),
            None if attempts.are_over() || self.give_up <= now => self.fail(),
            None => self.look_again(now),
        }
    }

    fn look_again(&mut self, now: Instant) -> Dialled {
        let at = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Dialled::Pending(at.min(self.give_up))
    }

    fn fail(&mut self) -> Dialled {
        let last_error = match &mut self.stage {
            Stage::Connecting(attempts) => attempts.last_error.take(),
            Stage::Resolving(_) => None,
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

impl Stage {
    fn connecting(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Stage::Connecting(Attempts {
            untried: addresses.into_iter().collect(),
            ..Attempts::default()
        })
    }
}

impl Attempts {
    fn poll(&mut self, now: Instant) -> Option<(SocketAddr, TcpStream)> {
        for (server, socket) in std::mem::take(&mut self.pending) {
            match progress(&socket) {
                Ok(true) => return Some((server, socket.into())),
                Ok(false) => self.pending.push((server, socket)),
                Err(error) => self.last_error = Some((server, error)),
            }
        }
        while self.pending.is_empty() || self.next.is_some_and(|next| next <= now) {
            let server = self.untried.pop_front()?;
            self.next = Some(now + STAGGER);
            match begin(server) {
                Ok((socket, true)) => return Some((server, socket.into())),
                Ok((socket, false)) => self.pending.push((server, socket)),
                Err(error) => self.last_error = Some((server, error)),
            }
        }
        None
    }

    fn are_over(&self) -> bool {
        self.pending.is_empty() && self.untried.is_empty()
    }
}

/// Asks the system for the addresses of a name or the number of an interface, on a thread of its own: the question cannot be taken back, and may
/// take longer than a call has time.
fn resolve(address: &Address) -> Receiver<io::Result<Vec<SocketAddr>>> {
    let (sender, receiver) = channel();
    let address = address.clone();
    let ask = move || {
        let found = (address.question(), address.port()).to_socket_addrs();
        let answer = found.map(|found| found.map(|server| address.resolved(server)).collect());
        // Nobody waits any more: then nobody needs to know.
        let _ = sender.send(answer);
    };
    let _ = std::thread::Builder::new()
        .name("resolve".into())
        .spawn(ask);
    receiver
}

/// Begins to connect; true if that is all it took.
fn begin(server: SocketAddr) -> io::Result<(Socket, bool)> {
    let socket = Socket::new(
        Domain::for_address(server),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&server.into()) {
        Ok(()) => Ok((socket, true)),
        Err(error) if is_in_progress(&error) => {
            let connected = progress(&socket)?;
            Ok((socket, connected))
        }
        Err(error) => Err(error),
    }
}

/// True once the socket is connected.
fn progress(socket: &Socket) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        // On loopback, a port that nobody listens on may be given to this very socket, which then finds itself.
        Ok(peer) if socket.local_addr()? == peer => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
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

/// One try takes no longer.
const LIMIT: Duration = Duration::from_secs(5);
/// So long an address has for itself before the next one is tried, too.
const STAGGER: Duration = Duration::from_millis(250);
const SHORTEST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
