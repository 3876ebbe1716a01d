//! A connection in the clear.

use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use super::{Link, LinkError};
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
    joined: Vec<u8>,
    /// How many bytes of them the network has taken.
    taken: usize,
    /// How many bytes wait in both.
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
        let mut prefix = Vec::with_capacity(FIRST_WRITE);
        prefix.extend_from_slice(&Preamble::new(Suite::Plain, role).encode());
        Self {
            role,
            greeted: false,
            greeting: Vec::new(),
            prefix,
            outbox: VecDeque::new(),
            joined: Vec::new(),
            taken: 0,
            backlog: 0,
        }
    }

    /// Takes the preamble off the beginning of the stream; the rest is frames.
    #[inline]
    pub(super) fn take_preamble<'a>(&mut self, mut bytes: &'a [u8]) -> Result<&'a [u8], LinkError> {
        if !self.greeted {
            let (first, rest) = bytes.split_at(self.missing_greeting().min(bytes.len()));
            bytes = rest;
            self.read_preamble(first)?;
        }
        Ok(bytes)
    }

    fn missing_greeting(&self) -> usize {
        Preamble::LEN.saturating_sub(self.greeting.len())
    }

    fn read_preamble(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.greeting.extend_from_slice(bytes);
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
            match piece.len() <= Link::SHORT {
                true => self.send_copy(&piece),
                false => {
                    self.flush_prefix();
                    self.end_joining();
                    self.backlog += piece.len() as u64;
                    self.outbox.push_back(piece);
                }
            }
        }
    }

    /// Queues a copy of `bytes`, to go out in one write with what else waits.
    #[inline]
    pub(super) fn send_copy(&mut self, bytes: &[u8]) {
        self.flush_prefix();
        if self.joined.len() > JOINED {
            self.end_joining();
        }
        self.backlog += bytes.len() as u64;
        self.joined.extend_from_slice(bytes);
    }

    /// Queues the own preamble, unless it has been. Nothing has been queued before it.
    #[inline]
    fn flush_prefix(&mut self) {
        if !self.prefix.is_empty() {
            self.joined = std::mem::take(&mut self.prefix);
            self.backlog = self.joined.len() as u64;
        }
    }

    /// Empty pieces are not queued: an empty piece would be mistaken for the end of the queue.
    fn end_joining(&mut self) {
        let mut joined = std::mem::take(&mut self.joined);
        joined.drain(..std::mem::take(&mut self.taken));
        if !joined.is_empty() {
            self.outbox.push_back(joined.into());
        }
    }

    /// The next piece for the network.
    #[inline]
    pub(super) fn transmit(&self) -> &[u8] {
        match self.outbox.front() {
            Some(piece) => piece,
            None => self.joined.get(self.taken..).unwrap_or_default(),
        }
    }

    /// Returns false if [`transmit`](Self::transmit) gives all that waits.
    #[inline]
    pub(super) fn has_more_pieces(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Fills `slices` with the next pieces for the network, and returns how many.
    #[inline]
    pub(super) fn transmit_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.outbox) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        if let Some(slice) = slices.get_mut(count)
            && let Some(joined @ [_, ..]) = self.joined.get(self.taken..)
        {
            *slice = IoSlice::new(joined);
            count += 1;
        }
        count
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
            taken,
            // It follows from these.
            backlog: _,
            role: _,
        } = self;
        std::hash::Hash::hash(
            &(greeted, greeting, prefix, outbox, joined.get(*taken..)),
            hasher,
        );
    }

    pub(super) fn take_output(&mut self) -> Option<Bytes> {
        self.end_joining();
        let piece = self.outbox.pop_front()?;
        self.backlog -= piece.len() as u64;
        Some(piece)
    }

    /// Removes the next `count` bytes, or all if there are fewer. Returns how many.
    #[inline]
    pub(super) fn consume(&mut self, mut count: usize) -> u64 {
        let before = self.backlog;
        while let Some(front) = self.outbox.front_mut() {
            let part = count.min(front.len());
            front.advance(part);
            self.backlog -= part as u64;
            count -= part;
            if !front.is_empty() {
                return before - self.backlog;
            }
            self.outbox.pop_front();
        }
        let rest = count.min(self.joined.len() - self.taken);
        self.taken += rest;
        self.backlog -= rest as u64;
        if self.taken == self.joined.len() {
            self.joined.clear();
            self.taken = 0;
        }
        before - self.backlog
    }
}

/// Room for the preamble and the first frame, in bytes.
const FIRST_WRITE: usize = 256;
/// Size in bytes of joined pieces to which no more are added.
pub(super) const JOINED: usize = 64 * 1024;
