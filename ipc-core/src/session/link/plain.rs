//! A connection in the clear.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::LinkError;
use crate::wire::frame::OutgoingFrame;
use crate::wire::preamble::{MAGIC, Preamble, PreambleError, Role, Suite};
use crate::wire::redact::ByteCount;

/// Frames as they are, after a preamble.
#[cfg_attr(feature = "proof", derive(Clone))]
pub(super) struct Plain {
    role: Role,
    greeted: bool,
    /// The peer's preamble as far as it is here.
    greeting: Vec<u8>,
    /// The own preamble; goes out with the first frame, in one write.
    prefix: Vec<u8>,
    outbox: VecDeque<Bytes>,
    /// Short frames behind the outbox, joined to go out in one write.
    joined: BytesMut,
    /// How many bytes are in both.
    backlog: u64,
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to_transmit = usize::try_from(self.backlog).unwrap_or(usize::MAX);
        f.debug_struct("Plain")
            .field("role", &self.role)
            .field("greeted", &self.greeted)
            .field("to_transmit", &ByteCount(to_transmit))
            .finish()
    }
}

impl Plain {
    pub(super) fn new(role: Role) -> Self {
        let own = Preamble::new(Suite::Plain, role).encode();
        Self {
            role,
            greeted: false,
            greeting: Vec::new(),
            prefix: own.to_vec(),
            outbox: VecDeque::new(),
            joined: BytesMut::new(),
            backlog: 0,
        }
    }

    /// Takes the preamble off the beginning of the stream; the rest is frames.
    pub(super) fn take_preamble<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], LinkError> {
        if !self.greeted {
            let missing = Preamble::LEN.saturating_sub(self.greeting.len());
            let (first, rest) = bytes.split_at(missing.min(bytes.len()));
            self.greeting.extend_from_slice(first);
            bytes = rest;
            self.read_preamble()?;
        }
        Ok(bytes)
    }

    fn read_preamble(&mut self) -> Result<(), LinkError> {
        if let Some(magic) = self.greeting.first_chunk::<4>()
            && *magic != MAGIC
        {
            return Err(PreambleError::NotThisProtocol(*magic).into());
        }
        let Some(preamble) = self.greeting.first_chunk::<{ Preamble::LEN }>() else {
            return Ok(());
        };
        let agreed = match Preamble::decode(*preamble, self.role) {
            Ok(Preamble {
                suite: Suite::Plain,
                ..
            }) => Ok(()),
            Ok(Preamble {
                suite: Suite::Secret,
                ..
            }) => Err(LinkError::SecretRequired),
            Err(error) => Err(error.into()),
        };
        self.greeted = agreed.is_ok();
        // A server that refuses still says what it speaks, so that the client can tell its user.
        if agreed.is_err() && self.role == Role::Server {
            self.flush_prefix();
        }
        agreed
    }

    pub(super) fn send(&mut self, frame: OutgoingFrame) {
        for piece in frame.pieces() {
            if self.prefix.is_empty() {
                self.queue(piece);
            } else {
                self.prefix.extend_from_slice(&piece);
                self.flush_prefix();
            }
        }
    }

    /// Empty pieces are not queued: an empty piece would be mistaken for the end of the queue.
    fn flush_prefix(&mut self) {
        if !self.prefix.is_empty() {
            let prefix = std::mem::take(&mut self.prefix);
            self.queue(prefix.into());
        }
    }

    fn queue(&mut self, piece: Bytes) {
        self.backlog += piece.len() as u64;
        if piece.len() <= SHORT && self.begin_joining() {
            self.joined.extend_from_slice(&piece);
            return;
        }
        self.end_joining();
        self.outbox.push_back(piece);
    }

    /// Makes room for a short piece that can go out in one write with what waits before it. Returns false if nothing like
    /// that waits: a piece on its own is not copied.
    fn begin_joining(&mut self) -> bool {
        if self.joined.len() > JOINED {
            self.end_joining();
            return false;
        }
        if let [only] = self.outbox.make_contiguous()
            && self.joined.is_empty()
            && only.len() <= SHORT
        {
            self.joined.extend_from_slice(only);
            self.outbox.clear();
        }
        !self.joined.is_empty() || !self.outbox.is_empty()
    }

    fn end_joining(&mut self) {
        if !self.joined.is_empty() {
            self.outbox.push_back(self.joined.split().freeze());
        }
    }

    /// The next piece for the network.
    pub(super) fn transmit(&self) -> &[u8] {
        self.outbox.front().map_or(&self.joined, |bytes| &bytes[..])
    }

    /// How many bytes wait for the network.
    pub(super) fn backlog(&self) -> u64 {
        self.backlog
    }

    /// True once the peer has shown that it speaks this protocol.
    pub(super) fn has_been_greeted(&self) -> bool {
        self.greeted
    }

    #[cfg(feature = "proof")]
    pub(super) fn digest_into(&self, hasher: &mut impl std::hash::Hasher) {
        let Self {
            greeted,
            greeting,
            prefix,
            outbox,
            joined,
            // It follows from these.
            backlog: _,
            role: _,
        } = self;
        std::hash::Hash::hash(&(greeted, greeting, prefix, outbox, &joined[..]), hasher);
    }

    pub(super) fn take_output(&mut self) -> Option<Bytes> {
        self.end_joining();
        let piece = self.outbox.pop_front()?;
        self.backlog -= piece.len() as u64;
        Some(piece)
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.backlog -= count as u64;
        match self.outbox.front_mut() {
            None => self.joined.advance(count),
            Some(front) => {
                front.advance(count);
                if front.is_empty() {
                    self.outbox.pop_front();
                }
            }
        }
    }
}

/// Maximum size in bytes of a piece that is copied, to go out with others.
const SHORT: usize = 4 * 1024;
/// Size in bytes of joined pieces to which no more are added.
const JOINED: usize = 64 * 1024;
