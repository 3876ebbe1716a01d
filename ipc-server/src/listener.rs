//! The open port: binding it, accepting connections, and the signals that close it.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_net::Address;
use socket2::{Domain, Socket, Type};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use crate::error::StartError;
use crate::handle::ServerHandle;
use crate::handshake::greeting::Strangers;
use crate::hosted::Hosted;
use crate::state::{Config, ServerState};

/// The runtime for everything but the serving of the holder.
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

/// Opens the port, or says why not. An address that other computers can reach is opened only if it `may_be_reached`:
/// there is a secret, or somebody has said that none is meant.
pub(crate) fn bind(
    host: &Address,
    port: u16,
    may_be_reached: bool,
) -> Result<TcpListener, StartError> {
    let addresses = resolve(host, port)?;
    let mut failure = None;
    for address in addresses {
        // Nobody can connect before `listen`. Whether the address can be had comes first: it may not be of this computer.
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

/// Takes a port, without opening it yet.
fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of an earlier run that are not quite over do not keep the port; elsewhere this would mean more.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
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
    // Where a name has both kinds of addresses, most clients come by IPv4.
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

/// Serves on the runtime at hand.
pub(crate) fn start(
    listener: TcpListener,
    hosted: Hosted,
    config: Config,
) -> Result<ServerHandle, StartError> {
    let address = listener.local_addr().map_err(StartError::System)?;
    listener.set_nonblocking(true).map_err(StartError::System)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(StartError::System)?;
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
    let (closed, when_closed) = oneshot::channel();
    let port = Port {
        listener,
        _closed: closed,
    };
    let accepting = tokio::spawn(accept(port, Arc::clone(&state))).abort_handle();
    Ok(ServerHandle::new(state, accepting, when_closed))
}

/// The open port, and how others learn that it is closed.
struct Port {
    listener: tokio::net::TcpListener,
    /// Dropped after the listener: who hears of it finds the port free.
    _closed: oneshot::Sender<()>,
}

async fn accept(port: Port, state: Arc<ServerState>) {
    let strangers = Arc::new(Strangers::default());
    let most = state.config.access.strangers.saturating_add(SPARE);
    let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    let mut pauses = Pauses::default();
    loop {
        // Those dropped to make room use it up until their tasks have run: whoever knocks faster waits in the system.
        let Ok(room) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match port.listener.accept().await {
            Ok((stream, peer)) => strangers.receive(stream, peer, room, &state),
            Err(error) => {
                // Out of descriptors, mostly: make room, and wait for some to be given back rather than spin.
                let complaints = &state.complaints;
                complaints.log_here(format_args!("cannot accept a connection: {error}"));
                for _ in 0..ROOM {
                    strangers.drop_oldest(complaints);
                }
                sleep(pauses.next(Instant::now())).await;
            }
        }
    }
}

/// How long to wait after a connection that could not be accepted: longer each time, until none has failed for a while.
/// One success between two failures says nothing, since it may have used up what was just made room for.
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

/// More room than usual for those who knock all at once: one who finds none tries again only after a second. The system
/// may allow less.
const BACKLOG: i32 = 4096;
/// So many strangers may be on their way out while others come in.
const SPARE: usize = 64;
/// So many make room at once when there is none: a good client in the crowd must not wait for a pause per stranger.
const ROOM: usize = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// After so long without a failure, the next one is the first.
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
        // Connections that are accepted in between, almost a second long, change nothing.
        let short = Duration::from_millis(999);
        let grown = [0; 7].map(|_| failure_after(short));
        assert_eq!(grown, [10, 20, 40, 80, 160, 160, 160]);
        assert_eq!(failure_after(QUIET), 10);
        assert_eq!(failure_after(short), 20);
    }
}
