//! The handshake: an accepted connection proves that its client knows the secret, and the client identifies itself.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use ipc_core::secure::{ChannelError, Entropy, Ticket};
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::Hello;
use ipc_core::wire::preamble::Role;
use ipc_hub::log::About;
use ipc_hub::time::later;
use tokio::time::{sleep, sleep_until, timeout};

use crate::handshake::guesses::{Barred, Proof};
use crate::handshake::pending::PendingConnection;
use crate::handshake::socket::PendingSocket;
use crate::state::ServerState;

/// Performs the handshake. A connection that fails it is closed, with an answer that depends on the failure.
pub(crate) async fn identify(
    mut socket: PendingSocket,
    peer: SocketAddr,
    state: &ServerState,
) -> Option<(PendingConnection, Hello)> {
    let accepted = Instant::now();
    let limits = &state.config.access;
    if let Err(barred) = may_connect(&mut socket, peer.ip(), state).await {
        log_barred(state, peer, barred);
        return None;
    }
    let link = match link(state) {
        Ok(link) => link,
        Err(error) => {
            let failed = format_args!("refused {peer}: the system has no random numbers: {error}");
            state.bad_connections.error(About::server(), failed);
            return None;
        }
    };
    let mut connection = PendingConnection::new(socket, link, peer);
    let hello = receive_hello(&mut connection, state);
    match timeout(limits.hello_within, hello).await {
        Ok(Ok(hello)) => return Some((connection, hello)),
        Ok(Err(HandshakeError::Barred(barred))) => log_barred(state, peer, barred),
        // No secret was tried, so the answer gives nothing away.
        Ok(Err(HandshakeError::Link(LinkError::Channel(ChannelError::Preamble(error))))) => {
            connection.close_failed(error.into(), state).await;
        }
        Ok(Err(HandshakeError::Link(LinkError::Channel(error)))) => {
            // Whatever was wrong, the answer is the same and takes the same time.
            sleep_until(later(accepted, limits.answer_after).into()).await;
            connection.close_failed(error.into(), state).await;
        }
        Ok(Err(HandshakeError::Link(error))) => connection.close_failed(error, state).await,
        Err(_) => connection.close_failed(LinkError::Silent, state).await,
    }
    None
}

fn log_barred(state: &ServerState, peer: SocketAddr, barred: Barred) {
    let refused = format_args!("refused a connection: {barred}");
    state.bad_connections.warn(About::peer(peer), refused);
}

enum HandshakeError {
    Link(LinkError),
    Barred(Barred),
}

impl From<LinkError> for HandshakeError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// Waits for the client's proof of the secret, if there is one, and its `Hello`.
async fn receive_hello(
    connection: &mut PendingConnection,
    state: &ServerState,
) -> Result<Hello, HandshakeError> {
    loop {
        if let Some(hello) = connection.take_hello() {
            return Ok(hello);
        }
        connection.readable().await?;
        match connection.presented() {
            Some(ticket) => read_proof(connection, ticket, state).await?,
            None => connection.read_now()?,
        }
        // The handshake of an encrypted connection has an answer.
        connection.flush().await?;
    }
}

/// Reads a client's proof, or a part of it, once its source is not barred.
async fn read_proof(
    connection: &mut PendingConnection,
    ticket: Ticket,
    state: &ServerState,
) -> Result<(), HandshakeError> {
    let source = connection.peer().ip();
    loop {
        let mut read = Ok(());
        let attempted = state.guesses.attempt(source, ticket, || {
            read = connection.read_now();
            match (&read, connection.ticket()) {
                (Err(LinkError::Channel(ChannelError::WrongSecret)), _) => Proof::Wrong,
                (_, Some(next)) => Proof::Right(next),
                (_, None) => Proof::Incomplete,
            }
        });
        match attempted {
            Ok(()) => return Ok(read?),
            Err(Barred::Source { left }) => sleep(left).await,
            Err(barred) => return Err(HandshakeError::Barred(barred)),
        }
    }
}

/// Checks whether to answer a connection: always without a secret; otherwise if its source may try one now or very soon,
/// or if its first bytes show a good ticket.
async fn may_connect(
    socket: &mut PendingSocket,
    source: IpAddr,
    state: &ServerState,
) -> Result<(), Barred> {
    if state.config.secret.is_none() {
        return Ok(());
    }
    let Err(barred) = state.guesses.may_connect(source) else {
        return Ok(());
    };
    let mut first = [0; Ticket::PLACE.end];
    let Ok(stream) = socket.watch() else {
        return Err(barred);
    };
    let peek = timeout(state.config.access.hello_within, stream.peek(&mut first)).await;
    let is_complete = matches!(peek, Ok(Ok(count)) if count == first.len());
    let ticket = first
        .get(Ticket::PLACE)
        .and_then(|bytes| bytes.try_into().ok())
        .map(Ticket::received);
    match ticket {
        Some(ticket) if is_complete && state.guesses.knows(ticket) => Ok(()),
        _ => Err(barred),
    }
}

/// Returns the server's end of a connection: encrypted if there is a secret, otherwise plain.
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
