//! Two ends and the wire between them, in memory.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use ipc_core::secure::{ChannelError, Entropy, Secret, SecureChannel};
use ipc_core::wire::preamble::{Cipher, Ciphers};
use sha2::{Digest, Sha512};

/// The ciphers of the implementation under test, each with the set by which two ends agree on it.
pub const CIPHERS: &[(Cipher, Ciphers)] = match cfg!(feature = "ring") {
    true => &[CHACHA, (Cipher::Aes256Gcm, Ciphers::ALL)],
    false => &[CHACHA],
};

const CHACHA: (Cipher, Ciphers) = (Cipher::ChaCha20Poly1305, Ciphers::CHACHA20_POLY1305);

/// A client and a server that have not spoken yet.
pub struct Pair {
    pub client: SecureChannel,
    pub server: SecureChannel,
}

impl Pair {
    /// Each end with its secret and its service name. Both have ChaCha20-Poly1305.
    pub fn new(client: (&str, &str), server: (&str, &str), seed: &str) -> Self {
        Self::with_ciphers([Ciphers::CHACHA20_POLY1305; 2], client, server, seed)
    }

    /// A client and a server that have these ciphers.
    pub fn with_ciphers(
        ciphers: [Ciphers; 2],
        client: (&str, &str),
        server: (&str, &str),
        seed: &str,
    ) -> Self {
        let entropy = |role| draw(&format!("{role} {seed}"));
        let secret = |text, ciphers| Secret::new(text).unwrap().with_ciphers(ciphers);
        let [of_client, of_server] = ciphers;
        let (of_client, of_server) = (secret(client.0, of_client), secret(server.0, of_server));
        Self {
            client: SecureChannel::client(&of_client, client.1, entropy("client")),
            server: SecureChannel::server(&of_server, server.1, entropy("server")),
        }
    }

    /// After the handshake, under ChaCha20-Poly1305.
    pub fn established(seed: &str) -> Self {
        Self::established_with(CIPHERS[0], seed)
    }

    /// After the handshake, under one of [`CIPHERS`].
    pub fn established_with((cipher, ciphers): (Cipher, Ciphers), seed: &str) -> Self {
        let shared = ("waktu", "bench");
        let mut pair = Self::with_ciphers([ciphers; 2], shared, shared, seed);
        for _ in 0..2 {
            pair.client_to_server().unwrap();
            pair.server_to_client().unwrap();
        }
        for end in [&pair.client, &pair.server] {
            assert!(end.is_established() && end.cipher() == Some(cipher));
        }
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

/// The secret of an end that has ChaCha20-Poly1305 alone.
pub fn secret(text: &str) -> Secret {
    let secret = Secret::new(text).unwrap();
    secret.with_ciphers(Ciphers::CHACHA20_POLY1305)
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
