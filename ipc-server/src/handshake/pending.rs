//! Connections that are not admitted yet: they are in the handshake, in the queue, or being refused.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ipc_core::secure::{ChannelError, Ticket};
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus};
use ipc_core::wire::preamble::PreambleError;
use ipc_core::wire::sanitize::fit_to_show;
use ipc_hub::log::{self, About};
use ipc_hub::time::overslept;
use tokio::io::AsyncWriteExt;
use tokio::time::{timeout, timeout_at};

use crate::connection::Connection;
use crate::handshake::sniff;
use crate::handshake::socket::PendingSocket;
use crate::state::ServerState;

/// A connection that has not been admitted yet.
#[derive(Debug)]
pub(crate) struct PendingConnection {
    socket: PendingSocket,
    arrival: Arrival,
    peer: SocketAddr,
    /// The token of the last ping, 0 before the first, and when it was sent.
    ping: (u64, Instant),
}

impl PendingConnection {
    pub(crate) fn new(socket: PendingSocket, link: Link, peer: SocketAddr) -> Self {
        Self {
            socket,
            arrival: Arrival::new(link),
            peer,
            ping: (0, Instant::now()),
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Takes the client's `Hello` once it has arrived, with a name that is safe to print.
    pub(crate) fn take_hello(&mut self) -> Option<Hello> {
        let mut hello = self.arrival.take_hello()?;
        hello.name = fit_to_show(&hello.name);
        Some(hello)
    }

    /// Returns the ticket, or the random number in its place, of a client whose proof of the secret is outstanding.
    pub(crate) fn presented(&self) -> Option<Ticket> {
        self.arrival.link().presented()
    }

    /// Returns the ticket for the next connection of a client that has proved that it knows the secret.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.arrival.link().ticket()
    }

    /// Waits until there may be bytes to read.
    pub(crate) async fn readable(&self) -> Result<(), LinkError> {
        self.socket.readable().await.map_err(lost)
    }

    /// Reads what has arrived. The buffer is on the stack so that waiting connections stay small. What they send is
    /// short.
    pub(crate) fn read_now(&mut self) -> Result<(), LinkError> {
        let mut buffer = [0; 512];
        match self.socket.try_read(&mut buffer) {
            Ok(0) => Err(self.arrival.handle_eof()),
            Ok(count) => self
                .arrival
                .handle_input(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(lost(error)),
        }
    }

    /// Waits for bytes and reads them. Cancel safe.
    pub(crate) async fn read(&mut self) -> Result<(), LinkError> {
        self.readable().await?;
        self.read_now()
    }

    /// Sends the client its place in the queue.
    pub(crate) async fn tell_place(&mut self, status: QueueStatus) -> Result<(), LinkError> {
        self.arrival.tell_place(status);
        self.flush().await
    }

    /// Sends a ping, unless the last one has not been answered yet.
    pub(crate) async fn ping(&mut self) -> Result<(), LinkError> {
        if self.answer_due().is_some() {
            return Ok(());
        }
        let (token, _) = self.ping;
        self.ping = (token + 1, Instant::now());
        self.arrival.ping(token + 1);
        self.flush().await
    }

    /// Returns when the answer to the last ping is due, or `None` if it has arrived.
    pub(crate) fn answer_due(&self) -> Option<Instant> {
        let (token, sent) = self.ping;
        let is_answered = token == 0 || self.arrival.answered(token);
        (!is_answered).then(|| sent + CONFIRM_WITHIN)
    }

    /// Fails if the answer that was due at `due` has not arrived. After a suspension of this process, the client gets
    /// more time instead.
    pub(crate) fn check_answer(&mut self, due: Instant) -> Result<(), LinkError> {
        // The answer may have arrived without being read.
        self.read_now()?;
        if self.answer_due().is_none() {
            return Ok(());
        }
        if overslept(due).is_zero() {
            return Err(LinkError::Silent);
        }
        let (token, _) = self.ping;
        self.ping = (token, Instant::now());
        Ok(())
    }

    /// Checks that the client is still there, before others have to wait for it.
    pub(crate) async fn confirm(&mut self) -> Result<(), LinkError> {
        self.ping().await?;
        while let Some(due) = self.answer_due() {
            match timeout_at(due.into(), self.read()).await {
                Ok(read) => read?,
                Err(_) => self.check_answer(due)?,
            }
        }
        Ok(())
    }

    /// Sends everything that is queued.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        while !self.arrival.transmit().is_empty() {
            let stream = self.socket.watch().map_err(lost)?;
            let write = stream.write(self.arrival.transmit());
            match timeout(CONFIRM_WITHIN, write).await {
                Ok(Ok(count)) => self.arrival.consume(count),
                Ok(Err(error)) => return Err(lost(error)),
                Err(_) => return Err(LinkError::Silent),
            }
        }
        Ok(())
    }

    /// Refuses the client, with a reason for its user.
    pub(crate) async fn refuse(mut self, reason: ByeReason, message: String, state: &ServerState) {
        let refused = format!("sent away: {message}");
        state
            .client_log
            .info(About::client(self.peer.to_string()), refused);
        self.arrival.refuse(reason, message);
        self.close(state).await;
    }

    /// Closes a connection that has failed, with an answer if there is one for this failure.
    pub(crate) async fn close_failed(mut self, error: LinkError, state: &ServerState) {
        let peer = self.peer;
        match &error {
            LinkError::Preamble(PreambleError::NotThisProtocol(first)) => {
                let kind = sniff::looks_like(first);
                state.bad_connections.warn(
                    About::peer(peer),
                    format_args!("refused a connection: {error} ({kind})"),
                );
                if kind == sniff::HTTP
                    && let Ok(stream) = self.socket.watch()
                {
                    let _ = timeout(LINGER, stream.write_all(sniff::HTTP_ANSWER)).await;
                }
            }
            LinkError::Lost(_) | LinkError::Bye(_) => {
                log::debug(
                    About::peer(peer),
                    format_args!("left: {}", fit_to_show(&error.to_string())),
                );
            }
            LinkError::Channel(ChannelError::WrongSecret) => {
                let refused = format_args!("refused a connection: {error}");
                state.wrong_secrets.warn(About::peer(peer), refused);
            }
            _ => {
                let refused = format_args!("refused a connection: {error}");
                state.bad_connections.warn(About::peer(peer), refused);
            }
        }
        self.close(state).await;
    }

    /// Sends what is queued, then waits briefly for the client to read it: if bytes arrived at the closed socket, the
    /// system would discard what was sent. If many connections linger already, this one is closed at once.
    async fn close(&mut self, state: &ServerState) {
        let Ok(_permit) = state.lingering.try_acquire() else {
            // Fits into the socket's buffer unless the client has stopped reading.
            let _ = self.socket.try_write(self.arrival.transmit());
            return;
        };
        let goodbye = async {
            self.flush().await.ok()?;
            let stream = self.socket.watch().ok()?;
            stream.shutdown().await.ok()?;
            for _ in 0..LINGER_READS {
                stream.readable().await.ok()?;
                if stream
                    .try_read(&mut [0; 4096])
                    .is_ok_and(|count| count == 0)
                {
                    break;
                }
            }
            Some(())
        };
        let _ = timeout(LINGER, goodbye).await;
    }

    /// Converts this into a blocking connection for the thread that will serve it.
    pub(crate) fn into_connection(self) -> io::Result<Connection> {
        let stream = self.socket.into_blocking()?;
        if !ipc_net::ACCEPTED_SOCKETS_INHERIT {
            stream.set_write_timeout(Some(STALLED_AFTER))?;
        }
        Ok(Connection {
            stream,
            link: self.arrival.into_link(),
            peer: self.peer,
        })
    }
}

fn lost(error: io::Error) -> LinkError {
    LinkError::Lost(error.to_string())
}

/// How long a waiting client may take to answer a ping, or to receive a message.
const CONFIRM_WITHIN: Duration = Duration::from_secs(4);
/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_secs(1);
/// Maximum number of reads while a refused connection lingers.
const LINGER_READS: usize = 64;
/// How long a served client may receive no bytes before its connection counts as lost.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(30);
