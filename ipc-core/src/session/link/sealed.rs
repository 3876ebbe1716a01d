//! A connection under a secret.

use std::collections::VecDeque;
use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::secure::{ChannelError, MAX_RECORDS, SecureChannel, Ticket};
use crate::wire::frame::OutgoingFrame;
use crate::wire::redact::ByteCount;

/// Frames in encrypted records, after a handshake.
pub(super) struct Sealed {
    channel: SecureChannel,
    /// What is to be sealed: at first because of the handshake, later because the network is slower than that.
    waiting: VecDeque<Bytes>,
    /// How many bytes that will make, the records around them included.
    unsealed: u64,
    /// True if nothing is to follow what waits.
    closing: bool,
    /// Why the channel can send no more; told when the connection is next asked for a frame.
    failed: Option<ChannelError>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting.iter().map(Bytes::len).sum();
        f.debug_struct("Sealed")
            .field("channel", &self.channel)
            .field("waiting", &ByteCount(waiting))
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
            unsealed: 0,
            closing: false,
            failed: None,
        }
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, record: u64) {
        self.channel.skip_to(record);
    }

    /// Appends what the bytes complete to `plaintext`.
    pub(super) fn open(
        &mut self,
        bytes: &[u8],
        plaintext: &mut BytesMut,
    ) -> Result<(), ChannelError> {
        self.channel.handle_input(bytes, plaintext)?;
        self.seal();
        Ok(())
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
        let is_worn = self.channel.records() > MAX_RECORDS / 2;
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if is_worn => Err(ChannelError::Exhausted),
            None => Ok(()),
        }
    }

    pub(super) fn send(&mut self, frame: OutgoingFrame) {
        for piece in frame.pieces() {
            self.unsealed += SecureChannel::sealed_len(piece.len());
            self.waiting.push_back(piece);
        }
        self.seal();
    }

    /// Says that nothing will follow.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.seal();
    }

    /// The next bytes for the network.
    pub(super) fn transmit(&self) -> &[u8] {
        self.channel.transmit()
    }

    /// The network has taken `count` of them.
    pub(super) fn consume(&mut self, count: usize) {
        self.channel.consume(count);
        self.seal();
    }

    /// Takes the next bytes for the network.
    pub(super) fn take_output(&mut self) -> Option<Bytes> {
        let piece = Bytes::copy_from_slice(self.transmit());
        self.consume(piece.len());
        (!piece.is_empty()).then_some(piece)
    }

    /// How many bytes wait for the network, the records around what is not sealed yet included.
    pub(super) fn backlog(&self) -> u64 {
        self.unsealed + self.channel.transmit().len() as u64
    }

    /// Seals what waits, but not much more than the network takes at once: a long array goes through a buffer that
    /// stays in the processor's cache, instead of a second one of its own size.
    fn seal(&mut self) {
        while self.channel.is_established()
            && self.channel.transmit().len() < AHEAD
            && self.failed.is_none()
        {
            let Some(piece) = self.waiting.front_mut() else {
                if self.closing {
                    self.channel.close();
                }
                return;
            };
            let part = piece.split_to(piece.len().min(AHEAD));
            self.unsealed -= SecureChannel::sealed_len(part.len());
            if piece.is_empty() {
                self.waiting.pop_front();
            }
            if let Err(error) = self.channel.send(&part) {
                self.failed = Some(error);
                self.waiting.clear();
                self.unsealed = 0;
            }
        }
    }
}

/// Number of bytes that are sealed at once: they fill whole records.
const AHEAD: usize = 4 * SecureChannel::MAX_DATA;
