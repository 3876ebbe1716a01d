//! The client's end of a session: which calls are in flight, and what became of them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::arrival::bye;
use super::link::{Link, LinkError};
use super::mutant::{Mutant, Mutants};
use super::server::MIN_REPLY;
use crate::error::{Fault, NotSent, Refusal};
use crate::wire::codec::CodecError;
use crate::wire::ctrl::{ByeReason, CtrlMsg, Hello, Info, QueueStatus, SessionKey, Welcome};
use crate::wire::frame::Frame;
use crate::wire::message::{self, Outcome, frame_of, set_call_numbers, value_of};

/// What a client says of itself, and what it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ClientConfig {
    /// The service to reach; must be the server's. Empty unless the server has set one.
    pub service: String,
    /// What others who wait will be told about this client.
    pub name: String,
    /// The longest frame to accept, in bytes; at least 64 KiB are.
    pub max_frame: usize,
    /// A server that is silent for so long before the session has begun is given up.
    pub patience: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            service: String::new(),
            name: "client".into(),
            max_frame: 256 * 1024 * 1024,
            patience: Duration::from_secs(15),
        }
    }
}

/// One session with a server, over as many connections as it takes.
///
/// A state machine without input and output of its own: whoever has the socket calls [`connect`](Self::connect) when
/// there is one, feeds what it reads to [`handle_input`](Self::handle_input), writes what [`transmit`](Self::transmit)
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
    state: State,
    key: Option<SessionKey>,
    connections: u64,
    lease_epoch: u64,
    max_request: usize,
    last_number: u64,
    calls: BTreeMap<u64, InFlight>,
    /// Calls below this number have gone out over the connection at hand.
    next: u64,
    /// How many of the calls in flight have.
    under_way: usize,
    /// Up to where answers have been confirmed over it.
    confirmed: u64,
    /// Calls that were given up without a connection to say so.
    abandoned: Vec<u64>,
    events: VecDeque<Event>,
    pub(super) mutants: Mutants,
}

#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
enum State {
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

#[derive(Clone, Debug)]
struct InFlight {
    frame: Bytes,
    /// The lowest number in flight when the call was made, which its frame confirms.
    oldest: u64,
    idempotent: bool,
    deadline: Option<Instant>,
    /// Where the call starts in the stream of the connection at hand, if it was queued there.
    start: Option<u64>,
    /// True if an earlier connection may have carried it.
    sent: bool,
    /// True if an earlier session may have run it.
    forgotten: bool,
}

impl InFlight {
    /// False if the call certainly never left: what is queued leaves even when nobody waits for its answer any more.
    fn may_have_left(&self) -> bool {
        self.sent || self.start.is_some()
    }
}

/// What happened at a [`ClientSession`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The control session is ours.
    Connected {
        /// True if the server still knew the session.
        resumed: bool,
        /// True if somebody else may have used the devices since the last connection.
        others_between: bool,
    },
    /// Others are before us.
    Queued(QueueStatus),
    /// A call has come to its end.
    Ended {
        /// The number of the call.
        call: u64,
        /// How it ended.
        outcome: CallOutcome,
    },
    /// A running call tells how far it is.
    Progress {
        /// The number of the call.
        call: u64,
        /// From 0 to 1.
        fraction: f64,
        /// What is going on.
        message: String,
    },
    /// The connection is gone. Calls in flight wait for the next one.
    Lost(LinkError),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::exhaustive_enums)]
pub enum CallOutcome {
    /// It returned these bytes.
    Returned(Bytes),
    /// The driver was not entered.
    Refused(Refusal),
    /// The driver ran and failed.
    Failed(Box<Fault>),
    /// It cannot be sent, or was given up before it was.
    NotSent(NotSent),
    /// Its timeout passed after it had been sent.
    TimedOut,
    /// It had been sent, and the server that received it is no more.
    Unknown(String),
}

/// What is known about a call that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum GivenUp {
    /// There is no such call; it has ended before.
    Ended,
    /// It never left.
    NotSent,
    /// It was sent and may still be running.
    Sent,
}

impl ClientSession {
    /// A session that has not met its server.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            config,
            state: State::Disconnected,
            key: None,
            connections: 0,
            lease_epoch: 0,
            max_request: usize::MAX,
            last_number: 0,
            calls: BTreeMap::new(),
            next: 0,
            under_way: 0,
            confirmed: 0,
            abandoned: Vec::new(),
            events: VecDeque::new(),
            mutants: Mutants::default(),
        }
    }

    /// Begins a connection. What was in flight goes on over it.
    pub fn connect(&mut self, mut link: Link, now: Instant) {
        if matches!(self.state, State::Closed(_)) {
            return;
        }
        self.drop_link();
        self.connections += 1;
        let max_frame = self.config.max_frame.max(MIN_REPLY);
        let hello = Hello {
            resume: self.key,
            connection: self.connections,
            service: self.config.service.clone(),
            name: self.config.name.clone(),
            max_frame: max_frame as u64,
        };
        link.set_max_frame(max_frame);
        link.send(frame_of(CtrlMsg::Hello, &hello).into());
        self.state = State::Greeting {
            link,
            give_up: now.checked_add(self.config.patience),
        };
    }

    /// Makes a call; `frame` is complete but for its numbers. Its end is told by [`Event::Ended`] with the number that
    /// is returned, however it comes: numbers are never used twice.
    pub fn call(
        &mut self,
        mut frame: Vec<u8>,
        idempotent: bool,
        timeout: Option<Duration>,
        now: Instant,
    ) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        let timeout_ms = timeout.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(0).max(1));
        let mut oldest = self.oldest_call().unwrap_or(number);
        if self.mutants.has(Mutant::ConfirmsTooMuch) {
            oldest = number;
        }
        set_call_numbers(&mut frame, number, oldest, timeout_ms);
        let deadline = timeout.and_then(|timeout| now.checked_add(timeout));
        let call = InFlight {
            frame: frame.into(),
            oldest,
            idempotent,
            deadline,
            start: None,
            sent: false,
            forgotten: false,
        };
        self.calls.insert(number, call);
        match self.state {
            State::Ready(_) => self.send_waiting(),
            State::Closed(_) => self.end(number, CallOutcome::NotSent(NotSent::Closed)),
            State::Disconnected | State::Greeting { .. } => {}
        }
        number
    }

    /// Gives up a call: its end will not be told, and a late answer is dropped. The server is asked to stop it.
    pub fn give_up(&mut self, number: u64) -> GivenUp {
        let Some(call) = self.take(number) else {
            return GivenUp::Ended;
        };
        if self.mutants.has(Mutant::ReusesNumbers) && number == self.last_number {
            self.last_number -= 1;
        }
        if !call.may_have_left() {
            return GivenUp::NotSent;
        }
        match &mut self.state {
            State::Ready(link) => {
                link.send(frame_of(CtrlMsg::Cancel, &number).into());
            }
            _ => self.abandoned.push(number),
        }
        self.confirm(false);
        self.send_waiting();
        GivenUp::Sent
    }

    /// Ends all calls in flight, because no connection can be had: `reason` for those that were not sent, outcome
    /// unknown for the others.
    pub fn give_up_all(&mut self, reason: &NotSent) {
        self.drop_link();
        for number in self.calls.keys().copied().collect::<Vec<_>>() {
            let left = self.calls.get(&number).is_some_and(|call| call.sent);
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
        let link = match std::mem::replace(&mut self.state, State::Disconnected) {
            State::Greeting { mut link, .. } | State::Ready(mut link) => {
                link.send_last(bye(ByeReason::Done, "the client has finished"));
                Some(link)
            }
            State::Closed(link) => link,
            State::Disconnected => None,
        };
        self.state = State::Closed(link);
        self.events
            .retain(|event| matches!(event, Event::Ended { .. }));
        for number in self.calls.keys().copied().collect::<Vec<_>>() {
            let left = self.calls.get(&number).is_some_and(InFlight::may_have_left);
            let outcome = match left {
                false => CallOutcome::NotSent(NotSent::Closed),
                true => CallOutcome::Unknown(NotSent::Closed.to_string()),
            };
            self.end(number, outcome);
        }
    }

    /// Takes bytes from the network.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        let Some(link) = self.link_mut() else { return };
        let mut result = link.handle_input(bytes);
        while result.is_ok() {
            let Some(link) = self.link_mut() else { return };
            result = match link.next_frame() {
                Ok(Some(frame)) => self.handle_frame(frame, now),
                Ok(None) => return,
                Err(error) => Err(error),
            };
        }
        if let Err(error) = result {
            self.lose(error);
        }
    }

    /// The network has ended; `cause` says how, where the end was not an orderly one.
    pub fn handle_eof(&mut self, cause: Option<String>) {
        if let Some(link) = self.link_mut() {
            let error = cause.map_or_else(|| link.handle_eof(), LinkError::Lost);
            self.lose(error);
        }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named. Too early is harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_due = |call: &InFlight| call.deadline.is_some_and(|deadline| deadline <= now);
        let due: Vec<u64> = self
            .calls
            .iter()
            .filter(|(_, c)| is_due(c))
            .map(|(n, _)| *n)
            .collect();
        for number in due {
            let outcome = match self.give_up(number) {
                GivenUp::Ended => continue,
                GivenUp::NotSent => CallOutcome::NotSent(NotSent::TimedOut(Duration::ZERO)),
                GivenUp::Sent => CallOutcome::TimedOut,
            };
            self.events.push_back(Event::Ended {
                call: number,
                outcome,
            });
        }
        if let State::Greeting { give_up, .. } = self.state
            && give_up.is_some_and(|give_up| give_up <= now)
        {
            self.lose(LinkError::Silent);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; may change with every other call.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let greeting = match self.state {
            State::Greeting { give_up, .. } => give_up,
            _ => None,
        };
        self.calls
            .values()
            .filter_map(|call| call.deadline)
            .chain(greeting)
            .min()
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next bytes for the network; empty when there are none.
    pub fn transmit(&self) -> &[u8] {
        let link = match &self.state {
            State::Greeting { link, .. } | State::Ready(link) => Some(link),
            State::Closed(link) => link.as_ref(),
            State::Disconnected => None,
        };
        link.map(Link::transmit).unwrap_or_default()
    }

    /// The network has taken `count` bytes.
    pub fn consume(&mut self, count: usize) {
        let link = match &mut self.state {
            State::Greeting { link, .. } | State::Ready(link) => Some(link),
            State::Closed(link) => link.as_mut(),
            State::Disconnected => None,
        };
        if let Some(link) = link {
            link.consume(count);
        }
    }

    /// True if calls go out at once.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// True if there is no connection, and a call would have to wait for one.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.state, State::Disconnected)
    }

    #[cfg(feature = "proof")]
    pub(super) fn digest_into(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let link = match &self.state {
            State::Greeting { link, .. } | State::Ready(link) => Some(link),
            State::Closed(link) => link.as_ref(),
            State::Disconnected => None,
        };
        (std::mem::discriminant(&self.state), link.is_some()).hash(hasher);
        if let Some(link) = link {
            link.digest_into(hasher);
        }
        (
            self.key,
            self.connections,
            self.last_number,
            self.next,
            self.confirmed,
        )
            .hash(hasher);
        (&self.abandoned, self.events.len()).hash(hasher);
        for (number, call) in &self.calls {
            let start = call
                .start
                .zip(link)
                .map(|(start, link)| link.distance(start));
            (number, &call.frame, call.sent, call.forgotten, start).hash(hasher);
        }
    }

    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> Vec<u64> {
        self.calls.keys().copied().collect()
    }

    /// The lowest number of a call that has not ended.
    fn oldest_call(&self) -> Option<u64> {
        self.calls.first_key_value().map(|(number, _)| *number)
    }

    fn link_mut(&mut self) -> Option<&mut Link> {
        match &mut self.state {
            State::Greeting { link, .. } | State::Ready(link) => Some(link),
            State::Closed(_) | State::Disconnected => None,
        }
    }

    fn handle_frame(&mut self, frame: Frame, now: Instant) -> Result<(), LinkError> {
        let ctrl = frame.ctrl;
        let read = |error: CodecError| LinkError::Message { ctrl, error };
        if let State::Greeting { give_up, .. } = &mut self.state {
            *give_up = now.checked_add(self.config.patience);
        }
        match ctrl {
            CtrlMsg::Info => self.handle_info(value_of(&frame).map_err(read)?),
            CtrlMsg::Ping => {
                let token: u64 = value_of(&frame).map_err(read)?;
                if let Some(link) = self.link_mut() {
                    link.send(frame_of(CtrlMsg::Pong, &token).into());
                }
            }
            CtrlMsg::Bye => return Err(LinkError::Bye(value_of(&frame).map_err(read)?)),
            CtrlMsg::Welcome if !self.is_ready() => {
                self.handle_welcome(&value_of(&frame).map_err(read)?);
            }
            CtrlMsg::Ok | CtrlMsg::Error | CtrlMsg::ErrorForwarded if self.is_ready() => {
                let large = frame.payload.len() >= ACKNOWLEDGE_AT_ONCE;
                if let Some(reply) = message::reply_of(frame) {
                    let (number, outcome) = reply.map_err(read)?;
                    self.handle_reply(number, outcome, large);
                }
            }
            _ => {
                return Err(LinkError::Unexpected {
                    ctrl,
                    expected: "an answer",
                });
            }
        }
        Ok(())
    }

    fn handle_info(&mut self, info: Info) {
        match info {
            Info::Queued(status) => self.events.push_back(Event::Queued(status)),
            Info::Progress {
                call,
                fraction,
                message,
            } => {
                if self.calls.contains_key(&call) {
                    self.events.push_back(Event::Progress {
                        call,
                        fraction,
                        message,
                    });
                }
            }
        }
    }

    fn handle_welcome(&mut self, welcome: &Welcome) {
        let State::Greeting { link, .. } = std::mem::replace(&mut self.state, State::Disconnected)
        else {
            return;
        };
        self.state = State::Ready(link);
        // "Resumed" counts only for the very session that carried the calls.
        let resumed = welcome.resumed && self.key.is_some_and(|key| self.is_same(key, welcome.key));
        let others_between = self
            .key
            .is_some_and(|key| key.incarnation != welcome.key.incarnation)
            || self.lease_epoch != 0 && self.lease_epoch != welcome.lease_epoch;
        self.key = Some(welcome.key);
        self.lease_epoch = welcome.lease_epoch;
        self.max_request = usize::try_from(welcome.max_frame).unwrap_or(usize::MAX);
        self.events.push_back(Event::Connected {
            resumed,
            others_between,
        });
        let numbers: Vec<u64> = self.calls.keys().copied().collect();
        for number in numbers {
            if !resumed && !self.may_go_on(number) {
                let reason = "the server was restarted, or has forgotten this session";
                self.end(number, CallOutcome::Unknown(reason.into()));
            }
        }
        let abandoned = std::mem::take(&mut self.abandoned);
        if let State::Ready(link) = &mut self.state
            && resumed
        {
            for number in abandoned {
                link.send(frame_of(CtrlMsg::Cancel, &number).into());
            }
        }
        self.send_waiting();
    }

    fn is_same(&self, ours: SessionKey, theirs: SessionKey) -> bool {
        let same_run = ours.incarnation == theirs.incarnation;
        (same_run || self.mutants.has(Mutant::NoIncarnation)) && ours.session == theirs.session
    }

    /// Whether a call can be sent to a session that has not seen it.
    fn may_go_on(&mut self, number: u64) -> bool {
        let Some(call) = self.calls.get_mut(&number) else {
            return false;
        };
        call.forgotten |= call.sent;
        call.idempotent || !call.forgotten || self.mutants.has(Mutant::BlindResend)
    }

    /// Sends what has not gone out over this connection, as far as the server is to keep answers for it.
    fn send_waiting(&mut self) {
        while self.under_way < WINDOW
            && let State::Ready(_) = self.state
            && let Some((&number, _)) = self.calls.range(self.next..).next()
        {
            self.next = number + 1;
            self.send_call(number);
        }
    }

    fn send_call(&mut self, number: u64) {
        let State::Ready(link) = &mut self.state else {
            return;
        };
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        if call.frame.len() > self.max_request {
            let reason = NotSent::Arguments(CodecError::TooLarge {
                limit: self.max_request,
            });
            let outcome = match call.sent {
                false => CallOutcome::NotSent(reason),
                true => CallOutcome::Unknown(reason.to_string()),
            };
            self.end(number, outcome);
        } else {
            call.start = Some(link.send(call.frame.clone()));
            self.under_way += 1;
            self.confirmed = self.confirmed.max(call.oldest);
        }
    }

    fn handle_reply(&mut self, number: u64, outcome: Outcome, large: bool) {
        // The answer to a call that was given up is nobody's any more.
        if let Some(call) = self.calls.get(&number) {
            let outcome = match outcome {
                Outcome::Ok(payload) => CallOutcome::Returned(payload),
                // A refusal speaks for the session that refused, not for the one before it.
                Outcome::Refused(refusal) if call.forgotten => {
                    CallOutcome::Unknown(refusal.to_string())
                }
                Outcome::Refused(refusal) => CallOutcome::Refused(refusal),
                Outcome::Fault(fault) => CallOutcome::Failed(fault),
            };
            self.end(number, outcome);
        }
        self.confirm(large);
        self.send_waiting();
    }

    /// Tells the server which answers it can forget, unless the next call is soon enough for that.
    fn confirm(&mut self, at_once: bool) {
        let oldest = self.oldest_call().unwrap_or(self.last_number + 1);
        if let State::Ready(link) = &mut self.state
            && (at_once || oldest >= self.confirmed.saturating_add(CONFIRMED_TOGETHER))
        {
            link.send(frame_of(CtrlMsg::Ack, &oldest).into());
            self.confirmed = oldest;
        }
    }

    fn end(&mut self, number: u64, outcome: CallOutcome) {
        self.take(number);
        self.events.push_back(Event::Ended {
            call: number,
            outcome,
        });
    }

    fn take(&mut self, number: u64) -> Option<InFlight> {
        let call = self.calls.remove(&number)?;
        if call.start.is_some() {
            self.under_way -= 1;
        }
        Some(call)
    }

    fn lose(&mut self, error: LinkError) {
        self.drop_link();
        self.events.push_back(Event::Lost(error));
    }

    /// Forgets the connection, but not which calls it may have carried.
    fn drop_link(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Disconnected);
        match state {
            State::Ready(link) => {
                for call in self.calls.values_mut() {
                    call.sent |= call.start.take().is_some_and(|at| link.has_transmitted(at));
                    call.sent &= !self.mutants.has(Mutant::ForgetsWhatItSent);
                }
                (self.next, self.under_way, self.confirmed) = (0, 0, 0);
            }
            State::Closed(link) => self.state = State::Closed(link),
            State::Greeting { .. } | State::Disconnected => {}
        }
    }
}

/// So many calls are under way at once; more wait here, so that the server never has to keep answers without end.
const WINDOW: usize = 1000;
/// If no call does it on the way, so many answers are confirmed at once.
const CONFIRMED_TOGETHER: u64 = 250;
/// Answers of so many bytes are acknowledged without waiting for the next call, so that the server can forget them.
const ACKNOWLEDGE_AT_ONCE: usize = 1024 * 1024;
