//! Finding out who is there: how long that may take, and how many strangers may knock at once.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_core::secure::{ChannelError, Entropy, Ticket};
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::Hello;
use ipc_core::wire::preamble::Role;
use ipc_net::ConfigureError;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{sleep, sleep_until, timeout};

use crate::handshake::connection::Newcomer;
use crate::handshake::gate::{self, Barred};
use crate::log::complaints::Complaints;
use crate::log::{self, About};
use crate::queue::arrivals;
use crate::state::{ServerState, later};

/// Connections that have not said who they are. Above a limit the oldest of the source with the most of them is dropped:
/// an honest client says its hello at once, so it is never the oldest for long, and seldom in a crowd.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    waiting: Mutex<VecDeque<Stranger>>,
    next: AtomicUsize,
    /// True once it has been said that the system refuses a setting: it does so for all connections.
    has_warned: AtomicBool,
}

#[derive(Debug)]
struct Stranger {
    id: usize,
    peer: SocketAddr,
    source: IpAddr,
    task: AbortHandle,
}

impl Stranger {
    fn make_room(self, why: &str, complaints: &Complaints) {
        complaints.log(self.peer, format_args!("dropped a connection: {why}"));
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
            strangers.configure(&stream, &state_of_task);
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
        let crowd = match same > limits.strangers_per_source {
            true => Some(source),
            false => (waiting.len() > limits.strangers)
                .then(|| largest_crowd(&waiting))
                .flatten(),
        };
        let oldest = waiting.iter().position(|other| Some(other.source) == crowd);
        if let Some(oldest) = oldest.and_then(|oldest| waiting.remove(oldest)) {
            let why = "too many connections have not said who they are";
            oldest.make_room(why, &state.complaints);
        }
        let _ = registered.send(());
    }

    fn configure(&self, stream: &TcpStream, state: &ServerState) {
        let liveness = state.config.liveness;
        // Clients expect the server to notice within `liveness`, and system timers fire late.
        let configured = ipc_net::configure(stream, liveness.saturating_sub(EARLIER));
        if let Err(ConfigureError::Refused { option, cause }) = configured
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            log::warn(
                About::server(),
                format_args!(
                    "cannot set {option} of connections: {cause}; a client whose computer vanishes may be \
                     noticed later than after {liveness:?}"
                ),
            );
        }
    }

    /// Gives back what the oldest of them uses up.
    pub(crate) fn drop_oldest(&self, complaints: &Complaints) {
        if let Some(oldest) = self.lock().pop_front() {
            oldest.make_room("the server is out of connections", complaints);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Stranger>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source with the most connections; of several, one that came early.
fn largest_crowd(strangers: &VecDeque<Stranger>) -> Option<IpAddr> {
    let mut crowds: HashMap<IpAddr, usize> = HashMap::new();
    for stranger in strangers {
        *crowds.entry(stranger.source).or_default() += 1;
    }
    let size = |stranger: &&Stranger| crowds.get(&stranger.source).copied();
    // Of equals, `max_by_key` takes the last.
    strangers
        .iter()
        .rev()
        .max_by_key(size)
        .map(|stranger| stranger.source)
}

/// Finds out who is there. Strangers are sent away, each in the way that suits it.
async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    state: &ServerState,
) -> Option<(Newcomer, Hello)> {
    let accepted = Instant::now();
    if let Err(barred) = is_worth_a_word(&stream, peer.ip(), state).await {
        let refused = format_args!("refused a connection: {barred}");
        state.complaints.log(peer, refused);
        return None;
    }
    let link = match link(state) {
        Ok(link) => link,
        Err(error) => {
            let refused =
                format_args!("refused {peer}: the system gives no random numbers: {error}");
            state.complaints.log_here(refused);
            return None;
        }
    };
    let mut newcomer = Newcomer::new(stream, link, peer);
    let hello = hello(&mut newcomer, state);
    match timeout(state.config.access.hello_within, hello).await {
        Ok(Ok(hello)) => return Some((newcomer, hello)),
        Ok(Err(Refused::Barred(barred))) => {
            let refused = format_args!("refused a connection: {barred}");
            state.complaints.log(peer, refused);
        }
        // No secret was tried: there is nothing to hide.
        Ok(Err(Refused::Link(LinkError::Channel(ChannelError::Preamble(error))))) => {
            newcomer.dismiss(error.into(), state).await;
        }
        Ok(Err(Refused::Link(LinkError::Channel(error)))) => {
            // Whatever was wrong, the answer takes the same time and is the same.
            sleep_until(later(accepted, state.config.access.answer_after).into()).await;
            newcomer.dismiss(error.into(), state).await;
        }
        Ok(Err(Refused::Link(error))) => newcomer.dismiss(error, state).await,
        Err(_) => newcomer.dismiss(LinkError::Silent, state).await,
    }
    None
}

/// Why somebody does not become a guest.
enum Refused {
    Link(LinkError),
    Barred(Barred),
}

impl From<LinkError> for Refused {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// Waits for the client to show that it belongs here, and to say who it is.
async fn hello(newcomer: &mut Newcomer, state: &ServerState) -> Result<Hello, Refused> {
    loop {
        if let Some(hello) = newcomer.hello() {
            return Ok(hello);
        }
        newcomer.readable().await?;
        read_if_allowed(newcomer, state).await?;
        // The handshake of an encrypted connection answers.
        newcomer.flush().await?;
    }
}

/// Reads once; the proof of a client only when its source may try a secret, or when it shows a ticket. However many
/// connections are under way, no guess is looked at before the one before it is counted.
async fn read_if_allowed(newcomer: &mut Newcomer, state: &ServerState) -> Result<(), Refused> {
    loop {
        let Some(presented) = newcomer.presented() else {
            return Ok(newcomer.read_now()?);
        };
        match judge(newcomer, presented, state) {
            Err(Refused::Barred(Barred::Source { left })) => sleep(left).await,
            judged => return judged,
        }
    }
}

/// Reads a proof, or some of it. The handshake has done the hard sums by then: nobody waits long for the gate.
fn judge(newcomer: &mut Newcomer, presented: Ticket, state: &ServerState) -> Result<(), Refused> {
    let source = newcomer.peer().ip();
    let now = Instant::now();
    let mut gate = state.gate();
    if let Err(barred) = gate.may_try(source, now)
        && !gate.knows(presented, now)
    {
        return Err(Refused::Barred(barred));
    }
    let read = newcomer.read_now();
    if read == Err(LinkError::Channel(ChannelError::WrongSecret)) {
        gate.take(presented, now);
        gate.wrong(source, now);
    } else if let Some(ticket) = newcomer.ticket() {
        gate.take(presented, now);
        gate.right(source, ticket, now);
    }
    Ok(read?)
}

/// Whether a connection is worth a word: always, where there is no secret to be guessed, and from where guesses are
/// welcome or will be soon; from elsewhere, if its first bytes show a ticket.
async fn is_worth_a_word(
    stream: &TcpStream,
    source: IpAddr,
    state: &ServerState,
) -> Result<(), Barred> {
    if state.config.secret.is_none() {
        return Ok(());
    }
    let judged = state.gate().may_try(source, Instant::now());
    let Err(barred) = judged else {
        return Ok(());
    };
    if barred.is_brief() {
        return Ok(());
    }
    let mut first = [0; Ticket::PLACE.end];
    let looked = timeout(state.config.access.hello_within, stream.peek(&mut first)).await;
    let has_all = matches!(looked, Ok(Ok(count)) if count == first.len());
    let place = first
        .get(Ticket::PLACE)
        .and_then(|place| place.try_into().ok());
    match place.map(Ticket::received) {
        Some(ticket) if has_all && state.gate().knows(ticket, Instant::now()) => Ok(()),
        _ => Err(barred),
    }
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

/// How long before the end of `liveness` a vanished client is noticed.
const EARLIER: Duration = Duration::from_secs(2);
