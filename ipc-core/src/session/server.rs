//! The server's end of a session: which calls came, which have run, and what they answered.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::Instant;

use bytes::Bytes;

mod answer;
mod calls;
mod digest;
mod farewell;
mod frames;
mod limits;
#[cfg(feature = "proof")]
mod proof;

use self::answer::DoneCalls;
use self::calls::{Running, Waiting};
pub use self::farewell::Farewell;
pub use self::limits::SessionLimits;
use super::link::{Link, LinkError};
#[cfg(feature = "proof")]
use super::mutant::Mutants;
use crate::wire::block::Probe;
use crate::wire::ctrl::{CtrlMsg, Features, Hello, SessionKey, Welcome};
use crate::wire::frame::PartialFrame;
use crate::wire::message::{begun_call, frame_of};

/// One session with a client, over as many connections as it takes.
///
/// A state machine without input and output of its own: whoever has the socket calls [`attach`](Self::attach) for each
/// connection, feeds what it reads to [`handle_buffer`](Self::handle_buffer), runs what
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
    /// True once the server has said goodbye over the connection, or is about to cut it.
    is_leaving: bool,
    /// The highest call number that has come.
    last: u64,
    waiting: VecDeque<Waiting>,
    /// How many bytes the waiting calls hold.
    waiting_bytes: usize,
    /// The calls that run, in rising order. All but the last were cancelled.
    running: Vec<Running>,
    /// The calls that waited or ran when this connection began, until they come again over it.
    expected: Vec<u64>,
    done: DoneCalls,
    /// The answered calls that the client has given up since [`take_given_up`](Self::take_given_up).
    given_up: Vec<u64>,
    /// The client has the answers to all calls below this number.
    confirmed: u64,
    /// How many bytes of answers are kept.
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
            is_leaving: false,
            last: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: Vec::new(),
            expected: Vec::new(),
            done: DoneCalls::default(),
            given_up: Vec::new(),
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
        self.is_leaving = false;
        self.expect_again();
    }

    /// The client may have sent these calls over an earlier connection, and sends them again over this one.
    fn expect_again(&mut self) {
        if !has_mutant!(self, SwallowsLostAnswers) {
            self.expected.clear();
        }
        let running = self.running.iter().map(|running| running.number);
        let waiting = self.waiting.iter().map(|w| w.call.number);
        self.expected.extend(running.chain(waiting));
    }

    fn is(&self, named: SessionKey) -> bool {
        let same_run = named.incarnation == self.key.incarnation;
        (same_run || has_mutant!(self, NoIncarnation)) && named.session == self.key.session
    }

    /// Takes bytes from the network. Without a connection, and after a goodbye, they are ignored. Under a secret, they are
    /// decrypted where they lie; see [`Link::handle_buffer`].
    #[inline]
    pub fn handle_buffer(&mut self, bytes: &mut [u8], now: Instant) {
        if let Some(link) = self.link.as_mut().filter(|_| !self.is_leaving) {
            let result = link.handle_buffer(bytes);
            self.handle_frames(result, now);
        }
    }

    /// Like [`handle_buffer`](Self::handle_buffer), for bytes that must not change: records are copied.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        if let Some(link) = self.link.as_mut().filter(|_| !self.is_leaving) {
            let result = link.handle_input(bytes);
            self.handle_frames(result, now);
        }
    }

    /// Returns true if a part of a long frame has come, which is then to be [explained](Self::explain_partial).
    #[inline]
    pub fn has_partial(&mut self) -> bool {
        self.link.as_mut().is_some_and(Link::has_partial)
    }

    /// If the head of a long call has come, asks `probe_of` how to find the long lists in the arguments of the method with this
    /// name and fingerprint. They are then read into memory of their own. Asks once for each call.
    pub fn explain_partial(&mut self, probe_of: impl FnOnce(&str, u64) -> Option<Probe>) {
        let Some(link) = &mut self.link else { return };
        if let Some(call) = link.unexplained().and_then(begun_call) {
            let arguments_at = call.arguments_at;
            let probe = probe_of(call.method, call.fingerprint);
            link.explain(probe, arguments_at);
        }
    }

    /// Takes a long frame of which a part has come. Whoever reads the socket can append to it what comes next, without a copy
    /// in between. It must be given back to [`handle_partial`](Self::handle_partial) before there is other input.
    #[inline]
    pub fn take_partial(&mut self) -> Option<PartialFrame> {
        self.link.as_mut()?.take_partial()
    }

    /// Takes back what [`take_partial`](Self::take_partial) returned, with or without more bytes.
    pub fn handle_partial(&mut self, partial: PartialFrame, now: Instant) {
        if let Some(link) = self.link.as_mut().filter(|_| !self.is_leaving) {
            let result = link.put_partial(partial);
            self.handle_frames(result, now);
        }
    }

    /// Handles the frames that are complete, if the link is still of use.
    fn handle_frames(&mut self, mut result: Result<(), LinkError>, now: Instant) {
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

    /// As if `records` records with `blocks` blocks had gone each way.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, records: u64, blocks: u64) {
        let link = self.link.as_mut().expect("a connection");
        link.skip_to(records, blocks);
    }

    /// The network has ended; `cause` says how, where the end was not an orderly one.
    pub fn handle_eof(&mut self, cause: Option<String>) {
        if let Some(link) = &mut self.link {
            let error = cause.map_or_else(|| link.handle_eof(), LinkError::Lost);
            self.lose(error);
        }
    }

    /// Returns whether the connection should be read: not after a goodbye, and not while calls that wait, or answers that
    /// have not been written, are at their limits.
    #[inline]
    pub fn wants_input(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_room)
            && self.waiting.len() < self.limits.waiting_calls
            && self.waiting_bytes < self.limits.waiting_bytes
            && !self.is_leaving
    }

    /// The longest answer that the client accepts, in bytes.
    #[inline]
    pub fn reply_limit(&self) -> usize {
        self.reply_limit
    }

    /// Drops the connection, not the session.
    pub fn detach(&mut self) {
        self.link = None;
    }

    /// Why there is no connection any more; `None` as long as there is one.
    #[inline]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What the client calls itself.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// How many bytes wait for the network.
    #[inline]
    pub fn backlog(&self) -> u64 {
        self.link.as_ref().map_or(0, Link::backlog)
    }

    /// The next bytes for the network; empty when there are none.
    #[inline]
    pub fn transmit(&mut self) -> &[u8] {
        self.link.as_mut().map(Link::transmit).unwrap_or_default()
    }

    /// Returns true if [`transmit`](Self::transmit) does not give all that waits for the network.
    #[inline]
    pub fn has_more_pieces(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_more_pieces)
    }

    /// Fills `slices` with the next bytes for the network, and returns how many of them were needed. The first one holds
    /// what [`transmit`](Self::transmit) gives.
    pub fn transmit_vectored<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        let link = self.link.as_mut();
        link.map_or(0, |link| link.transmit_vectored(slices))
    }

    /// Returns whether [`transmit`](Self::transmit) would return anything.
    pub fn has_output(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_output)
    }

    /// The network has taken the next `count` bytes.
    #[inline]
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
}

/// Every client accepts answers of this size, so that it can always be told why there is no larger one.
pub(crate) const MIN_REPLY: usize = 64 * 1024;
