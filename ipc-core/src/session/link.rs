//! One connection: bytes of the network on one side, frames on the other.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::wire::codec::CodecError;
use crate::wire::ctrl::{Bye, CtrlMsg};
use crate::wire::frame::{Frame, FrameError, FrameReader};
use crate::wire::preamble::{Preamble, PreambleError, Role, Suite};

/// Why a connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The first bytes are wrong.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The peer has a secret, this end has none.
    #[error("the other end wants a secret; set the same one here")]
    SecretRequired,
    /// This end has a secret, the peer has none.
    #[error("this end has a secret, the other end has none; set the same one there")]
    PeerHasNoSecret,
    /// The bytes are not frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame does not hold what its control message says.
    #[error("the peer sent a {ctrl:?} message that cannot be read: {error}")]
    Message {
        /// The control message.
        ctrl: CtrlMsg,
        /// What is wrong with its payload.
        error: CodecError,
    },
    /// A message came that has no place here.
    #[error("the peer sent a {ctrl:?} message where {expected} was expected")]
    Unexpected {
        /// The control message.
        ctrl: CtrlMsg,
        /// What was expected.
        expected: &'static str,
    },
    /// A call number came back with another call.
    #[error("the peer used call number {0} for two different calls")]
    FalseRetry(u64),
    /// The peer said goodbye.
    #[error("the other end closed the connection: {}", .0.message)]
    Bye(Bye),
    /// The connection ended without a goodbye.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// Nothing came for too long.
    #[error("the other end has been silent for too long")]
    Silent,
}

/// A connection from its first byte on. Bytes from the network go in with [`handle_input`](Self::handle_input); bytes
/// for the network come out of [`transmit`](Self::transmit).
#[derive(Clone, Debug)]
pub struct Link {
    role: Role,
    greeted: bool,
    /// The peer's preamble as far as it is here.
    greeting: Vec<u8>,
    /// Goes out with the next frame, in one write.
    prefix: Vec<u8>,
    frames: FrameReader,
    outbox: VecDeque<Bytes>,
    queued: u64,
    transmitted: u64,
}

impl Link {
    /// A connection without encryption. `max_frame` bounds the frames that are accepted, in bytes.
    pub fn plain(role: Role, max_frame: usize) -> Self {
        let own = Preamble {
            suite: Suite::Plain,
            role,
        }
        .encode();
        Self {
            role,
            greeted: false,
            greeting: Vec::new(),
            prefix: own.to_vec(),
            frames: FrameReader::new(max_frame),
            outbox: VecDeque::new(),
            queued: 0,
            transmitted: 0,
        }
    }

    /// Changes how long a frame may be, from the next one on.
    pub(crate) fn set_max_frame(&mut self, max_frame: usize) {
        self.frames.set_limit(max_frame);
    }

    /// Takes bytes from the network, cut in any way.
    pub fn handle_input(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        if !self.greeted {
            let missing = Preamble::LEN - self.greeting.len();
            let (first, rest) = bytes.split_at(missing.min(bytes.len()));
            self.greeting.extend_from_slice(first);
            bytes = rest;
            self.read_preamble()?;
        }
        self.frames.push(bytes);
        Ok(())
    }

    fn read_preamble(&mut self) -> Result<(), LinkError> {
        if let Some(magic) = self.greeting.first_chunk::<4>()
            && *magic != crate::wire::preamble::MAGIC
        {
            return Err(PreambleError::NotThisProtocol(*magic).into());
        }
        let Some(preamble) = self.greeting.first_chunk::<{ Preamble::LEN }>() else {
            return Ok(());
        };
        let decoded = Preamble::decode(*preamble, self.role);
        let agreed = match decoded {
            Ok(Preamble {
                suite: Suite::Plain,
                ..
            }) => Ok(()),
            Ok(Preamble {
                suite: Suite::Secret,
                ..
            }) => Err(match self.role {
                Role::Client => LinkError::SecretRequired,
                Role::Server => LinkError::PeerHasNoSecret,
            }),
            Err(error) => Err(error.into()),
        };
        // A server that refuses still says what it speaks, so that the client can tell its user.
        self.greeted = agreed.is_ok();
        if agreed.is_err() && self.role == Role::Server {
            self.flush_prefix();
        }
        agreed
    }

    /// The next complete frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, LinkError> {
        Ok(self.frames.next_frame()?)
    }

    /// The network has ended; says how that is to be called.
    pub fn handle_eof(&self) -> LinkError {
        match self.frames.finish() {
            Ok(()) if self.greeted => LinkError::Lost("the other end closed it".into()),
            Ok(()) => LinkError::Lost("the other end closed it before saying anything".into()),
            // However far the last frame came: this is a lost connection, not a peer that cannot make frames.
            Err(error) => LinkError::Lost(error.to_string()),
        }
    }

    /// Queues a frame. Returns the position in the stream at which it starts.
    pub(crate) fn send(&mut self, frame: Bytes) -> u64 {
        let start = self.queued;
        if self.prefix.is_empty() {
            self.queue(frame);
        } else {
            self.prefix.extend_from_slice(&frame);
            self.flush_prefix();
        }
        start
    }

    fn flush_prefix(&mut self) {
        let bytes = Bytes::from(std::mem::take(&mut self.prefix));
        self.queue(bytes);
    }

    /// Nothing is not queued: it would look like the end of the queue.
    fn queue(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued += bytes.len() as u64;
            self.outbox.push_back(bytes);
        }
    }

    /// The next bytes for the network; empty when there are none. One frame at a time, so that a frame is one write.
    pub fn transmit(&self) -> &[u8] {
        self.outbox
            .front()
            .map(|bytes| &bytes[..])
            .unwrap_or_default()
    }

    /// The network has taken `count` bytes of [`transmit`](Self::transmit).
    pub fn consume(&mut self, count: usize) {
        let Some(front) = self.outbox.front_mut() else {
            return;
        };
        let count = count.min(front.len());
        self.transmitted += count as u64;
        let _ = front.split_to(count);
        if front.is_empty() {
            self.outbox.pop_front();
        }
    }

    /// True if any byte from position `start` on has been handed to the network.
    pub(crate) fn has_transmitted(&self, start: u64) -> bool {
        self.transmitted > start
    }

    /// How many bytes must go before position `start` has been handed to the network.
    #[cfg(feature = "proof")]
    pub(crate) fn distance(&self, start: u64) -> u64 {
        (start + 1).saturating_sub(self.transmitted)
    }

    #[cfg(feature = "proof")]
    pub(crate) fn digest_into(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let Self {
            greeted,
            greeting,
            prefix,
            frames,
            outbox,
            ..
        } = self;
        (greeted, greeting, prefix, frames.buffered(), outbox).hash(hasher);
    }

    /// How many bytes wait for the network.
    pub(crate) fn backlog(&self) -> u64 {
        self.queued - self.transmitted
    }
}
