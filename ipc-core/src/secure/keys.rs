//! Derives all keys of the channel from the intermediate key and the transcript.

use hmac::{Hmac, KeyInit, Mac};
use sha2::digest::FixedOutput;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Ticket;
use super::cpace::{self, Bound, SecretBytes, zeroed};
use crate::wire::preamble::{Preamble, Role};

/// Names the construction in the channel identifier: other protocols with the same secret get other generators. The cipher
/// is not part of it: both preambles name it, and all keys depend on them.
const SUITE_NAME: &[u8] = b"lipc/1 CPACE-RISTR255-SHA512 HKDF-SHA512";

/// Length of a confirmation tag in bytes.
pub(super) const TAG: usize = 64;

/// A proof that its sender knows the secret.
pub(super) type Tag = [u8; TAG];

/// The first message of either end: `preamble ‖ nonce[16] ‖ share[32]`.
#[derive(Clone, Copy)]
pub(super) struct Message([u8; Message::LEN]);

impl Message {
    pub(super) const LEN: usize = 56;

    pub(super) fn new(preamble: Preamble, nonce: &[u8; 16], share: &[u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&preamble.encode());
        bytes[8..24].copy_from_slice(nonce);
        bytes[24..].copy_from_slice(share);
        Self(bytes)
    }

    pub(super) fn received(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    pub(super) fn share(&self) -> [u8; 32] {
        let mut share = [0; 32];
        share.copy_from_slice(&self.0[24..]);
        share
    }

    fn nonce(&self) -> [u8; 16] {
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&self.0[Ticket::PLACE]);
        nonce
    }

    fn bound(&self) -> Bound<'_> {
        Bound {
            share: &self.0[24..],
            data: &self.0[..24],
        }
    }
}

/// The keys of one connection, once both ends have proven that they know the secret. Wiped when dropped.
pub(super) struct Keys {
    pub(super) c2s: SecretBytes<32>,
    pub(super) s2c: SecretBytes<32>,
    pub(super) exporter: SecretBytes<32>,
}

/// The result of the two first messages, not yet confirmed by either proof. Wiped when dropped.
pub(super) struct Agreement {
    client: Message,
    server: Message,
    isk: SecretBytes<64>,
    /// The proofs of the client and of the server.
    proofs: [SecretBytes<TAG>; 2],
}

impl Agreement {
    pub(super) fn new(k: &[u8; 32], client: Message, server: Message) -> Self {
        let isk = cpace::intermediate_key(b"", k, client.bound(), server.bound());
        let mac_key = keyed(&cpace::mac_key(b"", &isk));
        let proof = |message: &Message| mac(&mac_key, &[&message.bound().confirmation()]);
        Self {
            client,
            server,
            proofs: [proof(&client), proof(&server)],
            isk,
        }
    }

    /// Returns the proof of `role`.
    pub(super) fn proof(&self, role: Role) -> &Tag {
        let [client, server] = &self.proofs;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    /// Returns whether `tag` is the proof of `role`, in constant time.
    pub(super) fn is_proof(&self, role: Role, tag: &Tag) -> bool {
        self.proof(role).ct_eq(tag).into()
    }

    /// Returns the client's nonce, which may be a ticket.
    pub(super) fn presented(&self) -> Ticket {
        Ticket::received(self.client.nonce())
    }

    /// Derives the keys, bound to all 240 bytes of the handshake.
    pub(super) fn keys(&self) -> Keys {
        let transcript = Sha512::new()
            .chain_update(self.client.bytes())
            .chain_update(self.server.bytes())
            .chain_update(self.proof(Role::Client))
            .chain_update(self.proof(Role::Server))
            .finalize();
        let prk = keyed(&extract(&transcript.into(), &**self.isk));
        Keys {
            c2s: expand(&prk, b"lipc/1 c2s"),
            s2c: expand(&prk, b"lipc/1 s2c"),
            exporter: expand(&prk, b"lipc/1 exporter"),
        }
    }
}

/// Returns what both ends must agree on besides the secret: the construction and the name of the service.
pub(super) fn channel_identifier(service: &str) -> Vec<u8> {
    let mut identifier = Vec::new();
    cpace::prefixed(&mut identifier, SUITE_NAME);
    cpace::prefixed(&mut identifier, service.as_bytes());
    identifier
}

/// Derives the ticket for the client's next connection from the exporter of this one.
pub(super) fn ticket(exporter: &[u8; 32]) -> Ticket {
    // HMAC pads its keys with zeros.
    let key: &mut [u8; 64] = &mut Zeroizing::new([0; 64]);
    key[..32].copy_from_slice(exporter);
    let mut ticket = [0; Ticket::LEN];
    let output: &[u8; 64] = &hmac(key, &[b"lipc/1 ticket"]);
    ticket.copy_from_slice(&output[..Ticket::LEN]);
    Ticket::received(ticket)
}

pub(super) fn hmac(key: &[u8; 64], text: &[&[u8]]) -> SecretBytes<64> {
    mac(&keyed(key), text)
}

/// HMAC with this key, for several texts: half of the work for a short text is for the key. Wiped when dropped.
pub(super) fn keyed(key: &[u8; 64]) -> Hmac<Sha512> {
    // HMAC pads a shorter key with zeros to one block. A key of exactly one block is never refused.
    let block: &mut [u8; 128] = &mut Zeroizing::new([0; 128]);
    block[..64].copy_from_slice(key);
    Hmac::new((&*block).into())
}

fn mac(keyed: &Hmac<Sha512>, text: &[&[u8]]) -> SecretBytes<64> {
    let mut mac = keyed.clone();
    for part in text {
        mac.update(part);
    }
    let mut output = zeroed();
    let place: &mut [u8; 64] = &mut output;
    mac.finalize_into(place.into());
    output
}

/// HKDF-Extract with SHA-512.
pub(super) fn extract(salt: &[u8; 64], ikm: &[u8]) -> SecretBytes<64> {
    hmac(salt, &[ikm])
}

/// HKDF-Expand with SHA-512, limited to the 32 bytes that are needed: the first half of the first block.
pub(super) fn expand(prk: &Hmac<Sha512>, info: &[u8]) -> SecretBytes<32> {
    let block: &[u8; 64] = &mac(prk, &[info, &[1]]);
    let mut key = zeroed();
    key.copy_from_slice(&block[..32]);
    key
}
