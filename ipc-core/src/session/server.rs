//! The server's end of a session: which calls came, which have run, and what they answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

mod answer;
mod farewell;
mod frames;
mod limits;
#[cfg(feature = "proof")]
mod proof;

use self::answer::Answer;
pub use self::limits::SessionLimits;
use super::link::{Link, LinkError};
#[cfg(feature = "proof")]
use super::mutant::Mutants;
use crate::wire::ctrl::{CtrlMsg, Features, Hello, Info, SessionKey, Welcome};
use crate::wire::failure::{Failure, Refusal};
use crate::wire::frame::OutgoingFrame;
use crate::wire::message::{IncomingCall, failure_frame, frame_of};

/// One session with a client, over as many connections as it takes.
///
/// A state machine without input and output of its own: whoever has the socket calls [`attach`](Self::attach) for each
/// connection, feeds what it reads to [`handle_input`](Self::handle_input), runs what
/// [`next_call`](Self::next_call) gives and returns its answer to [`reply`](Self::reply), and writes what
/// [`transmit`](Self::transmit) gives.
///
/// Invariants, all of them tested with random operations:
///
/// * [`next_call`](Self::next_call) gives a call number at most once in the life of the session, in rising order;
/// * a call begins only when every earlier one has ended or was cancelled by its client;
/// * every call that was taken from the connection has its one answer before the server says goodbye;
/// * a call that comes again is answered again with the same bytes, without running;
/// * an answer is forgotten only when the client has confirmed it, or answered for as executed, result not kept;
/// * no input, cut in any way, panics; memory is bounded by the limits.
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
pub struct ServerSession {
    key: SessionKey,
    limits: SessionLimits,
    client: String,
    /// What the client understands.
    features: Features,
    reply_limit: usize,
    link: Option<Link>,
    end: Option<End>,
    last: u64,
    waiting: VecDeque<Waiting>,
    /// How many bytes the arguments of the waiting calls have.
    waiting_bytes: usize,
    /// The calls that run, in rising order. All but the last were cancelled.
    running: Vec<Running>,
    done: BTreeMap<u64, Done>,
    /// The client has the answers to all calls below this number.
    confirmed: u64,
    kept: usize,
    #[cfg(feature = "proof")]
    pub(super) mutants: Mutants,
}

/// Why a session has no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum End {
    /// The client has finished; the session is over.
    Finished,
    /// The connection was lost; the session may be resumed.
    Lost(LinkError),
}

#[derive(Clone, Debug)]
struct Waiting {
    call: IncomingCall,
    digest: u64,
    deadline: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Running {
    number: u64,
    digest: u64,
    cancelled: bool,
}

#[derive(Clone, Debug)]
struct Done {
    digest: u64,
    answer: Answer,
}

impl ServerSession {
    /// A session that has not had a connection.
    pub fn new(key: SessionKey, limits: SessionLimits) -> Self {
        Self {
            key,
            limits,
            client: String::new(),
            features: Features::default(),
            reply_limit: 0,
            link: None,
            end: None,
            last: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: Vec::new(),
            done: BTreeMap::new(),
            confirmed: 0,
            kept: 0,
            #[cfg(feature = "proof")]
            mutants: Mutants::default(),
        }
    }

    /// Which session this is.
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// Goes on over a new connection. An earlier one is fenced: what is left of it no longer counts.
    pub fn attach(&mut self, mut link: Link, hello: &Hello, lease_epoch: u64) {
        link.set_max_frame(self.limits.max_frame);
        let welcome = Welcome {
            key: self.key,
            resumed: hello.resume.is_some_and(|key| self.is(key)),
            last_call: self.last,
            lease_epoch,
            max_frame: self.limits.max_frame as u64,
            epochs: Vec::new(),
            features: Features::of_server(),
        };
        link.send(frame_of(CtrlMsg::Welcome, &welcome));
        self.client.clone_from(&hello.name);
        self.features.clone_from(&hello.features);
        self.reply_limit = usize::try_from(hello.max_frame)
            .unwrap_or(usize::MAX)
            .max(MIN_REPLY);
        self.link = Some(link);
        self.end = None;
    }

    fn is(&self, named: SessionKey) -> bool {
        let same_run = named.incarnation == self.key.incarnation;
        (same_run || has_mutant!(self, NoIncarnation)) && named.session == self.key.session
    }

    /// Takes bytes from the network.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        let Some(link) = &mut self.link else { return };
        let mut result = link.handle_input(bytes);
        while result.is_ok() {
            let Some(link) = &mut self.link else { return };
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

    /// As if `record` records had gone each way.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, record: u64) {
        self.link.as_mut().expect("a connection").skip_to(record);
    }

    /// The network has ended; `cause` says how, where the end was not an orderly one.
    pub fn handle_eof(&mut self, cause: Option<String>) {
        if let Some(link) = &mut self.link {
            let error = cause.map_or_else(|| link.handle_eof(), LinkError::Lost);
            self.lose(error);
        }
    }

    /// False while more calls wait, or more bytes of answers have not been taken by the network, than the limits allow, so
    /// that nothing more should be read.
    pub fn wants_input(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_room)
            && self.waiting.len() < self.limits.waiting_calls
            && self.waiting_bytes < self.limits.waiting_bytes
    }

    /// The next call to run, with the time until which its caller waits. `None` while a call runs that its client has not
    /// cancelled.
    pub fn next_call(&mut self, now: Instant) -> Option<(IncomingCall, Option<Instant>)> {
        while self.may_begin() {
            let (call, digest, deadline) = self.next_waiting()?;
            let number = call.header.number;
            self.running.push(Running {
                number,
                digest,
                cancelled: false,
            });
            if deadline.is_none_or(|deadline| now < deadline) {
                return Some((call, deadline));
            }
            self.refuse(
                number,
                Refusal::Cancelled {
                    method: call.header.method,
                },
            );
        }
        None
    }

    /// True if the client waits for none of the calls that run. A deadline that has passed is not enough: the clock of a
    /// client that was suspended stands still, and its caller waits on.
    pub fn may_begin(&self) -> bool {
        let are_given_up = self.running.iter().all(|call| call.cancelled);
        (are_given_up || has_mutant!(self, OvertakesAnyCall)) && self.running.len() < MAX_RUNNING
    }

    fn next_waiting(&mut self) -> Option<(IncomingCall, u64, Option<Instant>)> {
        let Waiting {
            call,
            digest,
            deadline,
        } = self.waiting.pop_front()?;
        self.waiting_bytes -= call.arguments.len();
        Some((call, digest, deadline))
    }

    /// True if calls wait for their turn.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The longest answer that the client accepts, in bytes.
    pub fn reply_limit(&self) -> usize {
        self.reply_limit
    }

    /// A running call has ended; `frame` is its answer. Does nothing if the call has been answered already.
    ///
    /// An answer that the client no longer wants is not sent, and of it is kept only whether the driver was entered.
    pub fn reply(&mut self, number: u64, frame: impl Into<OutgoingFrame>) {
        let Some(Running {
            digest, cancelled, ..
        }) = self.end_running(number)
        else {
            return;
        };
        let frame = frame.into();
        if number < self.confirmed && !has_mutant!(self, KeepsConfirmed) {
            return;
        }
        if cancelled {
            let answer = Answer::without_result(&frame);
            self.done.insert(number, Done { digest, answer });
            return;
        }
        if let Some(link) = &mut self.link {
            link.send(frame.clone());
        }
        self.keep(number, digest, frame);
    }

    fn end_running(&mut self, number: u64) -> Option<Running> {
        let at = self.running.iter().position(|call| call.number == number)?;
        Some(self.running.remove(at))
    }

    /// Remembers an answer, or at least what it says about the driver.
    pub(super) fn keep(&mut self, number: u64, digest: u64, frame: OutgoingFrame) {
        if number < self.confirmed {
            return;
        }
        let answer = if self.kept.saturating_add(frame.len()) <= self.limits.kept_replies {
            self.kept += frame.len();
            Answer::Kept(frame)
        } else {
            Answer::without_result(&frame)
        };
        self.done.insert(number, Done { digest, answer });
    }

    /// Ends a running call without having run it.
    pub fn refuse(&mut self, number: u64, refusal: Refusal) {
        let refusal = refusal.for_client(&self.features);
        let frame = failure_frame(number, &Failure::Refused(refusal), MIN_REPLY);
        self.reply(number, frame);
    }

    /// True while a call runs.
    pub fn has_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// True once the client has given up a running call.
    pub fn is_cancelled(&self, number: u64) -> bool {
        self.running
            .iter()
            .any(|call| call.number == number && call.cancelled)
    }

    /// Tells the client how far a running call is, if the client waits for it and can be told now.
    pub fn progress(&mut self, call: u64, fraction: f64, message: &str) {
        let is_awaited = |running: &Running| running.number == call && !running.cancelled;
        if !self.running.iter().any(is_awaited) {
            return;
        }
        if let Some(link) = self.link.as_mut().filter(|link| link.has_room()) {
            let message = message.chars().take(MAX_MESSAGE).collect();
            let info = Info::Progress {
                call,
                fraction,
                message,
            };
            link.send(frame_of(CtrlMsg::Info, &info));
        }
    }

    /// Drops the connection, not the session.
    pub fn detach(&mut self) {
        self.link = None;
    }

    /// Why there is no connection any more; `None` as long as there is one.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What the client calls itself.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// The next bytes for the network; empty when there are none.
    pub fn transmit(&self) -> &[u8] {
        self.link.as_ref().map(Link::transmit).unwrap_or_default()
    }

    /// The network has taken `count` bytes.
    pub fn consume(&mut self, count: usize) {
        if let Some(link) = &mut self.link {
            link.consume(count);
        }
    }

    /// Takes the next bytes for the network, as if it had taken them: for a thread that writes them without holding up the
    /// session. `None` when there are none.
    pub fn take_output(&mut self) -> Option<Bytes> {
        self.link.as_mut()?.take_output()
    }

    /// How many bytes of answers are kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Keeps of each answer only whether the driver had been entered.
    pub fn forget_results(&mut self) {
        for done in self.done.values_mut() {
            done.answer = match &done.answer {
                Answer::Kept(frame) => Answer::without_result(frame),
                Answer::Ran => Answer::Ran,
                Answer::Refused => Answer::Refused,
            };
        }
        self.kept = 0;
    }

    /// True if nothing has grown beyond its limit, `input` bytes having come since there was room.
    #[cfg(test)]
    pub(crate) fn is_within_limits(&self, input: usize) -> bool {
        let kept: usize = self
            .done
            .values()
            .map(|done| match &done.answer {
                Answer::Kept(frame) => frame.len(),
                Answer::Ran | Answer::Refused => 0,
            })
            .sum();
        kept == self.kept
            && self.kept <= self.limits.kept_replies
            && self.done.len() <= MAX_UNCONFIRMED
            && self.waiting.len() <= self.limits.waiting_calls + input / 40
            && self.waiting_bytes <= self.limits.waiting_bytes + input
    }
}

/// Every client accepts answers of this size, so that it can always be told why there is no larger one.
pub(crate) const MIN_REPLY: usize = 64 * 1024;
/// Maximum length of a notice, in characters.
const MAX_MESSAGE: usize = 1000;
/// Maximum number of unconfirmed answers. A client confirms with every call, so an honest one never comes near.
const MAX_UNCONFIRMED: usize = 10_000;
/// Maximum number of calls that run at the same time; all but one of them were cancelled.
const MAX_RUNNING: usize = 8;
