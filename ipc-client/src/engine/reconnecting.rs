//! How the engine gets a connection, and what it does when it has lost one.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason, ConnectionRole, QueueStatus};

use super::{CurrentConnection, Engine, FirstConnection};
use crate::connection_state::ConnectionState;
use crate::dial::{Dial, Dialled, Ends};
use crate::error::ConnectError;
use crate::outage::{Outage, Verdict};
use crate::own_connections::{OwnConnection, is_own};

/// What the owner of the socket is to do next.
pub(crate) enum Step {
    /// Nothing until then.
    Wait(Instant),
    /// Take over this socket, which is in non-blocking mode, and report to [`Engine::attached`].
    Attach(TcpStream, SocketAddr),
    /// An attempt has failed: process the events.
    ProcessEvents,
    /// Write the output, and read.
    Exchange,
}

impl Engine {
    /// A program begins to wait for its very first connection, for at most `timeout`.
    pub(crate) fn start_first_connection(&mut self, timeout: Duration, now: Instant) {
        let until = now.checked_add(timeout);
        self.first = Some(FirstConnection { timeout, until });
        self.outage = Some(Outage::before_first(timeout, self.settings.retry, now));
        self.show_outage();
    }

    /// Returns true while a program waits for the first connection.
    pub(crate) fn awaits_first_connection(&self) -> bool {
        self.first.is_some()
    }

    /// The result of the first connection, once.
    pub(crate) fn poll_first_connection(
        &mut self,
        now: Instant,
    ) -> Option<Result<(), ConnectError>> {
        let first = self.first?;
        let result = if self.session.is_ready() {
            // The attempts made so far no longer count.
            self.outage = None;
            Ok(())
        } else if let Some(error) = self.failure.take() {
            Err(error)
        } else if first.until.is_some_and(|until| until <= now) {
            Err(self.first_timed_out(first.timeout, now))
        } else {
            return None;
        };
        self.first = None;
        Some(result)
    }

    fn first_timed_out(&self, waited: Duration, now: Instant) -> ConnectError {
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

    /// What to do for the callers that wait.
    pub(crate) fn next_step(&mut self, now: Instant) -> Step {
        if !self.session.is_disconnected() {
            return Step::Exchange;
        }
        match self.next_attempt(now) {
            next if now < next => Step::Wait(next),
            _ => match self.proof_pause(now) {
                Some(error) => {
                    // The outage ends before the pause does.
                    self.attempt_failed(error, now);
                    Step::ProcessEvents
                }
                None => self.dial(now),
            },
        }
    }

    /// When to try next. An outage begins with an attempt at once, unless no server may be given another proof yet.
    pub(super) fn next_attempt(&mut self, now: Instant) -> Instant {
        let is_new = self.outage.is_none();
        let mut outage = self.outage.take().unwrap_or_else(|| self.new_outage(now));
        if let Some((until, error)) = self.proofs.pause() {
            outage.postpone(until, &error);
        }
        let next = outage.next_attempt();
        self.outage = Some(outage);
        if is_new {
            self.show_outage();
        }
        next
    }

    /// Returns why no server may be given another proof of the secret now, if so.
    pub(super) fn proof_pause(&self, now: Instant) -> Option<ConnectError> {
        let (until, error) = self.proofs.pause()?;
        (now < until).then_some(error)
    }

    fn new_outage(&self, now: Instant) -> Outage {
        let retry = self.settings.retry;
        match self.first {
            Some(FirstConnection { timeout, .. }) => Outage::before_first(timeout, retry, now),
            None => Outage::new(retry, now),
        }
    }

    /// Starts or continues an attempt to connect.
    fn dial(&mut self, now: Instant) -> Step {
        let dialled = match (&mut self.dial, &self.settings.address) {
            (Some(dial), _) => dial.poll(now),
            (none, Ok(address)) => none.insert(Dial::start(address, now)).poll(now),
            (None, Err(error)) => Dialled::Failed(error.clone()),
        };
        let error = match dialled {
            Dialled::Pending(at) => return Step::Wait(at),
            Dialled::Connected(stream, Ends { own, server }) => {
                match ipc_net::configure(&stream, self.settings.liveness) {
                    Ok(()) => {
                        self.dial = None;
                        self.own_connection = Some(OwnConnection::register(own, server));
                        return Step::Attach(stream, server);
                    }
                    Err(error) => ConnectError::from_configure(server, error),
                }
            }
            Dialled::Failed(error) => error,
        };
        self.dial = None;
        self.attempt_failed(error, now);
        Step::ProcessEvents
    }

    /// The socket connected to `server` is ready to be read and written, or could not be made ready.
    pub(crate) fn attached(&mut self, result: io::Result<()>, server: SocketAddr, now: Instant) {
        let no_random = |error| {
            io::Error::other(format!(
                "the operating system provides no random numbers: {error}"
            ))
        };
        match result.and_then(|()| self.settings.link(self.ticket).map_err(no_random)) {
            Ok(link) => {
                self.connection = Some(CurrentConnection {
                    server,
                    since: None,
                    has_answered: false,
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

    /// An attempt has not led to a usable connection.
    fn attempt_failed(&mut self, error: ConnectError, now: Instant) {
        tracing::debug!("cannot connect: {}", error.full_text());
        let mut outage = self.outage.take().unwrap_or_else(|| self.new_outage(now));
        // Randomness only adds jitter to the pauses, so that its absence is no reason to fail.
        let random = getrandom::u32().unwrap_or_default();
        let verdict = match self.proofs.are_decisive(&error) {
            true => Verdict::GiveUp(error),
            false => outage.attempt_failed(error, now, random),
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
        // Not a warning: every waiting call, and a program that connects, returns this error.
        tracing::debug!("gave up connecting: {}", error.full_text());
        self.session
            .give_up_all(&NotSent::Unreachable(error.full_text()));
        self.watch.set_failure(Some(error.clone()));
        self.failure = Some(error);
        self.watch.set(ConnectionState::Disconnected);
    }

    /// No call needs a connection any more. Gives up a place in the queue: the holder must not yield, nor other clients
    /// wait, for a client that has nothing to call.
    pub(crate) fn became_idle(&mut self) {
        self.dial = None;
        // Place 0 is not in the queue: it means that an earlier call of this very session is still running.
        if self.queue.take_if(|(status, _)| status.place > 0).is_some() {
            tracing::info!("left the queue: no call is waiting any more");
            self.session.disconnect();
            self.own_connection = None;
            self.connection = None;
            self.watch.set(ConnectionState::Disconnected);
        }
        if self.session.is_disconnected() && self.outage.take().is_some() {
            self.watch.set(ConnectionState::Disconnected);
        }
    }

    pub(super) fn on_connected(&mut self, resumed: bool, others_between: bool, now: Instant) {
        self.queue = None;
        self.keep_ticket();
        self.proofs.server_proved_itself();
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.since.get_or_insert(now);
        let server = connection.server;
        tracing::info!(%server, resumed, "connected");
        // An observer uses no instrument.
        if others_between && !self.is_observer() {
            tracing::warn!(
                %server,
                "another client may have used the instruments since the last connection, or the server was restarted; \
                 settings may have changed"
            );
            self.watch.handed_over();
        }
        self.watch.set_session(self.session.key());
        self.watch.set_failure(None);
        self.watch.set(ConnectionState::Connected {
            server,
            since: now,
            resumed,
        });
    }

    /// Keeps the ticket by which a server that has accepted this client recognises it.
    fn keep_ticket(&mut self) {
        self.ticket = self.session.ticket().or(self.ticket);
    }

    pub(super) fn on_queued(&mut self, mut status: QueueStatus, now: Instant) {
        self.keep_ticket();
        let server = self.connection.map(|connection| connection.server);
        if status.place > 0 && server.is_some_and(|server| is_own(&status.holder_address, server)) {
            status.holder_address.push_str(OWN_HOLDER);
        }
        if self.queue.is_none() {
            tracing::info!(%status, "the server is busy");
        }
        self.proofs.server_proved_itself();
        if let Some(connection) = &mut self.connection {
            connection.since.get_or_insert(now);
        }
        self.watch.set(ConnectionState::Queued(status.clone()));
        self.queue = Some((status, now));
    }

    pub(super) fn on_lost(&mut self, error: LinkError, now: Instant) {
        self.queue = None;
        self.own_connection = None;
        let connection = self.connection.take();
        let since = connection.and_then(|connection| connection.since);
        let lasted = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let was_useful = self.outage.is_none()
            || lasted >= STABLE
            || connection.is_some_and(|connection| connection.has_answered);
        let error = self.log_loss(error, since.is_some(), now);
        if since.is_none() && self.is_observer() && error.is_of_protocol() {
            self.watch.set_unserved();
        }
        if was_useful && !self.is_hopeless(&error) {
            // The next outage begins with an attempt at once, when a call needs the connection.
            self.outage = None;
            self.watch.set(ConnectionState::Disconnected);
            return;
        }
        if let Some(outage) = &mut self.outage {
            outage.exclude(lasted);
        }
        if self.is_hopeless(&error) && self.session.is_idle() {
            self.pending_failure = Some(error.full_text());
        }
        self.attempt_failed(error, now);
    }

    fn is_observer(&self) -> bool {
        self.settings.session.role == ConnectionRole::Observer
    }

    /// Logs the end of a connection, and returns it as an error.
    fn log_loss(&mut self, error: LinkError, was_accepted: bool, now: Instant) -> ConnectError {
        let bye = match &error {
            LinkError::Bye(Bye { reason, .. }) => Some(reason),
            _ => None,
        };
        let has_yielded = matches!(bye, Some(ByeReason::IdleHandover));
        if bye.is_some() {
            self.proofs.server_proved_itself();
        }
        let address = self.settings.address_text();
        let error = ConnectError::from_link(address, &self.settings.session.service, error);
        let error = self.proofs.count(error, now);
        if has_yielded {
            tracing::info!("yielded the server to another client that was waiting");
        } else if was_accepted {
            tracing::warn!(%error, "lost the connection");
        } else {
            tracing::debug!(%error, "the connection was unusable");
        }
        error
    }

    /// Returns true if no later connection is expected to end in another way.
    fn is_hopeless(&self, error: &ConnectError) -> bool {
        match error {
            ConnectError::WrongSecret { .. } => self.proofs.are_decisive(error),
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

/// Appended to the address of a holder that is another client of this process, for people to read.
const OWN_HOLDER: &str = " (this very program: share one `Client`, it is cheap to clone)";
/// A connection that is lost sooner, without having answered a call, counts as a failed attempt even if the server had
/// accepted it: the pauses between attempts keep growing.
const STABLE: Duration = Duration::from_secs(1);
