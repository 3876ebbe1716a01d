//! What both clients do between their sockets and their callers: the session, the outages, and what is shown of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::session::client::{CallOutcome, ClientSession, Event};
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason, QueueStatus};

use crate::builder::Settings;
use crate::error::ConnectError;
use crate::outage::{Outage, Verdict};
use crate::state::{ConnectionState, Watch};

/// The session with its outages. Knows no socket: whoever has one asks for the [`next_step`](Self::next_step), reports
/// how it went, and passes bytes and time to the [`session`](Self::session).
pub(crate) struct Engine {
    settings: Arc<Settings>,
    watch: Arc<Watch>,
    pub(crate) session: ClientSession,
    connection: Option<Connection>,
    queue: Option<QueueStatus>,
    outage: Option<Outage>,
    failure: Option<ConnectError>,
    untold: Option<String>,
    closed: bool,
}

#[derive(Clone, Copy)]
struct Connection {
    server: SocketAddr,
    /// When the session began; `None` before.
    since: Option<Instant>,
    /// True once the server has answered a call: this connection was worth its making.
    proven: bool,
}

/// What the one who has the socket is to do.
pub(crate) enum Step {
    /// Make a connection, and tell [`Engine::connected`] or [`Engine::attempt_failed`].
    Dial,
    /// Nothing, until then.
    Pause(Instant),
    /// Write what the session transmits and read.
    Converse,
}

/// What became of a call.
pub(crate) enum CallEvent {
    Ended {
        call: u64,
        outcome: CallOutcome,
    },
    Progress {
        call: u64,
        fraction: f64,
        message: String,
    },
}

impl Engine {
    pub(crate) fn new(settings: Arc<Settings>, watch: Arc<Watch>) -> Self {
        let session = ClientSession::new(settings.session.clone());
        Self {
            settings,
            watch,
            session,
            connection: None,
            queue: None,
            outage: None,
            failure: None,
            untold: None,
            closed: false,
        }
    }

    /// Somebody waits for the very first connection, at most `limit`.
    pub(crate) fn begin_first(&mut self, limit: Duration, now: Instant) {
        self.outage = Some(Outage::before_first(limit, now));
        self.show_outage();
    }

    /// The first connection is there, and what it took no longer counts.
    pub(crate) fn end_first(&mut self) {
        self.outage = None;
    }

    /// What to do for those who wait.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        if !self.session.is_disconnected() {
            return Step::Converse;
        }
        if self.outage.is_none() {
            self.outage = Some(Outage::new(self.settings.retry, now));
            self.show_outage();
        }
        match self.outage.as_ref().map(Outage::next_try) {
            Some(next) if now < next => Step::Pause(next),
            _ => Step::Dial,
        }
    }

    /// A connection was made.
    pub(crate) fn connected(&mut self, server: SocketAddr, now: Instant) {
        self.connection = Some(Connection {
            server,
            since: None,
            proven: false,
        });
        match self.settings.link() {
            Ok(link) => self.session.connect(link, now),
            Err(error) => {
                let error =
                    io::Error::other(format!("the system gives no random numbers: {error}"));
                self.attempt_failed(ConnectError::from_io(server.to_string(), &error), now);
            }
        }
    }

    /// No connection could be made.
    pub(crate) fn attempt_failed(&mut self, error: ConnectError, now: Instant) {
        tracing::debug!(%error, "cannot connect");
        let retry = self.settings.retry;
        let outage = self.outage.get_or_insert_with(|| Outage::new(retry, now));
        // Without randomness the pauses are not spread, which is no reason to fail.
        let random = getrandom::u32().unwrap_or_default();
        match outage.failed(error, now, random) {
            Verdict::TryAgain => self.show_outage(),
            Verdict::GiveUp(error) => self.give_up(error),
        }
    }

    /// Nobody waits for a connection any more.
    pub(crate) fn nobody_waits(&mut self) {
        if self.session.is_disconnected() && self.outage.take().is_some() {
            self.watch.set(ConnectionState::Disconnected);
        }
    }

    /// Why the last outage was not waited for any longer.
    pub(crate) fn take_failure(&mut self) -> Option<ConnectError> {
        self.failure.take()
    }

    /// The error of one who has waited long enough for the first connection.
    pub(crate) fn waited_too_long(&self, waited: Duration) -> ConnectError {
        let last_error = self.outage.as_ref().and_then(Outage::last_error);
        match (&self.queue, last_error) {
            (Some(queue), _) => ConnectError::Busy {
                waited,
                queue: queue.clone(),
            },
            (None, Some(error)) => error.clone(),
            (None, None) => ConnectError::TimedOut {
                address: self.settings.address_text(),
                waited,
            },
        }
    }

    /// Where the client stands in the queue of a busy server.
    pub(crate) fn queue(&self) -> Option<&QueueStatus> {
        self.queue.as_ref()
    }

    /// Ends the session, for good. What the session still transmits is the goodbye.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.session.close();
        self.watch.set(ConnectionState::Closed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What became of calls, in order. To be asked after everything that was done to the session.
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<CallEvent> {
        loop {
            match self.session.poll_event()? {
                Event::Ended { call, outcome } => {
                    self.note_outcome(&outcome);
                    return Some(CallEvent::Ended { call, outcome });
                }
                Event::Progress {
                    call,
                    fraction,
                    message,
                } => {
                    self.prove();
                    return Some(CallEvent::Progress {
                        call,
                        fraction,
                        message,
                    });
                }
                Event::Connected {
                    resumed,
                    others_between,
                } => self.begun(resumed, others_between, now),
                Event::Queued(status) => self.queued(status),
                Event::Lost(error) => self.lost(error, now),
                _ => {}
            }
        }
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

    fn begun(&mut self, resumed: bool, others_between: bool, now: Instant) {
        self.queue = None;
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.since = Some(now);
        let server = connection.server;
        tracing::info!(%server, resumed, "connected");
        if others_between {
            tracing::warn!(
                %server,
                "somebody else may have used the instruments since the last connection, or the server was restarted; \
                 settings may have changed"
            );
            self.watch.handed_over();
        }
        self.watch.set(ConnectionState::Connected {
            server,
            since: now,
            resumed,
        });
    }

    fn queued(&mut self, status: QueueStatus) {
        if self.queue.is_none() {
            tracing::info!(%status, "the server is busy");
        }
        // A server that has a queue is there.
        self.outage = None;
        self.watch.set(ConnectionState::Queued(status.clone()));
        self.queue = Some(status);
    }

    fn lost(&mut self, error: LinkError, now: Instant) {
        let queued = self.queue.take().is_some();
        let connection = self.connection.take();
        let asked_to_leave = matches!(
            &error,
            LinkError::Bye(Bye {
                reason: ByeReason::IdleHandover,
                ..
            })
        );
        let lasted = |since: Instant| now.saturating_duration_since(since) >= STABLE;
        let worthwhile = queued
            || self.outage.is_none()
            || connection.is_some_and(|c| c.proven || c.since.is_some_and(lasted));
        let address = self.settings.address_text();
        let error = ConnectError::from_link(address, &self.settings.session.service, error);
        if asked_to_leave {
            tracing::info!("gave the server to somebody who waited");
        } else {
            tracing::warn!(%error, "the connection is lost");
        }
        if error.is_permanent() || !(worthwhile || asked_to_leave) {
            // With nobody there to be told, the next call is.
            if error.is_permanent() && self.session.is_idle() {
                self.untold = Some(error.to_string());
            }
            self.attempt_failed(error, now);
        } else {
            // The next outage begins when somebody needs the connection, with a try at once.
            self.outage = None;
            self.watch.set(ConnectionState::Disconnected);
        }
    }

    /// Why the server ended the connection for good while no call was under way, once.
    pub(crate) fn take_untold(&mut self) -> Option<NotSent> {
        self.untold.take().map(NotSent::Unreachable)
    }

    fn give_up(&mut self, error: ConnectError) {
        tracing::warn!(%error, "given up");
        self.outage = None;
        self.session
            .give_up_all(&NotSent::Unreachable(error.to_string()));
        self.failure = Some(error);
        self.watch.set(ConnectionState::Disconnected);
    }

    fn show_outage(&self) {
        if let Some(outage) = &self.outage {
            self.watch.set(ConnectionState::Connecting {
                since: outage.since(),
                attempts: outage.attempts(),
                last_error: outage.last_error().map(ToString::to_string),
            });
        }
    }
}

/// A connection that is lost sooner, without one answer, counts as a failed try: the pauses go on growing.
const STABLE: Duration = Duration::from_secs(1);
