//! The handshake: preambles, shares, proofs. One state machine serves both ends, which differ only in who sends first.
//!
//! ```text
//! client                                server
//!   m1 = preamble ‖ nonce ‖ Ya   ─────▶              56 bytes
//!                                ◀─────  m2          56 bytes
//!   Ta                           ─────▶              64 bytes: the client proves first
//!                                ◀─────  Tb          64 bytes: only if Ta was right
//! ```

use super::cpace::Share;
use super::keys::{Agreement, Keys, Message, TAG, Tag};
use super::{ChannelError, Entropy, Secret, Ticket, aead};
use crate::wire::preamble::{Cipher, Ciphers, MAGIC, Preamble, PreambleError, Role, Suite};

/// One end of the handshake. Keeps at most 64 bytes from the peer.
pub(super) struct Handshake {
    role: Role,
    /// The ciphers that this end has.
    ciphers: Ciphers,
    nonce: [u8; 16],
    share: Share,
    /// This end's first message, once it is in the outbox.
    sent: Option<Message>,
    inbox: Vec<u8>,
    expected: Expected,
}

enum Expected {
    /// The first 8 bytes of the peer's first message.
    Preamble,
    /// All 56 bytes of the peer's first message, whose preamble leads to this cipher.
    Message(Cipher),
    /// The peer's proof.
    Proof(Box<Agreement>, Cipher),
}

impl Handshake {
    /// Creates the client's end and appends its first message to `outbox`.
    #[inline(never)]
    pub(super) fn client(
        secret: &Secret,
        service: &str,
        entropy: &Entropy,
        outbox: &mut Vec<u8>,
    ) -> Box<Self> {
        let mut handshake = Self::new(Role::Client, secret, service, entropy);
        let offered = handshake.ciphers;
        handshake.first_message(offered, outbox);
        handshake
    }

    /// Creates the server's end, which waits for the client's first message.
    #[inline(never)]
    pub(super) fn server(secret: &Secret, service: &str, entropy: &Entropy) -> Box<Self> {
        Self::new(Role::Server, secret, service, entropy)
    }

    fn new(role: Role, secret: &Secret, service: &str, entropy: &Entropy) -> Box<Self> {
        Box::new(Self {
            role,
            ciphers: ciphers_under(secret),
            nonce: entropy.nonce,
            share: Share::new(secret.generator(service), &entropy.seed),
            sent: None,
            inbox: Vec::with_capacity(TAG),
            expected: Expected::Preamble,
        })
    }

    /// Takes bytes off the front of `input`, no more than the handshake needs, and appends replies to `outbox`.
    /// Returns the cipher and the keys once both ends have proven that they know the secret.
    ///
    /// # Errors
    ///
    /// Every error ends the handshake. The bytes in `outbox` are all that the peer may then be sent.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        outbox: &mut Vec<u8>,
    ) -> Result<Option<(Cipher, Keys)>, ChannelError> {
        while self.fill(input) {
            match &self.expected {
                Expected::Preamble => {
                    let cipher = self.judge_preamble(outbox)?;
                    self.expected = Expected::Message(cipher);
                }
                Expected::Message(cipher) => {
                    let cipher = *cipher;
                    let agreement = self.agree(cipher, outbox)?;
                    self.inbox.clear();
                    self.expected = Expected::Proof(Box::new(agreement), cipher);
                }
                Expected::Proof(agreement, cipher) => {
                    let proof: &Tag = take(&self.inbox)?;
                    if !agreement.is_proof(self.role.peer(), proof) {
                        return Err(ChannelError::WrongSecret);
                    }
                    if self.role == Role::Server {
                        outbox.extend_from_slice(agreement.proof(Role::Server));
                    }
                    return Ok(Some((*cipher, agreement.keys())));
                }
            }
        }
        // The first four bytes tell whether the peer speaks this protocol at all. A foreign peer may never send eight.
        match (&self.expected, self.inbox.first_chunk::<4>()) {
            (Expected::Preamble, Some(magic)) if *magic != MAGIC => {
                Err(PreambleError::NotThisProtocol(*magic).into())
            }
            _ => Ok(None),
        }
    }

    /// Returns the bytes in the place of the client's nonce, while the server waits for its proof.
    pub(super) fn presented(&self) -> Option<Ticket> {
        match &self.expected {
            Expected::Proof(agreement, _) if self.role == Role::Server => {
                Some(agreement.presented())
            }
            _ => None,
        }
    }

    /// Returns the error for a peer whose stream ends at this point.
    pub(super) fn end_of_input(&self) -> ChannelError {
        match self.awaits_proof() {
            true => ChannelError::NotConfirmed,
            false => ChannelError::Truncated,
        }
    }

    /// Returns whether this end has sent its proof and not yet received the peer's. The client proves first.
    pub(super) fn awaits_proof(&self) -> bool {
        self.role == Role::Client && matches!(self.expected, Expected::Proof(..))
    }

    /// Moves bytes from `input` to the inbox. Returns whether it now holds all that is expected.
    fn fill(&mut self, input: &mut &[u8]) -> bool {
        let wanted = match self.expected {
            Expected::Preamble => Preamble::LEN,
            Expected::Message(_) => Message::LEN,
            Expected::Proof(..) => TAG,
        };
        let missing = wanted.saturating_sub(self.inbox.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.inbox.extend_from_slice(taken);
        *input = rest;
        self.inbox.len() == wanted
    }

    /// Returns the cipher to which the peer's preamble leads.
    fn judge_preamble(&self, outbox: &mut Vec<u8>) -> Result<Cipher, ChannelError> {
        let refusal = match Preamble::decode(*take(&self.inbox)?, self.role) {
            Ok(preamble) if preamble.suite == Suite::Secret => {
                match preamble.agreed_cipher(self.ciphers) {
                    Ok(cipher) => return Ok(cipher),
                    Err(error) => error.into(),
                }
            }
            Ok(_) => ChannelError::PeerHasNoSecret,
            Err(error) => error.into(),
        };
        // Reply with the preamble of this end, but only to peers that sent the magic bytes. A client has already sent
        // its preamble.
        let stranger = matches!(
            refusal,
            ChannelError::Preamble(PreambleError::NotThisProtocol(_))
        );
        if !stranger && self.sent.is_none() {
            outbox.extend_from_slice(&self.preamble(Ciphers::NONE).encode());
        }
        Err(refusal)
    }

    fn agree(&mut self, cipher: Cipher, outbox: &mut Vec<u8>) -> Result<Agreement, ChannelError> {
        let theirs = Message::received(*take(&self.inbox)?);
        let k = self.share.agree(&theirs.share());
        let k = k.ok_or(ChannelError::InvalidShare)?;
        Ok(match self.role {
            Role::Client => {
                let ours = self.sent.unwrap_or(theirs);
                let agreement = Agreement::new(&k, ours, theirs);
                outbox.extend_from_slice(agreement.proof(Role::Client));
                agreement
            }
            Role::Server => {
                let ours = self.first_message(Ciphers::only(cipher), outbox);
                Agreement::new(&k, theirs, ours)
            }
        })
    }

    fn first_message(&mut self, ciphers: Ciphers, outbox: &mut Vec<u8>) -> Message {
        let preamble = self.preamble(ciphers);
        let message = Message::new(preamble, &self.nonce, &self.share.public());
        outbox.extend_from_slice(message.bytes());
        self.sent = Some(message);
        message
    }

    fn preamble(&self, ciphers: Ciphers) -> Preamble {
        Preamble {
            ciphers,
            ..Preamble::new(Suite::Secret, self.role)
        }
    }
}

/// Returns the ciphers of this end for connections under `secret`.
fn ciphers_under(secret: &Secret) -> Ciphers {
    match secret.ciphers() {
        Some(ciphers) => ciphers.and(aead::IMPLEMENTED),
        None => aead::ciphers(),
    }
}

/// Returns the inbox, just completed by `fill`, as an array.
fn take<const N: usize>(inbox: &[u8]) -> Result<&[u8; N], ChannelError> {
    inbox.try_into().map_err(|_| ChannelError::Truncated)
}
