//! A connection under a secret.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::{fmt, mem};

use bytes::{Buf, Bytes};

use super::Link;
use super::plain::JOINED;
use crate::secure::{ChannelError, SecureChannel, Ticket};
use crate::wire::frame::{OutgoingFrame, PartialFrame};
use crate::wire::redact::ByteCount;

/// Frames in encrypted records, after a handshake.
pub(super) struct Sealed {
    channel: SecureChannel,
    /// What is to be sealed once the network has taken what was sealed before.
    waiting: VecDeque<Bytes>,
    /// Short frames that are to be sealed behind it.
    joined: Vec<u8>,
    /// Number of bytes in both.
    unsealed: u64,
    /// Number of bytes of frames in the records of which the network has taken nothing yet.
    untouched: u64,
    /// True if nothing is to follow what waits.
    closing: bool,
    /// Why the channel can send no more; told when the connection is next asked for a frame.
    failed: Option<ChannelError>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsealed = usize::try_from(self.unsealed).unwrap_or(usize::MAX);
        f.debug_struct("Sealed")
            .field("channel", &self.channel)
            .field("unsealed", &ByteCount(unsealed))
            .field("closing", &self.closing)
            .field("failed", &self.failed)
            .finish()
    }
}

/// Proofs copy states, and speak in the clear. Keys are never copied: the copy of a connection that has some is over.
#[cfg(feature = "proof")]
impl Clone for Sealed {
    fn clone(&self) -> Self {
        let mut copy = Self::new(SecureChannel::over());
        copy.failed = Some(ChannelError::Closed);
        copy
    }
}

impl Sealed {
    pub(super) fn new(channel: SecureChannel) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
            joined: Vec::new(),
            unsealed: 0,
            untouched: 0,
            closing: false,
            failed: None,
        }
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, records: u64, blocks: u64) {
        self.channel.skip_to(records, blocks);
    }

    /// Opens the records in `bytes`, where they lie, and passes the data of each to `deliver`.
    #[inline]
    pub(super) fn open(
        &mut self,
        bytes: &mut [u8],
        deliver: impl FnMut(&[u8]),
    ) -> Result<(), ChannelError> {
        self.channel.handle_buffer(bytes, deliver)
    }

    /// Prepares `partial` for reading records into it. Returns false if it has no room for them.
    pub(super) fn read_into(&mut self, partial: &mut PartialFrame) -> bool {
        let begun = self.channel.begun();
        begun.is_some_and(|begun| partial.begin_records(begun, &IN_PLACE))
    }

    /// Opens the records that were read into `partial`.
    pub(super) fn open_in(&mut self, partial: &mut PartialFrame) -> Result<(), ChannelError> {
        partial.open_records(|memory| self.channel.open_within(memory))
    }

    /// Takes the beginning of a record out of `partial`, before other bytes are read or appended.
    pub(super) fn take_begun(&mut self, partial: &mut PartialFrame) {
        if let Some(begun) = self.channel.begun() {
            partial.end_records(begun);
        }
    }

    /// See [`SecureChannel::ticket`].
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.channel.ticket()
    }

    /// See [`SecureChannel::presented`].
    pub(super) fn presented(&self) -> Option<Ticket> {
        self.channel.presented()
    }

    /// The network has ended.
    pub(super) fn handle_eof(&mut self) -> Result<(), ChannelError> {
        self.channel.handle_eof()
    }

    /// True once both ends have proven that they know the secret.
    pub(super) fn is_established(&self) -> bool {
        self.channel.is_established()
    }

    /// True while the peer was given this end's proof of the secret and has not given its own.
    pub(super) fn awaits_proof(&self) -> bool {
        self.channel.awaits_proof()
    }

    /// Whether the connection can go on.
    pub(super) fn check(&self) -> Result<(), ChannelError> {
        // Well before the keys are worn out: the session goes on over a new connection, under fresh keys.
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if self.channel.is_worn() => Err(ChannelError::Exhausted),
            None => Ok(()),
        }
    }

    pub(super) fn send(&mut self, frame: OutgoingFrame) {
        for piece in frame.pieces() {
            if piece.len() <= Link::SHORT {
                self.send_copy(&piece);
            } else if self.failed.is_none() {
                self.end_joining();
                self.unsealed += piece.len() as u64;
                self.waiting.push_back(piece);
            }
        }
    }

    /// Queues a copy of `bytes`.
    #[inline]
    pub(super) fn send_copy(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            if self.joined.len() > JOINED {
                self.end_joining();
            }
            self.unsealed += bytes.len() as u64;
            self.joined.extend_from_slice(bytes);
        }
    }

    /// Empty pieces are not queued: an empty piece would be mistaken for the end of the queue.
    fn end_joining(&mut self) {
        if !self.joined.is_empty() {
            self.waiting.push_back(mem::take(&mut self.joined).into());
        }
    }

    /// Says that nothing will follow.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// The next bytes for the network.
    pub(super) fn transmit(&mut self) -> &[u8] {
        if self.channel.transmit().is_empty() {
            self.seal();
        }
        self.channel.transmit()
    }

    /// Returns whether there are any.
    pub(super) fn has_output(&self) -> bool {
        let can_seal = self.unsealed > 0 && self.channel.is_established();
        can_seal || !self.channel.transmit().is_empty()
    }

    /// The network has taken `count` of them. Returns the number of bytes of frames that it now has, at least in part.
    pub(super) fn consume(&mut self, count: usize) -> u64 {
        self.channel.consume(count);
        match count {
            0 => 0,
            _ => mem::take(&mut self.untouched),
        }
    }

    /// Takes the next bytes for the network, and the number of bytes of frames that it now has, at least in part.
    pub(super) fn take_output(&mut self) -> Option<(Bytes, u64)> {
        if self.transmit().is_empty() {
            return None;
        }
        Some((self.channel.take_output(), mem::take(&mut self.untouched)))
    }

    /// How many bytes wait for the network, without the records around what is not sealed yet.
    pub(super) fn backlog(&self) -> u64 {
        self.unsealed + self.channel.transmit().len() as u64
    }

    /// Number of bytes of frames of which the network has nothing yet.
    pub(super) fn unsent(&self) -> u64 {
        self.unsealed + self.untouched
    }

    /// Seals what waits, in as few records as possible, but not much more than the network takes at once: a long array goes
    /// through a buffer that stays in the processor's cache.
    fn seal(&mut self) {
        if !self.channel.is_established() {
            return;
        }
        let len = usize::try_from(self.unsealed).map_or(AHEAD, |all| all.min(AHEAD));
        if len > 0 {
            self.seal_first(len);
        }
        if self.closing && self.unsealed == 0 {
            self.channel.close();
        }
    }

    fn seal_first(&mut self, len: usize) {
        let mut left = len;
        let pieces = self.waiting.iter().map(|piece| &piece[..]);
        let parts = pieces.chain([&self.joined[..]]).map_while(|piece| {
            let part = piece.get(..left.min(piece.len()))?;
            left -= part.len();
            (!part.is_empty()).then_some(part)
        });
        match self.channel.send_parts(parts, len) {
            Ok(()) => self.remove_waiting(len),
            Err(error) => {
                self.failed = Some(error);
                self.waiting.clear();
                self.joined.clear();
                self.unsealed = 0;
            }
        }
    }

    /// Removes the first `len` bytes that wait, which have been sealed.
    fn remove_waiting(&mut self, mut len: usize) {
        self.unsealed -= len as u64;
        self.untouched = len as u64;
        while let Some(piece) = self.waiting.front_mut().filter(|_| len > 0) {
            let part = len.min(piece.len());
            len -= part;
            match part == piece.len() {
                true => drop(self.waiting.pop_front()),
                false => piece.advance(part),
            }
        }
        self.joined.drain(..len.min(self.joined.len()));
    }
}

/// Maximum number of bytes that are sealed at once: they fill whole records.
const AHEAD: usize = 8 * SecureChannel::FULL_RECORD_DATA;

/// Number of bytes of records that are read at once to where their data belongs. Below the minimum, they are read to a buffer
/// and opened there. The maximum saves system calls, and stays in the processor's cache until the records are opened.
const IN_PLACE: RangeInclusive<usize> = SecureChannel::FULL_RECORD..=8 * SecureChannel::FULL_RECORD;
