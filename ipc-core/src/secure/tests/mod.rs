//! Tests that need access to private items, and their shared functions.

mod dictionary;
mod frozen;
mod primitives;
mod records;
mod speed;
mod within;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use sha2::{Digest, Sha512};

use super::aead::{Aead, TAG};
use super::{Entropy, Secret, SecureChannel};
use crate::wire::preamble::{Cipher, Ciphers};

/// The ciphers, each with the set by which both ends agree on it.
pub(super) const CIPHERS: [(Cipher, Ciphers); 2] = [
    (Cipher::ChaCha20Poly1305, Ciphers::CHACHA20_POLY1305),
    (Cipher::Aes256Gcm, Ciphers::ALL),
];

/// AES-256-GCM in portable Rust, to compare with the implementation that connections use.
pub(super) struct PortableAes(Aes256Gcm);

impl Aead for PortableAes {
    fn new(cipher: Cipher, key: &[u8; 32]) -> Option<Self> {
        (cipher == Cipher::Aes256Gcm).then(|| Self(Aes256Gcm::new(key.into())))
    }

    fn seal(&self, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; TAG]> {
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), ad, text.into());
        tag.ok().map(Into::into)
    }

    fn open(
        &self,
        nonce: [u8; 12],
        ad: &[u8],
        text: &mut [u8],
        start: usize,
        tag: &[u8; TAG],
    ) -> bool {
        text.copy_within(start.., 0);
        let len = text.len() - start;
        let text = &mut text[..len];
        self.0
            .decrypt_inout_detached(&nonce.into(), ad, text.into(), tag.into())
            .is_ok()
    }
}

/// Returns repeatable entropy: an extended hash of `seed`.
pub(super) fn entropy(seed: &str) -> [u8; Entropy::LEN] {
    let mut bytes = [0; Entropy::LEN];
    let halves = ["0", "1"].map(|part| Sha512::digest([seed, part].concat()));
    for (byte, drawn) in bytes.iter_mut().zip(halves.iter().flatten()) {
        *byte = *drawn;
    }
    bytes
}

/// Takes all bytes that `channel` has to send.
pub(super) fn outgoing(channel: &mut SecureChannel) -> Vec<u8> {
    let bytes = channel.transmit().to_vec();
    channel.consume(bytes.len());
    bytes
}

/// Runs a handshake of two honest ends that have ChaCha20-Poly1305. Returns the channels, and m1, m2, Ta, Tb.
pub(super) fn handshake(
    secret: &str,
    service: &str,
    seed: &str,
) -> (SecureChannel, SecureChannel, [Vec<u8>; 4]) {
    handshake_with(Ciphers::CHACHA20_POLY1305, secret, service, seed)
}

/// Runs a handshake of two honest ends that have `ciphers`.
pub(super) fn handshake_with(
    ciphers: Ciphers,
    secret: &str,
    service: &str,
    seed: &str,
) -> (SecureChannel, SecureChannel, [Vec<u8>; 4]) {
    let secret = Secret::new(secret).unwrap().with_ciphers(ciphers);
    let draw = |role| Entropy::new(entropy(&format!("{role} {seed}")));
    let mut client = SecureChannel::client(&secret, service, draw("client"));
    let mut server = SecureChannel::server(&secret, service, draw("server"));
    let mut none = Vec::new();
    let m1 = outgoing(&mut client);
    server.handle_input(&m1, &mut none).unwrap();
    let m2 = outgoing(&mut server);
    client.handle_input(&m2, &mut none).unwrap();
    let ta = outgoing(&mut client);
    server.handle_input(&ta, &mut none).unwrap();
    let tb = outgoing(&mut server);
    client.handle_input(&tb, &mut none).unwrap();
    assert!(client.is_established() && server.is_established() && none.is_empty());
    (client, server, [m1, m2, ta, tb])
}

/// The bytes of a hexadecimal string in a vector file.
pub(super) fn hex(text: &serde_json::Value) -> Vec<u8> {
    unhex(text.as_str().unwrap())
}

/// The bytes of a hexadecimal string; blanks and line ends are skipped.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// The hexadecimal digits of `bytes`.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file of vectors.
pub(super) fn vectors(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}
