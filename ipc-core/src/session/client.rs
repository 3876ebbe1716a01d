//! The client's end of a session: which calls are in flight, and what became of them.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

mod again;
mod bytes;
mod clock;
mod config;
mod event;
mod frames;
mod in_flight;
#[cfg(feature = "proof")]
mod proof;
mod sent;
mod timed_out;

pub use clock::Clock;
pub use event::{CallOutcome, Event, GivenUp};

pub use self::config::ClientConfig;
use self::in_flight::InFlight;
use self::sent::Sent;
use super::arrival::bye;
use super::by_number::ByNumber;
use super::link::{Link, LinkError};
#[cfg(feature = "proof")]
use super::mutant::Mutants;
use super::server::MIN_REPLY;
use crate::error::NotSent;
use crate::secure::Ticket;
use crate::wire::ctrl::{ByeReason, CtrlMsg, Hello, SessionKey};
use crate::wire::frame::CallFrame;
use crate::wire::hello::fit_for_hello;
use crate::wire::message::{frame_of, set_call_numbers};

/// One session with a server, over as many connections as it takes.
///
/// A state machine without input and output of its own: whoever has the socket calls [`connect`](Self::connect) when
/// there is one, feeds what it reads to [`handle_buffer`](Self::handle_buffer), writes what [`transmit`](Self::transmit)
/// gives, calls [`handle_timeout`](Self::handle_timeout) at the time that [`poll_timeout`](Self::poll_timeout) names
/// (earlier or more often is harmless), and acts on what [`poll_event`](Self::poll_event) returns.
///
/// Invariants, all of them tested with random operations:
///
/// * every call ends exactly once: in one [`Event::Ended`], or in the value of [`give_up`](Self::give_up);
/// * a call that was sent is sent again only to the session that saw it, under its own number, or if it is idempotent;
/// * after [`close`](Self::close) there are no events but the ends of calls;
/// * no input, cut in any way, panics; memory is bounded by the calls in flight and the longest frame.
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
pub struct ClientSession {
    config: ClientConfig,
    state: LinkState,
    key: Option<SessionKey>,
    connections: u64,
    lease_epoch: u64,
    max_request: usize,
    /// False if the server of the connection at hand takes no commands.
    takes_commands: bool,
    last_number: u64,
    calls: ByNumber<InFlight>,
    /// The calls in flight that have a deadline, by their deadlines.
    deadlines: BTreeSet<(Instant, u64)>,
    sent: Sent,
    /// Calls that were given up after they had been sent, as long as the server may not know it.
    abandoned: Vec<u64>,
    events: VecDeque<Event>,
    /// True once a call may have reached a driver.
    has_called: bool,
    #[cfg(feature = "proof")]
    pub(super) mutants: Mutants,
}

#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
enum LinkState {
    Disconnected,
    Greeting {
        link: Link,
        /// Never, if the patience is longer than time.
        give_up: Option<Instant>,
    },
    Ready(Link),
    /// For good; the link is there to carry the goodbye.
    Closed(Option<Link>),
}

impl ClientSession {
    /// A session that has not met its server.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            config,
            state: LinkState::Disconnected,
            key: None,
            connections: 0,
            lease_epoch: 0,
            max_request: usize::MAX,
            takes_commands: true,
            last_number: 0,
            calls: ByNumber::new(),
            deadlines: BTreeSet::new(),
            sent: Sent::default(),
            abandoned: Vec::new(),
            events: VecDeque::new(),
            has_called: false,
            #[cfg(feature = "proof")]
            mutants: Mutants::default(),
        }
    }

    /// Begins a connection. What was in flight goes on over it.
    pub fn connect(&mut self, mut link: Link, now: Instant) {
        if matches!(self.state, LinkState::Closed(_)) {
            return;
        }
        self.disconnect();
        self.connections += 1;
        let max_frame = self.config.max_frame.max(MIN_REPLY);
        let hello = Hello {
            resume: self.key,
            connection: self.connections,
            service: fit_for_hello(&self.config.service),
            name: fit_for_hello(&self.config.name),
            max_frame: max_frame as u64,
            role: self.config.role,
            of: self.config.of,
            features: self.config.features.clone(),
        };
        link.set_max_frame(max_frame);
        link.send(frame_of(CtrlMsg::Hello, &hello));
        self.state = LinkState::Greeting {
            link,
            give_up: now.checked_add(self.config.patience),
        };
    }

    /// Makes a call; `frame` is complete but for its numbers. Its end is told by [`Event::Ended`] with the number that
    /// is returned, however it comes: numbers are never used twice.
    pub fn call(
        &mut self,
        frame: impl Into<CallFrame>,
        idempotent: bool,
        timeout: Option<Duration>,
        now: Instant,
    ) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        // 0 means as long as it takes, which a time beyond all numbers is.
        let timeout_ms = timeout.map_or(0, |timeout| {
            u64::try_from(timeout.as_millis()).map_or(0, |ms| ms.max(1))
        });
        let mut oldest = self.oldest_call().unwrap_or(number);
        if has_mutant!(self, ConfirmsTooMuch) {
            oldest = number;
        }
        let mut frame = frame.into();
        set_call_numbers(&mut frame.head, number, oldest, timeout_ms);
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let mut call = InFlight {
            is_command: frame.ctrl() == Some(CtrlMsg::Command),
            probe: frame.probe,
            frame: frame.into(),
            given: number,
            oldest,
            idempotent,
            deadline,
            start: None,
            sent: false,
            forgotten: false,
            asked_again: false,
            passed_over: false,
            timed_out: false,
        };
        let is_first = self.sent.next == number && self.may_send(&call);
        match &mut self.state {
            LinkState::Ready(link) if is_first => {
                self.sent.send(number, &mut call, link);
                self.insert(number, call);
                return number;
            }
            _ => self.insert(number, call),
        }
        match self.state {
            LinkState::Ready(_) => self.send_waiting(),
            LinkState::Closed(_) => self.end(number, CallOutcome::NotSent(NotSent::Closed)),
            LinkState::Disconnected | LinkState::Greeting { .. } => {}
        }
        number
    }

    /// Gives up a call: its end will not be told, and a late answer is dropped. The server is asked to stop it.
    pub fn give_up(&mut self, number: u64) -> GivenUp {
        let Some(number) = self.number_of(number) else {
            return GivenUp::Ended;
        };
        let Some(call) = self.take(number) else {
            return GivenUp::Ended;
        };
        if has_mutant!(self, ReusesNumbers) && number == self.last_number {
            self.last_number -= 1;
        }
        if !call.may_have_left() {
            return GivenUp::NotSent;
        }
        if let LinkState::Ready(link) = &mut self.state {
            link.send(frame_of(CtrlMsg::Cancel, &number));
        }
        self.has_called = true;
        self.abandoned.push(number);
        self.confirm(false);
        self.send_waiting();
        GivenUp::Sent
    }

    /// Ends all calls in flight, because no connection can be had: `reason` for those that were not sent, outcome
    /// unknown for the others.
    pub fn give_up_all(&mut self, reason: &NotSent) {
        self.disconnect();
        for number in self.calls.numbers().collect::<Vec<_>>() {
            let left = self.calls.get(number).is_some_and(InFlight::may_have_run);
            let outcome = match left {
                false => CallOutcome::NotSent(reason.clone()),
                true => CallOutcome::Unknown(reason.to_string()),
            };
            self.end(number, outcome);
        }
    }

    /// Says goodbye and ends the session. Calls in flight end: not sent, or outcome unknown. Nothing else happens
    /// afterwards.
    pub fn close(&mut self) {
        let link = match std::mem::replace(&mut self.state, LinkState::Disconnected) {
            LinkState::Greeting { mut link, .. } | LinkState::Ready(mut link) => {
                link.send_last(bye(ByeReason::Done, "the client has finished"));
                Some(link)
            }
            LinkState::Closed(link) => link,
            LinkState::Disconnected => None,
        };
        self.state = LinkState::Closed(link);
        self.events
            .retain(|event| matches!(event, Event::Ended { .. }));
        for number in self.calls.numbers().collect::<Vec<_>>() {
            let call = self.calls.get(number);
            let outcome = match call.is_some_and(InFlight::may_have_left) {
                _ if call.is_some_and(|call| call.timed_out) => CallOutcome::TimedOut,
                false => CallOutcome::NotSent(NotSent::Closed),
                true => CallOutcome::Unknown(NotSent::Closed.to_string()),
            };
            self.end(number, outcome);
        }
    }

    /// As if `records` records with `blocks` blocks had gone each way.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, records: u64, blocks: u64) {
        let link = self.link_mut().expect("a connection");
        link.skip_to(records, blocks);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named. Too early is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, number)) = self.deadlines.first()
            && deadline <= now
        {
            let number = self.calls.get(number).map_or(number, |call| call.given);
            if self.ask_whether_it_began(number, now) {
                continue;
            }
            let outcome = match self.give_up(number) {
                GivenUp::Ended => break,
                GivenUp::NotSent => CallOutcome::NotSent(NotSent::TimedOut(Duration::ZERO)),
                GivenUp::Sent => CallOutcome::TimedOut,
            };
            self.events.push_back(Event::Ended {
                call: number,
                outcome,
            });
        }
        if let LinkState::Greeting { give_up, link } = &mut self.state
            && give_up.is_some_and(|give_up| give_up <= now)
        {
            let error = match link.awaits_proof() {
                true => LinkError::Unconfirmed(LinkError::Silent.to_string()),
                false => LinkError::Silent,
            };
            self.lose(error);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; may change with every other call.
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let greeting = match self.state {
            LinkState::Greeting { give_up, .. } => give_up,
            _ => None,
        };
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        deadline.into_iter().chain(greeting).min()
    }

    /// Returns true if [`poll_event`](Self::poll_event) has something to tell.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What happened, in order.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What the next connection shows, so that the server knows this client again; nothing in the clear.
    pub fn ticket(&self) -> Option<Ticket> {
        match &self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => link.ticket(),
            LinkState::Disconnected | LinkState::Closed(_) => None,
        }
    }

    /// The session, once it has begun.
    pub fn key(&self) -> Option<SessionKey> {
        self.key
    }

    /// True if calls go out at once.
    #[inline]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, LinkState::Ready(_))
    }

    /// True if no call is in flight.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// True if there is no connection, and a call would have to wait for one.
    #[inline]
    pub fn is_disconnected(&self) -> bool {
        matches!(self.state, LinkState::Disconnected)
    }

    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.calls.numbers().collect()
    }

    /// The numbers by which their callers know the calls in flight, in rising order.
    #[cfg(test)]
    pub(crate) fn given_in_flight(&self) -> Vec<u64> {
        let given = self.calls.iter().map(|(_, call)| call.given);
        std::collections::BTreeSet::from_iter(given)
            .into_iter()
            .collect()
    }

    /// The lowest number of a call that has not ended.
    fn oldest_call(&self) -> Option<u64> {
        self.calls.first().map(|(number, _)| number)
    }

    #[inline]
    fn link_mut(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            LinkState::Greeting { link, .. } | LinkState::Ready(link) => Some(link),
            LinkState::Closed(_) | LinkState::Disconnected => None,
        }
    }
}
