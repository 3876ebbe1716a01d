//! One connection at the server: many at once while they wait, a thread of its own once admitted.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ipc_core::secure::{ChannelError, Ticket};
use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::{Link, LinkError};
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus};
use ipc_core::wire::preamble::PreambleError;
use ipc_core::wire::text::fit_to_show;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use crate::handshake::stranger;
use crate::log::{self, About};
use crate::pause::overslept;
use crate::state::ServerState;

/// A connection that has not been admitted yet.
#[derive(Debug)]
pub(crate) struct Newcomer {
    stream: TcpStream,
    arrival: Arrival,
    peer: SocketAddr,
    /// The token of the last ping, and when it was sent.
    ping: (u64, Instant),
}

/// A connection that has been admitted, for a blocking thread.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) link: Link,
    pub(crate) peer: SocketAddr,
}

impl Newcomer {
    pub(crate) fn new(stream: TcpStream, link: Link, peer: SocketAddr) -> Self {
        Self {
            stream,
            arrival: Arrival::new(link),
            peer,
            ping: (0, Instant::now()),
        }
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the client said of itself, once it has.
    pub(crate) fn hello(&self) -> Option<Hello> {
        self.arrival.hello().map(|hello| Hello {
            name: fit_to_show(&hello.name),
            ..hello.clone()
        })
    }

    /// What the client has shown in place of a ticket, while its proof of the secret is waited for.
    pub(crate) fn presented(&self) -> Option<Ticket> {
        self.arrival.link().presented()
    }

    /// Under a secret that the client has proven to know: the ticket that this connection leaves.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.arrival.link().ticket()
    }

    /// Waits until there is something to read.
    pub(crate) async fn readable(&self) -> Result<(), LinkError> {
        self.stream.readable().await.map_err(lost)
    }

    /// Reads what there is. The buffer is not kept while somebody waits: there may be many who do.
    pub(crate) fn read_now(&mut self) -> Result<(), LinkError> {
        let mut buffer = [0; 4096];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => Err(self.arrival.handle_eof()),
            Ok(count) => self
                .arrival
                .handle_input(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(lost(error)),
        }
    }

    /// Reads once. Nothing is lost if this is given up half-way.
    pub(crate) async fn read(&mut self) -> Result<(), LinkError> {
        self.readable().await?;
        self.read_now()
    }

    /// Tells the client where it stands.
    pub(crate) async fn tell_place(&mut self, status: QueueStatus) -> Result<(), LinkError> {
        self.arrival.tell_place(status);
        self.flush().await
    }

    /// Asks the client whether it is still there, unless it has not answered the last time yet.
    pub(crate) async fn ping(&mut self) -> Result<(), LinkError> {
        if self.answer_due().is_some() {
            return Ok(());
        }
        let (token, _) = self.ping;
        self.ping = (token + 1, Instant::now());
        self.arrival.ping(token + 1);
        self.flush().await
    }

    /// Until when the client has to answer the last ping; `None` if it has.
    pub(crate) fn answer_due(&self) -> Option<Instant> {
        let (token, sent) = self.ping;
        let is_answered = token == 0 || self.arrival.answered(token);
        (!is_answered).then(|| sent + CONFIRM_WITHIN)
    }

    /// Fails if the client has not answered by the time that was `due`.
    pub(crate) fn check_answer(&mut self, due: Instant) -> Result<(), LinkError> {
        // The answer may be here, unread.
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

    /// Makes sure that the client is still there, before others are kept waiting for it.
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

    /// Sends what there is to say.
    pub(crate) async fn flush(&mut self) -> Result<(), LinkError> {
        while !self.arrival.transmit().is_empty() {
            let write = self.stream.write(self.arrival.transmit());
            match timeout(CONFIRM_WITHIN, write).await {
                Ok(Ok(count)) => self.arrival.consume(count),
                Ok(Err(error)) => return Err(lost(error)),
                Err(_) => return Err(LinkError::Silent),
            }
        }
        Ok(())
    }

    /// Sends the client away with a reason that its user will read.
    pub(crate) async fn refuse(mut self, reason: ByeReason, message: String, state: &ServerState) {
        state
            .visits
            .log(self.peer, format_args!("sent away: {message}"));
        self.arrival.refuse(reason, message);
        self.part(state).await;
    }

    /// Ends a connection that went wrong; a stranger is told what can be told.
    pub(crate) async fn dismiss(mut self, error: LinkError, state: &ServerState) {
        let peer = self.peer;
        match &error {
            LinkError::Preamble(PreambleError::NotThisProtocol(first)) => {
                let kind = stranger::looks_like(first);
                state
                    .complaints
                    .log(peer, format_args!("refused a connection: {error} ({kind})"));
                if kind == "an HTTP request" {
                    let _ = timeout(LINGER, self.stream.write_all(stranger::HTTP_ANSWER)).await;
                }
            }
            LinkError::Lost(_) | LinkError::Bye(_) => {
                log::debug(
                    About::peer(peer),
                    format_args!("left: {}", fit_to_show(&error.to_string())),
                );
            }
            LinkError::Channel(ChannelError::WrongSecret) => {
                state
                    .guesses
                    .log(peer, format_args!("refused a connection: {error}"));
            }
            _ => {
                state
                    .complaints
                    .log(peer, format_args!("refused a connection: {error}"));
            }
        }
        self.part(state).await;
    }

    /// Sends what is left to say, then waits a little for the client to read it: bytes that arrive at a closed socket
    /// would make the system throw it away. When many wait like this already, what is left is written and that is all.
    async fn part(&mut self, state: &ServerState) {
        let Ok(_permit) = state.lingering.try_acquire() else {
            // It fits into an empty socket, and is lost with a full one.
            let _ = self.stream.try_write(self.arrival.transmit());
            return;
        };
        let farewell = async {
            self.flush().await.ok()?;
            self.stream.shutdown().await.ok()?;
            for _ in 0..LINGER_READS {
                self.stream.readable().await.ok()?;
                if self
                    .stream
                    .try_read(&mut [0; 4096])
                    .is_ok_and(|count| count == 0)
                {
                    break;
                }
            }
            Some(())
        };
        let _ = timeout(LINGER, farewell).await;
    }

    /// The connection for a thread of its own.
    pub(crate) fn into_connection(self) -> io::Result<Connection> {
        let stream = self.stream.into_std()?;
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(STALLED_AFTER))?;
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

/// A client that waits must answer a ping within this time, and take what it is sent.
const CONFIRM_WITHIN: Duration = Duration::from_secs(4);
/// A client that was sent away has this long to read why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_READS: usize = 64;
/// A client that takes no bytes for so long is treated as lost.
const STALLED_AFTER: Duration = Duration::from_secs(30);
