//! Connections whose clients have not identified themselves, and how many of them there may be.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipc_hub::log::{self, About};
use ipc_net::ConfigureError;
use socket2::{SockRef, Socket};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use crate::handshake::guesses::network;
use crate::handshake::identify::identify;
use crate::handshake::socket::PendingSocket;
use crate::queue::arrivals;
use crate::state::ServerState;

/// Connections that have not identified themselves. Beyond a limit, the oldest connection of the source with the most
/// connections is dropped: an honest client identifies itself at once, so its connection is rarely that one.
#[derive(Debug, Default)]
pub(crate) struct Unidentified {
    connections: Mutex<VecDeque<UnidentifiedConnection>>,
    next_id: AtomicUsize,
    /// True once a refused socket option has been logged: the system refuses it for all connections.
    has_warned: AtomicBool,
}

#[derive(Debug)]
struct UnidentifiedConnection {
    id: usize,
    peer: SocketAddr,
    source: IpAddr,
    task: AbortHandle,
}

impl UnidentifiedConnection {
    fn drop_because(self, why: &str, state: &ServerState) {
        let dropped = format_args!("dropped a connection: {why}");
        state.bad_connections.warn(About::peer(self.peer), dropped);
        self.task.abort();
    }
}

impl Unidentified {
    /// Handles an accepted connection on a task of its own, and drops an older one if there are too many. `permit` is
    /// released when the client has identified itself or is gone.
    pub(crate) fn accept(
        self: &Arc<Self>,
        socket: PendingSocket,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
        state: &Arc<ServerState>,
    ) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (all, state_of_task) = (Arc::clone(self), Arc::clone(state));
        let handle = async move {
            if let PendingSocket::Watched(stream) = &socket
                && !ipc_net::ACCEPTED_SOCKETS_INHERIT
            {
                all.configure(&SockRef::from(stream), &state_of_task);
            }
            // Boxed, so that a client that waits for long does not keep the memory of its handshake.
            let identified = Box::pin(identify(socket, peer, &state_of_task)).await;
            let is_dropped = !all.remove(id);
            drop((all, permit));
            if let Some((connection, hello)) = identified
                && !is_dropped
            {
                let work = state_of_task.hub.begin_work();
                Box::pin(arrivals::admit(state_of_task, connection, hello, work)).await;
            }
        };
        let source = network(peer.ip());
        // Locked first: the task must be in the list before it can remove itself.
        let mut connections = self.lock();
        let task = tokio::spawn(handle);
        connections.push_back(UnidentifiedConnection {
            id,
            peer,
            source,
            task: task.abort_handle(),
        });
        let limits = &state.config.access;
        let from_source = connections.iter().filter(|other| other.source == source);
        let crowd = match from_source.count() > limits.unidentified_per_source {
            true => Some(source),
            false if connections.len() > limits.unidentified => largest_source(&connections),
            false => None,
        };
        let oldest = connections
            .iter()
            .position(|other| Some(other.source) == crowd);
        if let Some(oldest) = oldest.and_then(|oldest| connections.remove(oldest)) {
            oldest.drop_because("too many connections have not said who they are", state);
        }
    }

    /// Removes a connection from the list. Returns false if it was dropped.
    fn remove(&self, id: usize) -> bool {
        let mut connections = self.lock();
        let at = connections.iter().position(|other| other.id == id);
        at.and_then(|at| connections.remove(at)).is_some()
    }

    /// Sets the options of a connection, or those that the connections of a listener inherit.
    pub(crate) fn configure(&self, socket: &Socket, state: &ServerState) {
        let liveness = state.config.liveness;
        let dead_after = liveness.saturating_sub(TIMER_TOLERANCE);
        if let Err(ConfigureError::Refused { option, cause }) =
            ipc_net::configure(socket, dead_after)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            log::warn(
                About::server(),
                format_args!(
                    "cannot set {option} of connections: {cause}; a client whose computer vanishes may be noticed later \
                     than after {liveness:?}"
                ),
            );
        }
    }

    /// Drops the oldest connection to free what it uses.
    pub(crate) fn drop_oldest(&self, state: &ServerState) {
        if let Some(oldest) = self.lock().pop_front() {
            oldest.drop_because("the server is out of connections", state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<UnidentifiedConnection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the source with the most connections; of several, the one whose connection is the oldest.
fn largest_source(connections: &VecDeque<UnidentifiedConnection>) -> Option<IpAddr> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    for connection in connections {
        *counts.entry(connection.source).or_default() += 1;
    }
    // Of equals, `max_by_key` takes the last.
    let largest = connections
        .iter()
        .rev()
        .max_by_key(|connection| counts.get(&connection.source));
    largest.map(|connection| connection.source)
}

/// How much earlier than promised the system is asked to notice a dead peer. Waiting clients rely on `liveness`, timers
/// fire late, and the place of a lost client is kept for a moment.
const TIMER_TOLERANCE: Duration = Duration::from_secs(2);
