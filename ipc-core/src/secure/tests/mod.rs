//! Tests that need access to private items, and their shared functions.

mod dictionary;
mod frozen;
mod primitives;
mod records;
mod speed;

use sha2::{Digest, Sha512};

use super::{Entropy, Secret, SecureChannel};

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

/// Runs a handshake of two honest ends. Returns the channels, and m1, m2, Ta, Tb.
pub(super) fn handshake(
    secret: &str,
    service: &str,
    seed: &str,
) -> (SecureChannel, SecureChannel, [Vec<u8>; 4]) {
    let secret = Secret::new(secret).unwrap();
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
