//! What both clients do alike between their sockets and their callers: calls and their ends here, bytes in `traffic`,
//! connections in `reconnecting`.

mod reconnecting;
#[cfg(test)]
mod tests;
mod traffic;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::secure::Ticket;
use ipc_core::session::client::{CallOutcome, ClientSession, Event, GivenUp};
use ipc_core::wire::ctrl::QueueStatus;

use crate::builder::Settings;
use crate::call::{Ended, Timing};
use crate::dial::Dial;
use crate::error::ConnectError;
use crate::guesses::Guesses;
use crate::outage::Outage;
use crate::own_ends::OwnEnd;
use crate::state::{ConnectionState, Watch, aged};

pub(crate) use reconnecting::Step;
pub(crate) use traffic::Written;

/// The session with its outages. Reads and writes no socket: whoever has one asks for the
/// [`next_step`](Self::next_step), reports what was [`received`](Self::received) and [`written`](Self::written),
/// passes the time on to [`settle`](Self::settle), and then tells callers each [`poll_event`](Self::poll_event).
pub(crate) struct Engine {
    settings: Arc<Settings>,
    watch: Arc<Watch>,
    session: ClientSession,
    /// The connection that is being made.
    dial: Option<Dial>,
    /// This end of the connection that was made last.
    own_end: Option<OwnEnd>,
    connection: Option<Connection>,
    /// True once the connection takes no more bytes; what the peer said before is still to be read.
    write_failed: bool,
    /// The place in the queue, and when the server told it.
    queue: Option<(QueueStatus, Instant)>,
    outage: Option<Outage>,
    guesses: Guesses,
    first: Option<First>,
    failure: Option<ConnectError>,
    untold: Option<String>,
    /// What the last connection under the secret left for the next one.
    ticket: Option<Ticket>,
    closed: bool,
}

#[derive(Clone, Copy)]
struct Connection {
    server: SocketAddr,
    /// When the server first said where this client stands: in its queue, or connected.
    since: Option<Instant>,
    /// True once the server has answered a call: this connection was worth its making.
    proven: bool,
}

/// Somebody who waits for the very first connection.
#[derive(Clone, Copy)]
struct First {
    limit: Duration,
    until: Option<Instant>,
}

/// What became of a call.
pub(crate) struct CallEvent {
    pub(crate) call: u64,
    pub(crate) news: News,
}

/// What there is to tell about a call.
pub(crate) enum News {
    Ended(Ended),
    Progress(Progress),
}

/// How far a call is, from 0 to 1, and what is going on.
pub(crate) struct Progress {
    pub(crate) fraction: f64,
    pub(crate) message: String,
}

impl Engine {
    pub(crate) fn new(settings: Arc<Settings>, watch: Arc<Watch>) -> Self {
        let session = ClientSession::new(settings.session.clone());
        Self {
            settings,
            watch,
            session,
            dial: None,
            own_end: None,
            connection: None,
            write_failed: false,
            queue: None,
            outage: None,
            guesses: Guesses::default(),
            first: None,
            failure: None,
            untold: None,
            ticket: None,
            closed: false,
        }
    }

    /// Begins a call. Returns its number, or why it does not begin.
    pub(crate) fn begin(
        &mut self,
        frame: Vec<u8>,
        idempotent: bool,
        timing: Timing,
    ) -> Result<u64, NotSent> {
        if self.closed {
            return Err(NotSent::Closed);
        }
        if let Some(reason) = self.untold.take() {
            return Err(NotSent::Unreachable(reason));
        }
        let Timing { started, timeout } = timing;
        Ok(self.session.call(frame, idempotent, timeout, started))
    }

    /// Gives a call up. Returns how it ends, or `None` if it has ended before.
    pub(crate) fn give_up(&mut self, call: u64, reason: NotSent) -> Option<Ended> {
        match self.session.give_up(call) {
            GivenUp::Ended => None,
            GivenUp::NotSent => Some(Ended::not_sent(reason)),
            GivenUp::Sent => Some(Ended::cancelled()),
        }
    }

    /// Ends the session, for good. What is still to be written is the goodbye.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.dial = None;
        self.own_end = None;
        self.session.close();
        self.watch.set(ConnectionState::Closed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// When [`settle`](Self::settle) wants to be called again; may change with every other call.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.first.and_then(|first| first.until);
        self.session.poll_timeout().into_iter().chain(first).min()
    }

    /// Ends what takes too long. Returns true if there was such a thing: the server is then to be told without delay.
    pub(crate) fn settle(&mut self, now: Instant) -> bool {
        let is_due = self.session.poll_timeout().is_some_and(|at| at <= now);
        if is_due {
            self.session.handle_timeout(now);
        }
        is_due
    }

    /// What became of calls, in order. To be asked after everything that was done to the engine.
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<CallEvent> {
        loop {
            match self.session.poll_event()? {
                Event::Ended { call, outcome } => {
                    self.note_outcome(&outcome);
                    let last_error = self.outage.as_ref().and_then(Outage::last_error);
                    let ended = Ended::while_queued(outcome, self.queue_status(now));
                    let news = News::Ended(ended.after(last_error));
                    return Some(CallEvent { call, news });
                }
                Event::Progress {
                    call,
                    fraction,
                    message,
                } => {
                    let news = News::Progress(Progress { fraction, message });
                    return Some(CallEvent { call, news });
                }
                Event::Connected {
                    resumed,
                    others_between,
                } => self.begun(resumed, others_between, now),
                Event::Queued(status) => self.queued(status, now),
                Event::Lost(error) => self.lost(error, now),
                _ => {}
            }
        }
    }

    /// The place in the queue, as of now.
    fn queue_status(&self, now: Instant) -> Option<QueueStatus> {
        let (status, told) = self.queue.as_ref()?;
        Some(aged(status, now.saturating_duration_since(*told)))
    }

    fn note_outcome(&mut self, outcome: &CallOutcome) {
        if let CallOutcome::Returned(_) | CallOutcome::Refused(_) | CallOutcome::Failed(_) = outcome
        {
            self.prove();
        }
    }

    /// The connection works, so the outage before it is over.
    fn prove(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.proven = true;
        }
        self.outage = None;
    }
}
