//! How the engine comes to a connection, and what it makes of a lost one.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason, QueueStatus};

use super::{Connection, Engine, First};
use crate::dial::{Dial, Dialled};
use crate::error::ConnectError;
use crate::outage::{Outage, Verdict};
use crate::own_ends::{OwnEnd, is_own};
use crate::socket;
use crate::state::ConnectionState;

/// What the one who has the socket is to do.
pub(crate) enum Step {
    /// Nothing, until then.
    Wait(Instant),
    /// Take this connection over, still in non-blocking mode, and tell [`Engine::attached`].
    Attach(TcpStream, SocketAddr),
    /// A try has failed: look what became of the calls.
    Settle,
    /// Write what there is to write, and read.
    Converse,
}

impl Engine {
    /// Somebody waits for the very first connection, at most `limit`.
    pub(crate) fn begin_first(&mut self, limit: Duration, now: Instant) {
        let until = now.checked_add(limit);
        self.first = Some(First { limit, until });
        self.outage = Some(Outage::before_first(limit, self.settings.retry, now));
        self.show_outage();
    }

    /// True while somebody waits for the first connection.
    pub(crate) fn awaits_first(&self) -> bool {
        self.first.is_some()
    }

    /// What became of the first connection, once.
    pub(crate) fn poll_first(&mut self, now: Instant) -> Option<Result<(), ConnectError>> {
        let first = self.first?;
        let result = if self.session.is_ready() {
            // What it took no longer counts.
            self.outage = None;
            Ok(())
        } else if let Some(error) = self.failure.take() {
            Err(error)
        } else if first.until.is_some_and(|until| until <= now) {
            Err(self.waited_too_long(first.limit, now))
        } else {
            return None;
        };
        self.first = None;
        Some(result)
    }

    /// The error of one who has waited long enough for the first connection.
    fn waited_too_long(&self, waited: Duration, now: Instant) -> ConnectError {
        let last_error = self.outage.as_ref().and_then(Outage::last_error);
        match (self.queue_status(now), last_error) {
            (Some(queue), _) => ConnectError::Busy { waited, queue },
            (None, Some(error)) => error.clone(),
            (None, None) => ConnectError::TimedOut {
                address: self.settings.address_text(),
                waited,
            },
        }
    }

    /// What to do for those who wait.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        if !self.session.is_disconnected() {
            return Step::Converse;
        }
        match self.next_try(now) {
            next if now < next => Step::Wait(next),
            _ => match self.barred(now) {
                Some(error) => {
                    // The outage ends before the next try is allowed.
                    self.attempt_failed(error, now);
                    Step::Settle
                }
                None => self.dial(now),
            },
        }
    }

    /// When to try next. An outage begins with a try at once, unless no server may be given another proof so soon.
    pub(super) fn next_try(&mut self, now: Instant) -> Instant {
        let is_new = self.outage.is_none();
        let mut outage = self.outage.take().unwrap_or_else(|| self.new_outage(now));
        if let Some((until, error)) = self.guesses.bar() {
            outage.postpone(until, error);
        }
        let next = outage.next_try();
        self.outage = Some(outage);
        if is_new {
            self.show_outage();
        }
        next
    }

    /// Why no server may be given another proof now.
    pub(super) fn barred(&self, now: Instant) -> Option<ConnectError> {
        let (until, error) = self.guesses.bar()?;
        (now < until).then(|| error.clone())
    }

    fn new_outage(&self, now: Instant) -> Outage {
        let retry = self.settings.retry;
        match self.first {
            Some(First { limit, .. }) => Outage::before_first(limit, retry, now),
            None => Outage::new(retry, now),
        }
    }

    /// Carries the making of a connection on.
    fn dial(&mut self, now: Instant) -> Step {
        let dialled = match (&mut self.dial, &self.settings.address) {
            (Some(dial), _) => dial.poll(now),
            (none, Ok(address)) => none.insert(Dial::start(address, now)).poll(now),
            (None, Err(error)) => Dialled::Failed(error.clone()),
        };
        let error = match dialled {
            Dialled::Pending(at) => return Step::Wait(at),
            Dialled::Connected(stream, server) => {
                match socket::tune(&stream, server, self.settings.liveness) {
                    Ok(()) => {
                        self.dial = None;
                        self.own_end = OwnEnd::of(&stream, server);
                        return Step::Attach(stream, server);
                    }
                    Err(error) => error,
                }
            }
            Dialled::Failed(error) => error,
        };
        self.dial = None;
        self.attempt_failed(error, now);
        Step::Settle
    }

    /// The connection to `server` is ready to be written and read, or cannot be made so.
    pub(crate) fn attached(&mut self, result: io::Result<()>, server: SocketAddr, now: Instant) {
        let no_random =
            |error| io::Error::other(format!("the system gives no random numbers: {error}"));
        match result.and_then(|()| self.settings.link(self.ticket).map_err(no_random)) {
            Ok(link) => {
                self.connection = Some(Connection {
                    server,
                    since: None,
                    proven: false,
                });
                self.write_failed = false;
                self.session.connect(link, now);
            }
            Err(error) => {
                let error = ConnectError::from_io(server.to_string(), Some(server), error);
                self.attempt_failed(error, now);
            }
        }
    }

    /// No connection could be made.
    fn attempt_failed(&mut self, error: ConnectError, now: Instant) {
        tracing::debug!("cannot connect: {}", error.full_text());
        let mut outage = self.outage.take().unwrap_or_else(|| self.new_outage(now));
        // Without randomness the pauses are not spread, which is no reason to fail.
        let random = getrandom::u32().unwrap_or_default();
        let verdict = match self.guesses.are_decisive(&error) {
            true => Verdict::GiveUp(error),
            false => outage.failed(error, now, random),
        };
        match verdict {
            Verdict::TryAgain => {
                self.outage = Some(outage);
                self.show_outage();
            }
            Verdict::GiveUp(error) => self.give_up_outage(error),
        }
    }

    fn give_up_outage(&mut self, error: ConnectError) {
        // Every call that waited gets this error, and so does a program that connects: a warning would say it twice.
        tracing::debug!("given up: {}", error.full_text());
        self.session
            .give_up_all(&NotSent::Unreachable(error.full_text()));
        self.failure = Some(error);
        self.watch.set(ConnectionState::Disconnected);
    }

    /// Nobody waits for a connection any more. A place in a queue is for those who wait: it is given up, so that those
    /// behind it do not wait for a client that has nothing to call, and the holder does not make room for it.
    pub(crate) fn nobody_waits(&mut self) {
        self.dial = None;
        // At place 0 there is no queue, only an earlier call of this very session.
        if self.queue.take_if(|(status, _)| status.place > 0).is_some() {
            tracing::info!("left the queue: no call waits any more");
            self.session.disconnect();
            self.own_end = None;
            self.connection = None;
            self.watch.set(ConnectionState::Disconnected);
        }
        if self.session.is_disconnected() && self.outage.take().is_some() {
            self.watch.set(ConnectionState::Disconnected);
        }
    }

    pub(super) fn begun(&mut self, resumed: bool, others_between: bool, now: Instant) {
        self.queue = None;
        self.keep_ticket();
        self.guesses.confirmed();
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.since.get_or_insert(now);
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

    /// A server that lets this client in knows it again by this.
    fn keep_ticket(&mut self) {
        self.ticket = self.session.ticket().or(self.ticket);
    }

    pub(super) fn queued(&mut self, mut status: QueueStatus, now: Instant) {
        self.keep_ticket();
        let server = self.connection.map(|connection| connection.server);
        if status.place > 0 && server.is_some_and(|server| is_own(&status.holder_address, server)) {
            status.holder_address.push_str(OWN_HOLDER);
        }
        if self.queue.is_none() {
            tracing::info!(%status, "the server is busy");
        }
        self.guesses.confirmed();
        if let Some(connection) = &mut self.connection {
            connection.since.get_or_insert(now);
        }
        self.watch.set(ConnectionState::Queued(status.clone()));
        self.queue = Some((status, now));
    }

    pub(super) fn lost(&mut self, error: LinkError, now: Instant) {
        self.queue = None;
        self.own_end = None;
        let connection = self.connection.take();
        if let LinkError::Bye(_) = error {
            self.guesses.confirmed();
        }
        let asked_to_leave = matches!(
            &error,
            LinkError::Bye(Bye {
                reason: ByeReason::IdleHandover,
                ..
            })
        );
        let lasted = connection
            .and_then(|connection| connection.since)
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let worthwhile = self.outage.is_none()
            || lasted >= STABLE
            || connection.is_some_and(|connection| connection.proven);
        let address = self.settings.address_text();
        let error = ConnectError::from_link(address, &self.settings.session.service, error);
        let error = self.guesses.count(error, now);
        let was_of_use = connection.is_some_and(|connection| connection.since.is_some());
        if asked_to_leave {
            tracing::info!("gave the server to another client that waited");
        } else if was_of_use {
            tracing::warn!(%error, "the connection is lost");
        } else {
            tracing::debug!(%error, "the connection is of no use");
        }
        if self.is_hopeless(&error) || !worthwhile {
            if let Some(outage) = &mut self.outage {
                outage.was_interrupted(lasted);
            }
            // With nobody there to be told, the next call is.
            if self.is_hopeless(&error) && self.session.is_idle() {
                self.untold = Some(error.full_text());
            }
            self.attempt_failed(error, now);
        } else {
            // The next outage begins when somebody needs the connection, with a try at once.
            self.outage = None;
            self.watch.set(ConnectionState::Disconnected);
        }
    }

    /// True if no later connection is expected to end otherwise.
    fn is_hopeless(&self, error: &ConnectError) -> bool {
        match error {
            ConnectError::WrongSecret { .. } => self.guesses.are_decisive(error),
            _ => error.is_permanent(),
        }
    }

    fn show_outage(&self) {
        if let Some(outage) = &self.outage {
            self.watch.set(ConnectionState::Connecting {
                since: outage.since(),
                attempts: outage.attempts(),
                last_error: outage.last_error().map(ConnectError::full_text),
            });
        }
    }
}

/// Added for people to the address of a holder that is another client of this process.
const OWN_HOLDER: &str = " (this very program: share one `Client`, it is cheap to clone)";
/// A connection that is lost sooner, in the queue or behind it and without one answer, counts as a failed try whatever
/// the server said: the pauses go on growing.
const STABLE: Duration = Duration::from_secs(1);
