//! Two ends and the wire between them, in memory.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use ipc_core::secure::{ChannelError, Entropy, Secret, SecureChannel};
use sha2::{Digest, Sha512};

/// A client and a server that have not spoken yet.
pub struct Pair {
    pub client: SecureChannel,
    pub server: SecureChannel,
}

impl Pair {
    /// Each end with its secret and its service name.
    pub fn new(client: (&str, &str), server: (&str, &str), seed: &str) -> Self {
        let entropy = |role| draw(&format!("{role} {seed}"));
        Self {
            client: SecureChannel::client(&secret(client.0), client.1, entropy("client")),
            server: SecureChannel::server(&secret(server.0), server.1, entropy("server")),
        }
    }

    /// After the handshake.
    pub fn established(seed: &str) -> Self {
        let mut pair = Self::new(("waktu", "bench"), ("waktu", "bench"), seed);
        for _ in 0..2 {
            pair.client_to_server().unwrap();
            pair.server_to_client().unwrap();
        }
        assert!(pair.client.is_established() && pair.server.is_established());
        pair
    }

    pub fn client_to_server(&mut self) -> Result<Vec<u8>, ChannelError> {
        carry(&mut self.client, &mut self.server)
    }

    pub fn server_to_client(&mut self) -> Result<Vec<u8>, ChannelError> {
        carry(&mut self.server, &mut self.client)
    }
}

/// Moves what one end has to send to the other, where it must not mean application bytes; gives the bytes.
fn carry(from: &mut SecureChannel, to: &mut SecureChannel) -> Result<Vec<u8>, ChannelError> {
    let bytes = outgoing(from);
    let (result, plaintext) = feed(to, &bytes);
    assert_eq!(plaintext, b"");
    result.map(|()| bytes)
}

/// Hands bytes to a channel; gives its verdict and the application bytes.
pub fn feed(channel: &mut SecureChannel, input: &[u8]) -> (Result<(), ChannelError>, Vec<u8>) {
    let mut plaintext = Vec::new();
    let result = channel.handle_input(input, &mut plaintext);
    (result, plaintext)
}

/// Takes everything that a channel wants to send.
pub fn outgoing(channel: &mut SecureChannel) -> Vec<u8> {
    let bytes = channel.transmit().to_vec();
    channel.consume(bytes.len());
    bytes
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// Entropy that a test can repeat.
pub fn draw(seed: &str) -> Entropy {
    let mut bytes = [0; Entropy::LEN];
    let halves = ["0", "1"].map(|part| Sha512::digest([seed, part].concat()));
    for (byte, drawn) in bytes.iter_mut().zip(halves.iter().flatten()) {
        *byte = *drawn;
    }
    Entropy::new(bytes)
}

/// `n` bytes without a pattern that could hide a shift.
pub fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i ^ (i >> 8) ^ (i >> 13)) as u8).collect()
}
