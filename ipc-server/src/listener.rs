//! Accepting connections: sockets, time limits, and how many strangers may knock at once.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::Registry;
use ipc_core::secure::{ChannelError, Entropy};
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::Hello;
use ipc_core::wire::preamble::Role;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep, sleep_until, timeout};

use crate::arrivals;
use crate::builder::StartError;
use crate::connection::Newcomer;
use crate::gate;
use crate::handle::ServerHandle;
use crate::socket;
use crate::state::{Config, ServerState, later};

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

/// What an address that other computers can reach amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// A secret keeps strangers out.
    Secret,
    /// Everybody is let in, on purpose.
    Insecure,
    /// Everybody would be let in, and nobody has said that this is meant.
    Refused,
}

/// Opens the port, or says why not.
pub(crate) fn bind(host: &str, port: u16, exposure: Exposure) -> Result<TcpListener, StartError> {
    let addresses = resolve(host, port)?;
    let mut failure = None;
    for address in addresses {
        if !address.ip().is_loopback() {
            match exposure {
                Exposure::Secret => {}
                Exposure::Insecure => {
                    tracing::warn!(
                        "{address} is open to everybody in the network: no secret is set"
                    );
                }
                Exposure::Refused => return Err(StartError::Exposed { address }),
            }
        }
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(cause) => failure = Some(StartError::Bind { address, cause }),
        }
    }
    Err(failure.unwrap_or_else(|| unknown(host, io::ErrorKind::NotFound.into())))
}

/// Opens a port with more room than usual for those who knock all at once: one who finds none tries again only after a
/// second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Connections of an earlier run that are not quite over do not keep the port; elsewhere this would mean more.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let host = if host == "*" { "0.0.0.0" } else { host };
    let found = (host, port)
        .to_socket_addrs()
        .map_err(|cause| unknown(host, cause))?;
    // Where a name has both kinds of addresses, most clients come by IPv4.
    let (mut v4, v6): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv4);
    v4.extend(v6);
    Ok(v4)
}

fn unknown(host: &str, cause: io::Error) -> StartError {
    StartError::Address {
        address: host.into(),
        cause,
    }
}

/// Serves on the runtime at hand.
pub(crate) fn start(
    listener: TcpListener,
    registry: Registry,
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
        registry,
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
    let mut pause = SHORTEST_PAUSE;
    loop {
        // Those dropped to make room use it up until their tasks have run: whoever knocks faster waits in the system.
        let Ok(room) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match port.listener.accept().await {
            Ok((stream, peer)) => {
                pause = SHORTEST_PAUSE;
                strangers.receive(stream, peer, room, &state);
            }
            Err(error) => {
                // Out of descriptors, mostly: make room, and wait for some to be given back rather than spin.
                tracing::error!("cannot accept a connection: {error}");
                strangers.drop_oldest();
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Connections that have not said who they are. Above a limit the oldest is dropped: an honest client says its hello at
/// once, so it is never the oldest for long.
#[derive(Debug, Default)]
struct Strangers {
    waiting: Mutex<VecDeque<Stranger>>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Stranger {
    id: usize,
    peer: SocketAddr,
    source: IpAddr,
    task: AbortHandle,
}

impl Stranger {
    fn make_room(self, why: &str) {
        tracing::warn!(peer = %self.peer, "dropped a connection: {why}");
        self.task.abort();
    }
}

impl Strangers {
    fn receive(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        room: OwnedSemaphorePermit,
        state: &Arc<ServerState>,
    ) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (strangers, state_of_task) = (Arc::clone(self), Arc::clone(state));
        let (registered, wait) = oneshot::channel();
        let task = tokio::spawn(async move {
            // The task must be in the list before it can take itself out.
            let _ = wait.await;
            let greeted = greet(stream, peer, &state_of_task).await;
            strangers.lock().retain(|other| other.id != id);
            drop(room);
            if let Some((newcomer, hello)) = greeted {
                arrivals::admit(state_of_task, newcomer, hello).await;
            }
        });
        let source = gate::network(peer.ip());
        let mut waiting = self.lock();
        waiting.push_back(Stranger {
            id,
            peer,
            source,
            task: task.abort_handle(),
        });
        let limits = &state.config.access;
        let same = waiting
            .iter()
            .filter(|other| other.source == source)
            .count();
        let oldest = if same > limits.strangers_per_source {
            waiting.iter().position(|other| other.source == source)
        } else {
            (waiting.len() > limits.strangers).then_some(0)
        };
        if let Some(oldest) = oldest.and_then(|oldest| waiting.remove(oldest)) {
            oldest.make_room("too many connections have not said who they are");
        }
        let _ = registered.send(());
    }

    /// Gives back what the oldest of them uses up.
    fn drop_oldest(&self) {
        if let Some(oldest) = self.lock().pop_front() {
            oldest.make_room("the server is out of connections");
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Stranger>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds out who is there. Strangers are sent away, each in the way that suits it.
async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    state: &ServerState,
) -> Option<(Newcomer, Hello)> {
    let accepted = Instant::now();
    if let Err(error) = socket::configure(SockRef::from(&stream), state.config.liveness) {
        tracing::debug!(%peer, "socket settings: {error}");
    }
    let is_guarded = state.config.secret.is_some();
    let barred = state
        .gate()
        .may_try(peer.ip(), accepted)
        .err()
        .filter(|_| is_guarded);
    if let Some(barred) = barred {
        tracing::warn!(%peer, "refused a connection: {barred}");
        return None;
    }
    let link = match link(state) {
        Ok(link) => link,
        Err(error) => {
            tracing::error!(%peer, "refused a connection: the system gives no random numbers: {error}");
            return None;
        }
    };
    let mut newcomer = Newcomer::new(stream, link, peer);
    match timeout(state.config.access.hello_within, newcomer.hello()).await {
        Ok(Ok(hello)) => {
            if is_guarded {
                state.gate().right(peer.ip(), Instant::now());
            }
            return Some((newcomer, hello));
        }
        // No secret was tried: there is nothing to hide.
        Ok(Err(LinkError::Channel(ChannelError::Preamble(error)))) => {
            newcomer.dismiss(error.into()).await;
        }
        Ok(Err(LinkError::Channel(error))) => {
            if error == ChannelError::WrongSecret {
                state.gate().wrong(peer.ip(), Instant::now());
            }
            // Whatever was wrong, the answer takes the same time and is the same.
            sleep_until(later(accepted, state.config.access.answer_after).into()).await;
            newcomer.dismiss(error.into()).await;
        }
        Ok(Err(error)) => newcomer.dismiss(error).await,
        Err(_) => newcomer.dismiss(LinkError::Silent).await,
    }
    None
}

/// The server's end of a connection: in the clear, or under the secret if there is one. Nothing else is on offer.
fn link(state: &ServerState) -> Result<Link, getrandom::Error> {
    let max_frame = state.config.table.session.max_frame;
    let Some(secret) = &state.config.secret else {
        return Ok(Link::plain(Role::Server, max_frame));
    };
    let entropy = Entropy::gather(getrandom::fill)?;
    Ok(Link::secret(
        Role::Server,
        secret,
        &state.config.service,
        entropy,
        max_frame,
    ))
}

/// Ctrl-C and SIGTERM.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From here on the signals no longer end the process by themselves.
    pub(crate) fn install() -> Result<Self, StartError> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let install = |kind| signal(kind).map_err(StartError::System);
            Ok(Self {
                interrupt: install(SignalKind::interrupt())?,
                terminate: install(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Returns when one of them has come.
    #[cfg(unix)]
    pub(crate) async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Returns when one of them has come.
    #[cfg(not(unix))]
    pub(crate) async fn wait(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// The system may allow less.
const BACKLOG: i32 = 4096;
/// So many strangers may be on their way out while others come in.
const SPARE: usize = 64;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
