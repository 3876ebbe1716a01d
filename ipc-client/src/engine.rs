//! What both clients do alike between their sockets and their callers: calls and how they end (here), bytes (`traffic`),
//! and connections (`reconnecting`).

mod reconnecting;
#[cfg(test)]
mod tests;
mod traffic;
mod withdrawals;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::NotSent;
use ipc_core::secure::Ticket;
use ipc_core::session::client::{CallOutcome, ClientSession, Clock, Event, GivenUp};
use ipc_core::wire::ctrl::QueueStatus;
use ipc_core::wire::frame::CallFrame;
use ipc_core::wire::sanitize::printable;

use crate::call::{CallEnd, Timing};
use crate::connection_state::{ConnectionState, aged};
use crate::dial::Dial;
use crate::error::ConnectError;
use crate::outage::Outage;
use crate::own_connections::OwnConnection;
use crate::settings::ClientSettings;
use crate::unanswered_proofs::SharedProofs;
use crate::watch::Watch;

pub(crate) use reconnecting::Step;
pub(crate) use traffic::Written;

/// A session and its outages.
///
/// Dials, but reads and writes no socket. The owner of the socket asks for the [`next_step`](Self::next_step), reports
/// what it has [`received`](Self::received) and [`written`](Self::written), calls
/// [`handle_timeout`](Self::handle_timeout) as time passes, and then hands each [`poll_event`](Self::poll_event) to the
/// caller concerned.
pub(crate) struct Engine {
    settings: Arc<ClientSettings>,
    watch: Arc<Watch>,
    session: ClientSession,
    /// The attempt to connect that is under way.
    dial: Option<Dial>,
    /// Lists the latest connection among those of this process.
    own_connection: Option<OwnConnection>,
    connection: Option<CurrentConnection>,
    /// True once the connection takes no more bytes. What the server sent before is still read.
    write_failed: bool,
    /// The place in the queue, and when the server reported it.
    queue: Option<(QueueStatus, Instant)>,
    outage: Option<Outage>,
    proofs: SharedProofs,
    first: Option<FirstConnection>,
    /// How the first connection failed, until it is asked for.
    failure: Option<ConnectError>,
    /// Why the connection was lost for good while no call was in flight. Returned by the next call.
    pending_failure: Option<String>,
    /// What the last connection under the secret left for the next one.
    ticket: Option<Ticket>,
    /// Claims that are ended without a caller who waits for it: the numbers of the calls, and the claims.
    withdrawals: Vec<(u64, u128)>,
    closed: bool,
}

#[derive(Clone, Copy)]
struct CurrentConnection {
    server: SocketAddr,
    /// When the server first reported where this client stands: queued, or connected.
    since: Option<Instant>,
    /// True once the server has answered a call.
    has_answered: bool,
}

/// The wait of a program for its very first connection.
#[derive(Clone, Copy)]
struct FirstConnection {
    timeout: Duration,
    until: Option<Instant>,
}

impl Engine {
    pub(crate) fn new(settings: Arc<ClientSettings>, watch: Arc<Watch>) -> Self {
        let session = ClientSession::new(settings.session.clone());
        Self {
            proofs: settings.proofs.clone(),
            settings,
            watch,
            session,
            dial: None,
            own_connection: None,
            connection: None,
            write_failed: false,
            queue: None,
            outage: None,
            first: None,
            failure: None,
            pending_failure: None,
            ticket: None,
            withdrawals: Vec::new(),
            closed: false,
        }
    }

    /// Begins a call. Returns its number, or why it cannot begin.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        frame: CallFrame,
        idempotent: bool,
        timing: Timing,
    ) -> Result<u64, NotSent> {
        if self.closed {
            return Err(NotSent::Closed);
        }
        if let Some(reason) = self.pending_failure.take() {
            return Err(NotSent::Unreachable(reason));
        }
        let Timing { started, timeout } = timing;
        Ok(self.session.call(frame, idempotent, timeout, started))
    }

    /// Ends a call before its answer has come. Returns how it ends, or `None` if it has already ended.
    pub(crate) fn give_up(&mut self, call: u64, reason: NotSent) -> Option<CallEnd> {
        match self.session.give_up(call) {
            GivenUp::Ended => None,
            GivenUp::NotSent => Some(CallEnd::not_sent(reason)),
            GivenUp::Sent => Some(CallEnd::Cancelled),
        }
    }

    /// Ends the session for good. Its goodbye is still to be written.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.dial = None;
        self.own_connection = None;
        self.session.close();
        self.watch.set(ConnectionState::Closed);
    }

    pub(crate) fn settings(&self) -> &Arc<ClientSettings> {
        &self.settings
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called; may change with every other call.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.first.and_then(|first| first.until);
        self.session.poll_timeout().into_iter().chain(first).min()
    }

    /// Ends what has taken too long. Returns true if there was such a thing: the output is then to be written at once.
    pub(crate) fn handle_timeout(&mut self, now: impl Clock) -> bool {
        let due = self.session.poll_timeout();
        let is_due = due.is_some_and(|due| due <= now.now());
        if is_due {
            self.session.handle_timeout(now.now());
        }
        is_due
    }

    /// Returns true if there are events to be polled.
    pub(crate) fn has_events(&self) -> bool {
        self.session.has_events()
    }

    /// The next [`Event::Ended`], [`Event::Progress`] or [`Event::Waiting`], in order. To be asked after everything else that is done to the
    /// engine.
    #[inline]
    pub(crate) fn poll_event(&mut self, now: impl Clock) -> Option<Event> {
        loop {
            let mut event = self.session.poll_event()?;
            match &mut event {
                Event::Ended { call, outcome } => {
                    self.explain(outcome, &now);
                    if !self.withdrawals.is_empty() && self.withdrawal_ended(*call, outcome, &now) {
                        continue;
                    }
                }
                Event::Progress { message, .. } => *message = printable(std::mem::take(message)),
                Event::Waiting(_) => {}
                _ => {
                    self.follow(event, now.now());
                    continue;
                }
            }
            return Some(event);
        }
    }

    /// Takes an event that is of no interest to a caller.
    fn follow(&mut self, event: Event, now: Instant) {
        match event {
            Event::Connected {
                resumed,
                others_between,
            } => self.on_connected(resumed, others_between, now),
            Event::Queued(status) => self.on_queued(*status, now),
            Event::Lost(error) => self.on_lost(error, now),
            Event::Notice(notice) => self.watch.notice(notice),
            _ => {}
        }
    }

    /// Adds what the session does not know to an outcome: what a call waited for in vain. How long it waited is added by
    /// [`CallEnd::into_result`].
    fn explain(&mut self, outcome: &mut CallOutcome, now: impl Clock) {
        match outcome {
            CallOutcome::Returned(_)
            | CallOutcome::Refused(_)
            | CallOutcome::Failed(_)
            | CallOutcome::NotBegun => self.on_answer(),
            CallOutcome::NotSent(reason) => {
                if let NotSent::TimedOut(waited) = reason {
                    *reason = self.why_not_sent(*waited, now.now());
                }
            }
            _ => {}
        }
    }

    fn why_not_sent(&self, waited: Duration, now: Instant) -> NotSent {
        let last_error = self.outage.as_ref().and_then(Outage::last_error);
        match (self.queue_status(now), last_error) {
            (Some(queue), _) => NotSent::Busy {
                waited,
                queue: queue.to_string(),
            },
            (None, Some(error)) => NotSent::NoConnection {
                waited,
                last_error: error.full_text(),
            },
            (None, None) => NotSent::TimedOut(waited),
        }
    }

    /// The place in the queue as of `now`.
    fn queue_status(&self, now: Instant) -> Option<QueueStatus> {
        let (status, reported) = self.queue.as_ref()?;
        Some(aged(status, now.saturating_duration_since(*reported)))
    }

    /// The connection works, so the outage before it is over.
    fn on_answer(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.has_answered = true;
        }
        if self.outage.is_some() {
            self.outage = None;
        }
    }
}
