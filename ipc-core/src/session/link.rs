//! One connection: bytes of the network on one side, frames on the other.

mod error;
mod plain;
mod sealed;
#[cfg(test)]
mod tests;

use std::io::IoSlice;

use bytes::Bytes;

pub use self::error::LinkError;
use self::plain::Plain;
use self::sealed::Sealed;
use crate::secure::{ChannelError, Entropy, Secret, SecureChannel, Ticket};
use crate::wire::block::Probe;
use crate::wire::frame::{Frame, FrameReader, OutgoingFrame, PartialFrame};
use crate::wire::preamble::Role;

/// A connection from its first byte on. Bytes from the network go in with [`handle_input`](Self::handle_input); bytes
/// for the network come out of [`transmit`](Self::transmit).
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
pub struct Link {
    channel: Channel,
    frames: FrameReader,
    /// Number of bytes of frames that the network has, at least in part. Under a secret, it has all frames of the records
    /// that were sealed together as soon as it has taken the first byte of them.
    transmitted: u64,
}

/// How frames become bytes.
#[cfg_attr(feature = "proof", derive(Clone))]
#[derive(Debug)]
enum Channel {
    Plain(Plain),
    Secret(Box<Sealed>),
}

impl Link {
    /// Maximum length in bytes of a frame that is copied rather than shared.
    pub(crate) const SHORT: usize = 4 * 1024;

    /// A connection without encryption. `max_frame` bounds the frames that are accepted, in bytes.
    pub fn plain(role: Role, max_frame: usize) -> Self {
        Self {
            channel: Channel::Plain(Plain::new(role)),
            frames: FrameReader::new(max_frame),
            transmitted: 0,
        }
    }

    /// A connection under a secret. `entropy` must come from the operating system and serve this connection only.
    pub fn secret(
        role: Role,
        secret: &Secret,
        service: &str,
        entropy: Entropy,
        max_frame: usize,
    ) -> Self {
        let channel = match role {
            Role::Client => SecureChannel::client(secret, service, entropy),
            Role::Server => SecureChannel::server(secret, service, entropy),
        };
        let channel = Channel::Secret(Box::new(Sealed::new(channel)));
        Self {
            channel,
            frames: FrameReader::new(max_frame),
            transmitted: 0,
        }
    }

    /// As if `records` records with `blocks` blocks had gone each way.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, records: u64, blocks: u64) {
        if let Channel::Secret(sealed) = &mut self.channel {
            sealed.skip_to(records, blocks);
        }
    }

    /// Changes how long a frame may be, from the next one on.
    pub(crate) fn set_max_frame(&mut self, max_frame: usize) {
        self.frames.set_limit(max_frame);
    }

    /// Takes bytes from the network, cut in any way. Records are opened where they lie, so the content of `bytes` is
    /// unspecified afterwards.
    #[inline]
    pub fn handle_buffer(&mut self, bytes: &mut [u8]) -> Result<(), LinkError> {
        match &mut self.channel {
            Channel::Plain(plain) => self.frames.push(plain.take_preamble(bytes)?),
            Channel::Secret(sealed) => {
                if let Some(partial) = self.frames.begin_partial() {
                    sealed.take_begun(partial);
                }
                sealed.open(bytes, |data| self.frames.push(data))?;
            }
        }
        Ok(())
    }

    /// Like [`handle_buffer`](Self::handle_buffer), for bytes that must not change: records are copied.
    pub fn handle_input(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        match &mut self.channel {
            Channel::Plain(plain) => self.frames.push(plain.take_preamble(bytes)?),
            Channel::Secret(_) => self.handle_buffer(&mut bytes.to_vec())?,
        }
        Ok(())
    }

    /// Takes a long frame of which a part has come, for a reader that appends the rest to it. Nothing else may be taken from
    /// the network until it is [given back](Self::put_partial).
    #[inline]
    pub(crate) fn take_partial(&mut self) -> Option<PartialFrame> {
        match &mut self.channel {
            Channel::Plain(_) => self.frames.take_partial(),
            Channel::Secret(sealed) => {
                let partial = self.frames.begin_partial()?;
                sealed
                    .read_into(partial)
                    .then(|| self.frames.take_partial())?
            }
        }
    }

    /// Returns true if a part of a long frame has come.
    #[inline]
    pub(crate) fn has_partial(&mut self) -> bool {
        self.frames.begin_partial().is_some()
    }

    /// The beginning of a long frame of which a part has come, if it has not been [explained](Self::explain) yet.
    #[inline]
    pub(crate) fn unexplained(&mut self) -> Option<&[u8]> {
        self.frames.begin_partial()?.unexplained()
    }

    /// Explains the values of this frame; see [`PartialFrame::explain`].
    pub(crate) fn explain(&mut self, probe: Option<Probe>, values_at: usize) {
        if let Some(partial) = self.frames.begin_partial() {
            if let Channel::Secret(sealed) = &mut self.channel {
                sealed.take_begun(partial);
            }
            partial.explain(probe, values_at);
        }
    }

    /// Takes back a frame with more of its bytes. Under a secret, opens the records that were read into it.
    pub(crate) fn put_partial(&mut self, mut partial: PartialFrame) -> Result<(), LinkError> {
        if let Channel::Secret(sealed) = &mut self.channel {
            sealed.open_in(&mut partial)?;
        }
        self.frames.put_partial(partial);
        Ok(())
    }

    /// The next complete frame.
    #[inline(always)]
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, LinkError> {
        if let Channel::Secret(sealed) = &self.channel {
            sealed.check()?;
        }
        Ok(self.frames.next_frame()?)
    }

    /// What the client shows when it comes back; nothing in the clear, and before the handshake is over.
    pub fn ticket(&self) -> Option<Ticket> {
        match &self.channel {
            Channel::Plain(_) => None,
            Channel::Secret(sealed) => sealed.ticket(),
        }
    }

    /// What the client has shown, while its proof of the secret is waited for; nothing at any other time.
    pub fn presented(&self) -> Option<Ticket> {
        match &self.channel {
            Channel::Plain(_) => None,
            Channel::Secret(sealed) => sealed.presented(),
        }
    }

    /// Takes the end of the stream from the network. Returns what it means for the connection.
    pub fn handle_eof(&mut self) -> LinkError {
        match &mut self.channel {
            Channel::Plain(plain) if !plain.has_been_greeted() => {
                return LinkError::Lost("the other end closed it before saying anything".into());
            }
            Channel::Plain(_) => {}
            Channel::Secret(sealed) => {
                let was_established = sealed.is_established();
                match sealed.handle_eof() {
                    Ok(()) => {}
                    Err(ChannelError::Truncated) if was_established => {
                        return LinkError::Lost(
                            "it ended without the authenticated close: the other end died, or something cut it".into(),
                        );
                    }
                    Err(ChannelError::Truncated) => {
                        return LinkError::Lost("the other end closed it in the handshake".into());
                    }
                    Err(error) => return error.into(),
                }
            }
        }
        match self.frames.finish() {
            Ok(()) => LinkError::Lost("the other end closed it".into()),
            // However far the last frame came: this is a lost connection, not a peer that cannot make frames.
            Err(error) => LinkError::Lost(error.to_string()),
        }
    }

    /// True while the peer was given this end's proof of the secret and has not given its own. However the connection
    /// ends then, [`handle_eof`](Self::handle_eof) is to be asked what that means.
    pub(crate) fn awaits_proof(&self) -> bool {
        match &self.channel {
            Channel::Plain(_) => false,
            Channel::Secret(sealed) => sealed.awaits_proof(),
        }
    }

    /// Queues a frame. Returns the position in the stream at which it starts.
    pub(crate) fn send(&mut self, frame: impl Into<OutgoingFrame>) -> u64 {
        let start = self.end();
        match &mut self.channel {
            Channel::Plain(plain) => plain.send(frame.into()),
            Channel::Secret(sealed) => sealed.send(frame.into()),
        }
        start
    }

    /// Queues a copy of a short frame. Returns the position in the stream at which it starts.
    #[inline]
    pub(crate) fn send_copy(&mut self, frame: &[u8]) -> u64 {
        let start = self.end();
        match &mut self.channel {
            Channel::Plain(plain) => plain.send_copy(frame),
            Channel::Secret(sealed) => sealed.send_copy(frame),
        }
        start
    }

    /// The position in the stream behind all frames that were queued.
    #[inline]
    fn end(&self) -> u64 {
        self.transmitted
            + match &self.channel {
                Channel::Plain(plain) => plain.backlog(),
                Channel::Secret(sealed) => sealed.unsent(),
            }
    }

    /// Queues the last frame, and says that nothing will follow.
    pub(crate) fn send_last(&mut self, frame: impl Into<OutgoingFrame>) {
        self.send(frame);
        if let Channel::Secret(sealed) = &mut self.channel {
            sealed.close();
        }
    }

    /// The next bytes for the network; empty when there are none. A frame is one write. Under a secret, what waits is sealed
    /// now.
    #[inline]
    pub fn transmit(&mut self) -> &[u8] {
        match &mut self.channel {
            Channel::Plain(plain) => plain.transmit(),
            Channel::Secret(sealed) => sealed.transmit(),
        }
    }

    /// Returns whether [`transmit`](Self::transmit) would return anything.
    pub(crate) fn has_output(&self) -> bool {
        match &self.channel {
            Channel::Plain(plain) => plain.backlog() > 0,
            Channel::Secret(sealed) => sealed.has_output(),
        }
    }

    /// Returns false if [`transmit`](Self::transmit) gives all that can be written at once.
    #[inline]
    pub(crate) fn has_more_pieces(&self) -> bool {
        match &self.channel {
            Channel::Plain(plain) => plain.has_more_pieces(),
            Channel::Secret(_) => false,
        }
    }

    /// Fills `slices` with the next bytes for the network, and returns how many of them were needed. The first one holds what
    /// [`transmit`](Self::transmit) gives.
    #[inline]
    pub(crate) fn transmit_vectored<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        match &mut self.channel {
            Channel::Plain(plain) => plain.transmit_vectored(slices),
            Channel::Secret(sealed) => match (slices, sealed.transmit()) {
                ([first, ..], bytes) if !bytes.is_empty() => {
                    *first = IoSlice::new(bytes);
                    1
                }
                _ => 0,
            },
        }
    }

    /// The network has taken the next `count` bytes: of [`transmit`](Self::transmit), and of what follows it.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.transmitted += match &mut self.channel {
            Channel::Plain(plain) => plain.consume(count),
            Channel::Secret(sealed) => sealed.consume(count),
        };
    }

    /// Takes the bytes that [`transmit`](Self::transmit) would give next, as if the network had taken them: for a thread
    /// that writes them later.
    pub(crate) fn take_output(&mut self) -> Option<Bytes> {
        let (piece, taken) = match &mut self.channel {
            Channel::Plain(plain) => {
                let piece = plain.take_output()?;
                let len = piece.len() as u64;
                (piece, len)
            }
            Channel::Secret(sealed) => sealed.take_output()?,
        };
        self.transmitted += taken;
        Some(piece)
    }

    /// True if the network may have any byte from position `start` on.
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
        if let Channel::Plain(plain) = &self.channel {
            plain.digest_into(hasher);
            std::hash::Hash::hash(self.frames.buffered(), hasher);
        }
    }

    /// How many bytes wait for the network.
    #[inline]
    pub(crate) fn backlog(&self) -> u64 {
        match &self.channel {
            Channel::Plain(plain) => plain.backlog(),
            Channel::Secret(sealed) => sealed.backlog(),
        }
    }

    /// Returns false if the network is so far behind that a message that can be left out should be.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog() < MAX_BACKLOG
    }
}

/// Number of bytes to read at once at first. Most calls are shorter, and zeroing a large buffer takes as long as
/// connecting on a fast network.
pub const FIRST_READ_SIZE: usize = 512;
/// Number of bytes to read at once at most: one record, which can then be opened where it lies. The rest of a long
/// frame is not read to a buffer.
pub const READ_SIZE: usize = SecureChannel::FULL_RECORD;

/// Makes room for more bytes, after a read that has filled its buffer.
pub fn grow_read_buffer(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.len().saturating_mul(16).min(READ_SIZE), 0);
}

/// Maximum number of bytes that may wait for the network before messages that can be left out are dropped.
const MAX_BACKLOG: u64 = 64 * 1024;
