//! The handshake and the records as one thing.

use std::fmt;

use bytes::BufMut;
use zeroize::Zeroize;

use super::cpace::Kept;
use super::handshake::Handshake;
use super::record::{self, Opener, Sealer, directions};
use super::{ChannelError, Entropy, Secret, Ticket, keys};
use crate::wire::preamble::Role;

/// One end of an authenticated, encrypted byte stream, without any input or output of its own.
///
/// Bytes that arrive go to [`handle_input`](Self::handle_input); bytes to be sent are in [`transmit`](Self::transmit)
/// until [`consume`](Self::consume) takes them away. The loop around it is always the same: write out what there is to
/// transmit, read, hand in, repeat. [`close`](Self::close) before the connection ends, or the other end must take it for
/// an attack.
///
/// - No application byte leaves before the peer has proven that it knows the secret, and none is delivered that the peer
///   did not send, in this order, on this connection.
/// - How the input is cut into pieces makes no difference.
/// - Before the peer has proven itself, at most 64 of its bytes are kept and nothing is allocated on its behalf; afterwards
///   one record, at most 65,537 bytes. The outbox holds what was sent and not consumed.
/// - Time limits are the caller's: a peer that sends nothing is waited for.
///
/// After a fatal error the channel only repeats it. [`transmit`](Self::transmit) may then still hold the eight bytes that
/// tell a peer of another version, or one without a secret, what this end speaks: send them, then close the connection.
pub struct SecureChannel {
    role: Role,
    state: State,
    outbox: Outbox,
}

enum State {
    Handshake(Box<Handshake>),
    Established(Box<Established>),
    Failed(ChannelError),
}

struct Established {
    sealer: Sealer,
    opener: Opener,
    exporter: Kept<32>,
}

/// Bytes on their way out: contiguous, so that one write takes all of them.
#[derive(Default)]
struct Outbox {
    bytes: Vec<u8>,
    consumed: usize,
}

impl SecureChannel {
    /// The most data that one record holds, in bytes.
    pub const MAX_DATA: usize = record::MAX_DATA;

    /// How many bytes [`send`](Self::send) makes of `plaintext` bytes.
    pub fn sealed_len(plaintext: usize) -> u64 {
        let records = plaintext.div_ceil(Self::MAX_DATA) as u64;
        plaintext as u64 + records * record::OVERHEAD as u64
    }

    /// The end that connects. Its first message is ready to transmit.
    ///
    /// `service` names what the client means to reach, for hosts that serve several things under one secret: a client
    /// relayed to another service is refused. Both ends must give the same bytes; an empty name is a name, too.
    pub fn client(secret: &Secret, service: &str, entropy: Entropy) -> Self {
        let mut outbox = Outbox::default();
        let handshake = Handshake::client(secret, service, &entropy, &mut outbox.bytes);
        overwrite_dead_frames();
        Self {
            role: Role::Client,
            state: State::Handshake(handshake),
            outbox,
        }
    }

    /// The end that accepts. Its input begins with the first byte of the connection: the client's preamble.
    ///
    /// See [`client`](Self::client) for `service`.
    pub fn server(secret: &Secret, service: &str, entropy: Entropy) -> Self {
        let handshake = Handshake::server(secret, service, &entropy);
        overwrite_dead_frames();
        Self {
            role: Role::Server,
            state: State::Handshake(handshake),
            outbox: Outbox::default(),
        }
    }

    /// As if both directions had carried `number` records. Both ends must do it.
    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, number: u64) {
        if let State::Established(open) = &mut self.state {
            open.sealer.skip_to(number);
            open.opener.skip_to(number);
        }
    }

    /// A channel that has come to its end before it began.
    #[cfg(feature = "proof")]
    pub(crate) fn over() -> Self {
        Self {
            role: Role::Client,
            state: State::Failed(ChannelError::Closed),
            outbox: Outbox::default(),
        }
    }

    /// Takes bytes from the peer, all of them, and appends the application bytes they carry to `plaintext`.
    ///
    /// # Errors
    ///
    /// Every error is fatal and comes again at every further call. What was appended before it is authentic. The caller
    /// transmits what is left in the outbox (a refusal, or nothing) and closes the connection without another word.
    pub fn handle_input(
        &mut self,
        mut input: &[u8],
        plaintext: &mut impl BufMut,
    ) -> Result<(), ChannelError> {
        if let State::Handshake(_) = &self.state {
            self.shake_hands(&mut input);
            overwrite_dead_frames();
        }
        match &mut self.state {
            State::Established(open) => match open.opener.read(input, plaintext) {
                Ok(()) => Ok(()),
                Err(error) => Err(self.fail(error)),
            },
            State::Failed(error) => Err(error.clone()),
            State::Handshake(_) => Ok(()),
        }
    }

    /// Learns that no more bytes will come from the peer.
    ///
    /// # Errors
    ///
    /// [`Truncated`](ChannelError::Truncated) unless the peer's authenticated close has come; during the handshake
    /// possibly [`NotConfirmed`](ChannelError::NotConfirmed). An earlier error comes again.
    pub fn handle_eof(&mut self) -> Result<(), ChannelError> {
        let error = match &self.state {
            State::Established(open) if open.opener.is_closed() => return Ok(()),
            State::Established(_) => ChannelError::Truncated,
            State::Handshake(handshake) => handshake.end_of_input(),
            State::Failed(error) => return Err(error.clone()),
        };
        Err(self.fail(error))
    }

    /// Whether both ends have proven that they know the secret, and no error has come since.
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    /// Whether the peer was given this end's proof and has not given its own: a peer that does not know the secret can
    /// try one guess against the proof, however the connection ends.
    pub fn awaits_proof(&self) -> bool {
        matches!(&self.state, State::Handshake(handshake) if handshake.awaits_proof())
    }

    /// Whether the peer's authenticated close has come: it will send nothing more, but still reads.
    pub fn is_closed_by_peer(&self) -> bool {
        matches!(&self.state, State::Established(open) if open.opener.is_closed())
    }

    /// Seals `plaintext` into the outbox, in as few records as possible (65,518 bytes fit into one, each record adds 19).
    /// Boundaries between calls do not survive: the peer sees one stream.
    ///
    /// # Errors
    ///
    /// Nothing is queued then. [`NotEstablished`](ChannelError::NotEstablished) during the handshake,
    /// [`Closed`](ChannelError::Closed) after [`close`](Self::close), [`Exhausted`](ChannelError::Exhausted) when the
    /// keys are worn out (receiving and closing still work), and the fatal error if there was one.
    pub fn send(&mut self, plaintext: &[u8]) -> Result<(), ChannelError> {
        match &mut self.state {
            State::Established(open) => open.sealer.data(plaintext, &mut self.outbox.bytes),
            State::Handshake(_) => Err(ChannelError::NotEstablished),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// Queues the authenticated close: the peer will know that it has read everything. This end can still receive.
    ///
    /// Does nothing the second time, before the channel is established and after an error.
    pub fn close(&mut self) {
        if let State::Established(open) = &mut self.state {
            open.sealer.close(&mut self.outbox.bytes);
        }
    }

    /// All bytes that wait to be sent.
    pub fn transmit(&self) -> &[u8] {
        self.outbox
            .bytes
            .get(self.outbox.consumed..)
            .unwrap_or_default()
    }

    /// Takes away the first `n` bytes of [`transmit`](Self::transmit), because they are sent; all of them if `n` is more.
    pub fn consume(&mut self, n: usize) {
        self.outbox.consume(n);
    }

    /// 32 bytes that only the two ends of this connection know, for binding other things to it. They are independent of
    /// the record keys. Nothing before the channel is established and after an error.
    pub fn exporter(&self) -> Option<&[u8; 32]> {
        match &self.state {
            State::Established(open) => Some(&open.exporter),
            State::Handshake(_) | State::Failed(_) => None,
        }
    }

    /// The ticket that a client shows when it comes back: see [`Entropy::with_ticket`]. Nothing before the channel is
    /// established and after an error.
    pub fn ticket(&self) -> Option<Ticket> {
        self.exporter().map(keys::ticket)
    }

    /// What stands where a ticket would, while a server waits for its client's proof; nothing at any other time.
    pub fn presented(&self) -> Option<Ticket> {
        match &self.state {
            State::Handshake(handshake) => handshake.presented(),
            State::Established(_) | State::Failed(_) => None,
        }
    }

    /// How many records the busier direction has carried: [`MAX_RECORDS`](super::MAX_RECORDS) is the end, and the caller
    /// does well to move to a new connection before.
    pub fn records(&self) -> u64 {
        match &self.state {
            State::Established(open) => open.sealer.sent().max(open.opener.received()),
            State::Handshake(_) | State::Failed(_) => 0,
        }
    }

    /// Goes on with the handshake as far as `input` leads. A function of its own, not inlined, so that its frames are
    /// dead when [`overwrite_dead_frames`] comes.
    #[inline(never)]
    fn shake_hands(&mut self, input: &mut &[u8]) {
        let State::Handshake(handshake) = &mut self.state else {
            return;
        };
        match handshake.read(input, &mut self.outbox.bytes) {
            Ok(None) => {}
            Ok(Some(keys)) => {
                let (sealer, opener) = directions(self.role, &keys);
                self.state = State::Established(Box::new(Established {
                    sealer,
                    opener,
                    exporter: keys.exporter,
                }));
            }
            Err(error) => self.state = State::Failed(error),
        }
    }

    /// Forgets the keys and whatever was still to be sent.
    fn fail(&mut self, error: ChannelError) -> ChannelError {
        self.state = State::Failed(error.clone());
        self.outbox = Outbox::default();
        error
    }
}

/// Overwrites the part of the stack that the handshake used: group arithmetic and cipher set-up leave copies of secrets
/// in frames that have returned, where no destructor reaches them.
#[inline(never)]
fn overwrite_dead_frames() {
    let mut frames = [0_u8; 16 << 10];
    frames.zeroize();
    std::hint::black_box(&frames);
}

impl fmt::Debug for SecureChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Handshake(_) => "handshake",
            State::Established(_) => "established",
            State::Failed(_) => "failed",
        };
        f.debug_struct("SecureChannel")
            .field("role", &self.role)
            .field("state", &state)
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
            // The rest is shorter than what makes room for it: each byte is moved at most once on average.
            self.bytes.drain(..self.consumed);
            self.consumed = 0;
        }
    }
}
