//! The open port: binding it and accepting connections.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ipc_hub::front_end::FrontEnd;
use ipc_hub::hosted::Hosted;
use ipc_hub::log::About;
use ipc_net::Address;
use socket2::{Domain, Socket, Type};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use crate::acceptor::Acceptor;
use crate::config::Config;
use crate::error::StartError;
use crate::handle::ServerHandle;
use crate::handshake::pending::STALLED_AFTER;
use crate::handshake::unidentified::Unidentified;
use crate::state::ServerState;

/// Creates the runtime, which does everything except serving the holder.
pub(crate) fn runtime() -> Result<Runtime, StartError> {
    if Handle::try_current().is_ok() {
        return Err(StartError::InsideRuntime);
    }
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .thread_name("ipc server")
        .enable_all();
    builder.build().map_err(StartError::System)
}

/// Opens the port. An address that other computers can reach is an error unless it `may_be_reached`: there is a secret,
/// or the program has explicitly done without.
pub(crate) fn bind(
    host: &Address,
    port: u16,
    may_be_reached: bool,
) -> Result<TcpListener, StartError> {
    let addresses = resolve(host, port)?;
    let mut failure = None;
    for address in addresses {
        // Bind first: an address that this computer does not have is the better error. No client can connect yet.
        let socket = match bound(address) {
            Ok(socket) => socket,
            Err(cause) => {
                failure = Some(StartError::bind(address, cause));
                continue;
            }
        };
        if !address.ip().is_loopback() && !may_be_reached {
            return Err(StartError::Exposed { address });
        }
        match socket.listen(BACKLOG) {
            Ok(()) => return Ok(socket.into()),
            Err(cause) => failure = Some(StartError::bind(address, cause)),
        }
    }
    Err(failure.unwrap_or_else(|| unknown(host, io::ErrorKind::NotFound.into())))
}

/// Binds a port without opening it.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Lets a restarted server have the port while old connections are in TIME_WAIT. Has another meaning on Windows.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    ipc_net::defer_accept(&socket);
    socket.bind(&address.into())?;
    Ok(socket)
}

fn resolve(host: &Address, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let question = match host.question() {
        all if all == "*" => "0.0.0.0".into(),
        question => question,
    };
    let found = (question, port)
        .to_socket_addrs()
        .map_err(|cause| unknown(host, cause))?
        .map(|address| host.resolved(address));
    // If a name has addresses of both families, most clients use IPv4.
    let (mut v4, v6): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv4);
    v4.extend(v6);
    Ok(v4)
}

fn unknown(host: &Address, cause: io::Error) -> StartError {
    let address = host.host();
    let cause = match address.split_once('%') {
        Some((_, zone)) => {
            let problem = format!("this computer has no network interface `{zone}`");
            io::Error::new(cause.kind(), problem)
        }
        None => cause,
    };
    StartError::Address { address, cause }
}

/// Starts serving on the current runtime.
pub(crate) fn start(
    listener: TcpListener,
    hosted: Hosted,
    config: Config,
) -> Result<ServerHandle, StartError> {
    let address = listener.local_addr().map_err(StartError::System)?;
    let acceptor = Acceptor::new(listener).map_err(StartError::System)?;
    if ipc_net::ACCEPTED_SOCKETS_INHERIT {
        let limited = acceptor.socket().set_write_timeout(Some(STALLED_AFTER));
        limited.map_err(StartError::System)?;
    }
    let mut incarnation = [0; 16];
    getrandom::fill(&mut incarnation)
        .map_err(|error| StartError::System(io::Error::other(error.to_string())))?;
    let incarnation = u128::from_le_bytes(incarnation);
    let runtime = Handle::current();
    let state = Arc::new(ServerState::new(
        hosted,
        config,
        address,
        runtime,
        incarnation,
    ));
    if let Some(directory) = &state.config.state_dir {
        state
            .hub
            .keep_leases(directory)
            .map_err(StartError::System)?;
    }
    let front_end = Arc::downgrade(&state) as Weak<dyn FrontEnd>;
    state.hub.set_front_end(front_end);
    let (closed, when_closed) = oneshot::channel();
    let port = Port {
        acceptor,
        _closed: closed,
    };
    let accepting = tokio::spawn(accept(port, Arc::clone(&state))).abort_handle();
    Ok(ServerHandle::new(state, accepting, when_closed))
}

/// The open port. Dropping it tells the handle that the port is free.
struct Port {
    acceptor: Acceptor,
    /// Dropped after the listening socket, so that the port is free by then.
    _closed: oneshot::Sender<()>,
}

async fn accept(port: Port, state: Arc<ServerState>) {
    let unidentified = Arc::new(Unidentified::default());
    if ipc_net::ACCEPTED_SOCKETS_INHERIT {
        unidentified.configure(&port.acceptor.socket(), &state);
    }
    let limit = state.config.access.unidentified.saturating_add(SPARE);
    let permits = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
    let mut pauses = Pauses::default();
    loop {
        // A dropped connection keeps its permit until its task has run. A faster flood waits in the system's backlog.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return;
        };
        match port.acceptor.accept().await {
            Ok((socket, peer)) => unidentified.accept(socket, peer, permit, &state),
            Err(error) => {
                // Usually out of descriptors: free some, and wait until they are closed.
                state.bad_connections.error(
                    About::server(),
                    format_args!("cannot accept a connection: {error}"),
                );
                for _ in 0..DROPPED_AT_ONCE {
                    unidentified.drop_oldest(&state);
                }
                sleep(pauses.next(Instant::now())).await;
            }
        }
    }
}

/// How long to wait after a connection could not be accepted: longer each time, until none has failed for a while. A
/// success in between does not count, as it may have used the descriptor that was just freed.
#[derive(Debug, Default)]
struct Pauses {
    /// The last pause, and when it ended.
    last: Option<(Duration, Instant)>,
}

impl Pauses {
    fn next(&mut self, now: Instant) -> Duration {
        let pause = match self.last {
            Some((last, ended)) if now.saturating_duration_since(ended) < QUIET => {
                (last * 2).min(LONGEST_PAUSE)
            }
            _ => SHORTEST_PAUSE,
        };
        self.last = Some((pause, now + pause));
        pause
    }
}

/// Size of the system's queue of connections to accept, which the system may reduce. Large, because a client that finds
/// the queue full tries again only after a second.
const BACKLOG: i32 = 4096;
/// Number of dropped connections that may still be closing while new ones are accepted.
const SPARE: usize = 64;
/// Number of connections that are dropped at once when the server is out of descriptors.
const DROPPED_AT_ONCE: usize = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// How long no failure must occur until the pauses start from the shortest again.
const QUIET: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_has_been_quiet_for_a_second() {
        let (mut pauses, mut now) = (Pauses::default(), Instant::now());
        let mut failure_after = |quiet: Duration| {
            now += quiet;
            let pause = pauses.next(now);
            now += pause;
            pause.as_millis()
        };
        // Almost a second without a failure changes nothing.
        let short = Duration::from_millis(999);
        let grown = [0; 7].map(|_| failure_after(short));
        assert_eq!(grown, [10, 20, 40, 80, 160, 160, 160]);
        assert_eq!(failure_after(QUIET), 10);
        assert_eq!(failure_after(short), 20);
    }
}
