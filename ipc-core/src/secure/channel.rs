//! The secure channel: the handshake, then the records.

use std::{fmt, mem};

use bytes::{BufMut, Bytes};

use super::cpace::SecretBytes;
use super::handshake::Handshake;
use super::record::{self, Opener, Sealer, directions};
use super::{ChannelError, Entropy, Secret, Ticket, keys};
use crate::wire::preamble::{Cipher, PreambleError, Role};

/// One end of an authenticated, encrypted byte stream, without any input or output of its own.
///
/// Pass received bytes to [`handle_input`](Self::handle_input), write the bytes of [`transmit`](Self::transmit) to the
/// socket, and report what was written with [`consume`](Self::consume). Call [`close`](Self::close) before closing the
/// connection; otherwise the peer cannot tell the end from an attack.
///
/// - No application byte is sent before the peer has proven that it knows the secret. Only bytes that the peer sent on
///   this connection are delivered, in the order in which it sent them.
/// - How the input is cut into pieces makes no difference.
/// - Before the peer has proven that it knows the secret, at most 64 of its bytes are kept and nothing is allocated on
///   its behalf. Afterwards at most one record is kept, up to 65,537 bytes. The outbox holds what was sent and not
///   consumed.
/// - There are no timeouts here. The caller decides how long to wait for the peer.
///
/// After a fatal error, every call returns that error. [`transmit`](Self::transmit) may then still hold the eight bytes
/// that tell a peer of another version, or one without a secret, what this end speaks: send them, then close the
/// connection.
pub struct SecureChannel {
    role: Role,
    state: ChannelState,
    outbox: Outbox,
}

enum ChannelState {
    Handshake(Box<Handshake>),
    Established(Box<Established>),
    Failed(ChannelError),
}

struct Established {
    cipher: Cipher,
    sealer: Sealer,
    opener: Opener,
    exporter: SecretBytes<32>,
}

/// Bytes to be sent, contiguous so that one write takes all of them.
#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    consumed: usize,
}

impl SecureChannel {
    /// Size in bytes of the records that this end fills.
    pub const FULL_RECORD: usize = record::FULL;

    /// Amount of data in such a record, in bytes.
    pub const FULL_RECORD_DATA: usize = record::FULL_DATA;

    /// Creates the connecting end. Its first message is ready to transmit.
    ///
    /// `service` names the service that the client wants to reach, for hosts that run several services under one
    /// secret: a client that was relayed to another service is refused. Both ends must pass the same name, which may be
    /// empty.
    pub fn client(secret: &Secret, service: &str, entropy: Entropy) -> Self {
        let mut outbox = Outbox::default();
        let handshake = Handshake::client(secret, service, &entropy, &mut outbox.bytes);
        overwrite_dead_frames();
        Self {
            role: Role::Client,
            state: ChannelState::Handshake(handshake),
            outbox,
        }
    }

    /// Creates the accepting end. Its input begins with the first byte of the connection, the client's preamble.
    ///
    /// See [`client`](Self::client) for `service`.
    pub fn server(secret: &Secret, service: &str, entropy: Entropy) -> Self {
        let handshake = Handshake::server(secret, service, &entropy);
        overwrite_dead_frames();
        Self {
            role: Role::Server,
            state: ChannelState::Handshake(handshake),
            outbox: Outbox::default(),
        }
    }

    /// Continues as if both directions had carried `records` records with `blocks` blocks. Both ends must do this.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, records: u64, blocks: u64) {
        if let ChannelState::Established(open) = &mut self.state {
            open.sealer.skip_to(records, blocks);
            open.opener.skip_to(records, blocks);
        }
    }

    /// Creates a channel that is already closed.
    #[cfg(feature = "proof")]
    pub(crate) fn over() -> Self {
        Self {
            role: Role::Client,
            state: ChannelState::Failed(ChannelError::Closed),
            outbox: Outbox::default(),
        }
    }

    /// Takes all of `input`, bytes from the peer, and appends the application bytes that they carry to `plaintext`.
    ///
    /// # Errors
    ///
    /// Every error is fatal and is returned by every further call. The bytes appended before it are authentic. The
    /// caller transmits what is left in the outbox (the preamble of this end, or nothing) and closes the connection.
    pub fn handle_input(
        &mut self,
        input: &[u8],
        plaintext: &mut impl BufMut,
    ) -> Result<(), ChannelError> {
        self.handle_buffer(&mut input.to_vec(), |data| plaintext.put_slice(data))
    }

    /// Like [`handle_input`](Self::handle_input), without copies: records that `input` holds whole are decrypted where they
    /// lie, and `deliver` is called with the data of each. The content of `input` is unspecified afterwards.
    ///
    /// # Errors
    ///
    /// As for [`handle_input`](Self::handle_input).
    pub fn handle_buffer(
        &mut self,
        mut input: &mut [u8],
        deliver: impl FnMut(&[u8]),
    ) -> Result<(), ChannelError> {
        if let ChannelState::Handshake(_) = &self.state {
            let taken = self.shake_hands(input);
            input = input.get_mut(taken..).unwrap_or_default();
            overwrite_dead_frames();
        }
        match &mut self.state {
            ChannelState::Established(open) => match open.opener.read(input, deliver) {
                Ok(()) => Ok(()),
                Err(error) => Err(self.fail(error)),
            },
            ChannelState::Failed(error) => Err(error.clone()),
            ChannelState::Handshake(_) => Ok(()),
        }
    }

    /// Returns the beginning of a record of which the rest has not come, for a caller that takes it out and reads the rest to
    /// behind it; see [`open_within`](Self::open_within). `None` if the channel is not established.
    pub(crate) fn begun(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.state {
            ChannelState::Established(open) => Some(open.opener.held_mut()),
            ChannelState::Handshake(_) | ChannelState::Failed(_) => None,
        }
    }

    /// Opens records that the caller has read to where their data belongs, beginning with what was taken out of
    /// [`begun`](Self::begun). `memory` is one byte, which stays as it is, followed by the records. The data is moved to
    /// behind the first byte, and the beginning of a record that is cut off to behind the data. Returns the lengths of both.
    ///
    /// # Errors
    ///
    /// As for [`handle_input`](Self::handle_input). The content of `memory` is then unspecified.
    pub(crate) fn open_within(
        &mut self,
        memory: &mut [u8],
    ) -> Result<(usize, usize), ChannelError> {
        let result = match &mut self.state {
            ChannelState::Established(open) => open.opener.read_within(memory),
            ChannelState::Handshake(_) => Err(ChannelError::NotEstablished),
            ChannelState::Failed(error) => return Err(error.clone()),
        };
        result.map_err(|error| self.fail(error))
    }

    /// Reports the end of the peer's stream.
    ///
    /// # Errors
    ///
    /// [`Truncated`](ChannelError::Truncated) unless the peer's authenticated close has arrived; during the handshake
    /// possibly [`NotConfirmed`](ChannelError::NotConfirmed). An earlier error is returned again.
    pub fn handle_eof(&mut self) -> Result<(), ChannelError> {
        let error = match &self.state {
            ChannelState::Established(open) if open.opener.is_closed() => return Ok(()),
            ChannelState::Established(_) => ChannelError::Truncated,
            ChannelState::Handshake(handshake) => handshake.end_of_input(),
            ChannelState::Failed(error) => return Err(error.clone()),
        };
        Err(self.fail(error))
    }

    /// Returns whether both ends have proven that they know the secret, and no error has occurred since.
    pub fn is_established(&self) -> bool {
        matches!(self.state, ChannelState::Established(_))
    }

    /// Returns whether this end has sent its proof and not yet received the peer's. A peer that does not know the
    /// secret can then test one guess against the proof, however the connection ends.
    pub fn awaits_proof(&self) -> bool {
        matches!(&self.state, ChannelState::Handshake(handshake) if handshake.awaits_proof())
    }

    /// Returns whether the peer's authenticated close has arrived. The peer sends nothing more, but still reads.
    pub fn is_closed_by_peer(&self) -> bool {
        matches!(&self.state, ChannelState::Established(open) if open.opener.is_closed())
    }

    /// Seals `plaintext` into the outbox, in records of 64 KiB and one for the rest. A record adds 19 bytes to its data.
    /// Boundaries between calls are not preserved: the peer sees one stream.
    ///
    /// # Errors
    ///
    /// [`NotEstablished`](ChannelError::NotEstablished) during the handshake, [`Closed`](ChannelError::Closed) after
    /// [`close`](Self::close), [`Exhausted`](ChannelError::Exhausted) if the keys have protected the maximum number of
    /// records (receiving and closing still work), and the fatal error if there was one. On an error, nothing is
    /// queued.
    pub fn send(&mut self, plaintext: &[u8]) -> Result<(), ChannelError> {
        self.send_parts([plaintext], plaintext.len())
    }

    /// Like [`send`](Self::send), for plaintext that lies in several places and has `len` bytes in all.
    pub(crate) fn send_parts<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a [u8]>,
        len: usize,
    ) -> Result<(), ChannelError> {
        match &mut self.state {
            ChannelState::Established(open) => open.sealer.data(parts, len, &mut self.outbox.bytes),
            ChannelState::Handshake(_) => Err(ChannelError::NotEstablished),
            ChannelState::Failed(error) => Err(error.clone()),
        }
    }

    /// Queues the authenticated close, from which the peer knows that it has received everything. This end can still
    /// receive.
    ///
    /// Does nothing if it was called before, before the channel is established, and after an error.
    pub fn close(&mut self) {
        if let ChannelState::Established(open) = &mut self.state {
            open.sealer.close(&mut self.outbox.bytes);
        }
    }

    /// Returns the bytes to be sent.
    pub fn transmit(&self) -> &[u8] {
        self.outbox
            .bytes
            .get(self.outbox.consumed..)
            .unwrap_or_default()
    }

    /// Removes the first `n` bytes of [`transmit`](Self::transmit) after they were sent, or all if there are fewer.
    pub fn consume(&mut self, n: usize) {
        self.outbox.consume(n);
    }

    /// Takes all bytes of [`transmit`](Self::transmit).
    pub(crate) fn take_output(&mut self) -> Bytes {
        let outbox = mem::take(&mut self.outbox);
        let mut bytes = Bytes::from(outbox.bytes);
        bytes.split_off(outbox.consumed)
    }

    /// Returns the cipher of the records; `None` before the channel is established and after an error.
    pub fn cipher(&self) -> Option<Cipher> {
        match &self.state {
            ChannelState::Established(open) => Some(open.cipher),
            ChannelState::Handshake(_) | ChannelState::Failed(_) => None,
        }
    }

    /// Returns 32 bytes that only the two ends of this connection know, for binding other data to it. They are
    /// independent of the record keys. `None` before the channel is established and after an error.
    pub fn exporter(&self) -> Option<&[u8; 32]> {
        match &self.state {
            ChannelState::Established(open) => Some(&open.exporter),
            ChannelState::Handshake(_) | ChannelState::Failed(_) => None,
        }
    }

    /// Returns the ticket for the client's next connection: see [`Entropy::with_ticket`]. `None` before the channel is
    /// established and after an error.
    pub fn ticket(&self) -> Option<Ticket> {
        self.exporter().map(keys::ticket)
    }

    /// Returns the bytes that the client sent in the place of a ticket, while the server waits for the client's proof;
    /// `None` at any other time.
    pub fn presented(&self) -> Option<Ticket> {
        match &self.state {
            ChannelState::Handshake(handshake) => handshake.presented(),
            ChannelState::Established(_) | ChannelState::Failed(_) => None,
        }
    }

    /// Returns whether the keys have protected more than half of what they may, in either direction. The caller should
    /// then move to a new connection, before [`send`](Self::send) fails.
    pub fn is_worn(&self) -> bool {
        match &self.state {
            ChannelState::Established(open) => {
                open.sealer.is_past_half() || open.opener.is_past_half()
            }
            ChannelState::Handshake(_) | ChannelState::Failed(_) => false,
        }
    }

    /// Continues the handshake with `input`, and returns how many of its bytes belong to it. Not inlined, so that its stack
    /// frames are dead when [`overwrite_dead_frames`] runs.
    #[inline(never)]
    fn shake_hands(&mut self, input: &[u8]) -> usize {
        let ChannelState::Handshake(handshake) = &mut self.state else {
            return 0;
        };
        let mut rest = input;
        match handshake.read(&mut rest, &mut self.outbox.bytes) {
            Ok(None) => {}
            Ok(Some((cipher, keys))) => {
                self.state = match directions(self.role, cipher, &keys) {
                    Some((sealer, opener)) => ChannelState::Established(Box::new(Established {
                        cipher,
                        sealer,
                        opener,
                        exporter: keys.exporter,
                    })),
                    // Unreachable: an end agrees only on ciphers that it has.
                    None => ChannelState::Failed(PreambleError::NoCommonCipher(0).into()),
                };
            }
            Err(error) => self.state = ChannelState::Failed(error),
        }
        input.len() - rest.len()
    }

    /// Drops the keys and the bytes that were not sent yet.
    fn fail(&mut self, error: ChannelError) -> ChannelError {
        self.state = ChannelState::Failed(error.clone());
        self.outbox = Outbox::default();
        error
    }
}

/// Overwrites the part of the stack that the handshake used (best effort). Group arithmetic and cipher set-up leave
/// copies of secrets in frames that have returned, where no destructor reaches them.
#[inline(never)]
fn overwrite_dead_frames() {
    // `black_box` keeps the compiler from optimising the array away. Wiping it with `zeroize` as well would write byte by
    // byte, which takes longer than some steps of the handshake. A constant expression would not be on the stack.
    let mut frames = [0_u8; 16 << 10];
    std::hint::black_box(&mut frames);
}

impl fmt::Debug for SecureChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            ChannelState::Handshake(_) => "handshake",
            ChannelState::Established(_) => "established",
            ChannelState::Failed(_) => "failed",
        };
        f.debug_struct("SecureChannel")
            .field("role", &self.role)
            .field("state", &state)
            .field("cipher", &self.cipher())
            .field("to_transmit", &self.transmit().len())
            .finish()
    }
}

impl Outbox {
    fn consume(&mut self, n: usize) {
        self.consumed = self.consumed.saturating_add(n);
        if self.consumed >= self.bytes.len() {
            self.bytes.clear();
            self.consumed = 0;
        } else if self.consumed > self.bytes.len() / 2 {
            // The bytes to move are fewer than those removed, so each byte is moved at most once on average.
            self.bytes.drain(..self.consumed);
            self.consumed = 0;
        }
    }
}
