//! Finding out who is there: how long that may take, and how many strangers may knock at once.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ipc_core::secure::{ChannelError, Entropy};
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::Hello;
use ipc_core::wire::preamble::Role;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

use crate::arrivals;
use crate::connection::Newcomer;
use crate::gate;
use crate::socket;
use crate::state::{ServerState, later};

/// Connections that have not said who they are. Above a limit the oldest is dropped: an honest client says its hello at
/// once, so it is never the oldest for long.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
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
    /// Takes a connection in, and drops the oldest if there is no room for it.
    pub(crate) fn receive(
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
                // In a box: a stranger's task need not have room for what only guests do.
                Box::pin(arrivals::admit(state_of_task, newcomer, hello)).await;
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
    pub(crate) fn drop_oldest(&self) {
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
