//! The bodies of the fuzz targets, shared with `tests/tests/fuzz_corpus.rs`, which runs them over the kept corpus in
//! every ordinary test run.

#[path = "long_calls.rs"]
pub(crate) mod long_calls;

use ipc_core::secure::{ChannelError, Entropy, Secret, SecureChannel};
use ipc_core::wire::preamble::Ciphers;

/// The ciphers are given, whatever the computer has: the corpus holds honest messages and records.
fn secret(ciphers: Ciphers) -> Secret {
    let secret = Secret::new("waktu").expect("not empty");
    secret.with_ciphers(ciphers)
}

fn client_with(ciphers: Ciphers) -> SecureChannel {
    SecureChannel::client(&secret(ciphers), "", Entropy::new([1; Entropy::LEN]))
}

fn server_with(ciphers: Ciphers) -> SecureChannel {
    SecureChannel::server(&secret(ciphers), "", Entropy::new([2; Entropy::LEN]))
}

fn client() -> SecureChannel {
    client_with(Ciphers::CHACHA20_POLY1305)
}

fn server() -> SecureChannel {
    server_with(Ciphers::CHACHA20_POLY1305)
}

fn outgoing(channel: &mut SecureChannel) -> Vec<u8> {
    let bytes = channel.transmit().to_vec();
    channel.consume(bytes.len());
    bytes
}

/// Returns two ends after the handshake.
fn established(ciphers: Ciphers) -> (SecureChannel, SecureChannel) {
    let (mut client, mut server) = (client_with(ciphers), server_with(ciphers));
    let mut none = Vec::new();
    for _ in 0..2 {
        let there = outgoing(&mut client);
        server.handle_input(&there, &mut none).expect("honest");
        let back = outgoing(&mut server);
        client.handle_input(&back, &mut none).expect("honest");
    }
    (client, server)
}

/// Feeds `input` whole and byte by byte. The result, the plaintext and the reply must be the same.
fn whole_and_in_pieces(
    make: impl Fn() -> SecureChannel,
    input: &[u8],
) -> (Result<(), ChannelError>, Vec<u8>, Vec<u8>) {
    let mut channel = make();
    let mut plaintext = Vec::new();
    let whole = channel.handle_input(input, &mut plaintext);

    let mut other = make();
    let mut other_plaintext = Vec::new();
    let mut pieces = Ok(());
    for byte in input {
        pieces = other.handle_input(&[*byte], &mut other_plaintext);
    }
    assert_eq!(whole, pieces);
    assert_eq!(plaintext, other_plaintext);
    assert_eq!(channel.transmit(), other.transmit());
    if whole.is_err() {
        assert_eq!(channel.handle_eof(), whole);
    }
    (whole, plaintext, outgoing(&mut channel))
}

/// Sends any first bytes to a server. It replies at most to each complete message and delivers nothing.
pub(crate) fn preamble(input: &[u8]) {
    let (result, plaintext, answer) = whole_and_in_pieces(server, input);
    assert!(plaintext.is_empty());
    match result {
        // 120: the corpus holds the proof that belongs to this server's entropy.
        Ok(()) => assert!([0, 56, 120].contains(&answer.len())),
        Err(ChannelError::WrongSecret) => assert_eq!(answer.len(), 56),
        Err(_) => assert!(answer.is_empty() || answer.len() == 8),
    }
}

/// Sends any first bytes to a client, and any proof to a server after an honest first message.
pub(crate) fn handshake(input: &[u8]) {
    let after_own = || {
        let mut client = client();
        outgoing(&mut client);
        client
    };
    let (_, plaintext, answer) = whole_and_in_pieces(after_own, input);
    assert!(plaintext.is_empty());
    assert!(answer.is_empty() || answer.len() == 64);

    let after_first = || {
        let mut server = server();
        let m1 = outgoing(&mut client());
        server.handle_input(&m1, &mut Vec::new()).expect("honest");
        outgoing(&mut server);
        server
    };
    let (_, plaintext, answer) = whole_and_in_pieces(after_first, input);
    assert!(plaintext.is_empty());
    assert!(answer.is_empty() || answer.len() == 64);
}

/// Sends any bytes in place of records. Only data that the other end has sealed is delivered.
pub(crate) fn records(input: &[u8]) {
    for ciphers in [Ciphers::CHACHA20_POLY1305, Ciphers::ALL] {
        let after_handshake = || established(ciphers).1;
        let (_, plaintext, answer) = whole_and_in_pieces(after_handshake, input);
        assert!(answer.is_empty());
        // The ends are the same in every run, so that the corpus can contain honest records; it contains these two under
        // either cipher.
        assert!(b"*IDN?\nread 20\n".starts_with(&plaintext));
    }
}

/// Honest inputs for the corpus, one for each target: `(target, name, bytes)`.
#[allow(dead_code)]
pub(crate) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (mut a, mut b) = (client(), server());
    let mut none = Vec::new();
    let m1 = outgoing(&mut a);
    b.handle_input(&m1, &mut none).expect("honest");
    let m2 = outgoing(&mut b);
    a.handle_input(&m2, &mut none).expect("honest");
    let ta = outgoing(&mut a);
    b.handle_input(&ta, &mut none).expect("honest");
    let tb = outgoing(&mut b);
    a.handle_input(&tb, &mut none).expect("honest");
    let (mut aes, _) = established(Ciphers::ALL);
    for end in [&mut a, &mut aes] {
        end.send(b"*IDN?\n").expect("established");
        end.send(b"read 20\n").expect("established");
        end.close();
    }
    let mut seeds = long_calls::seeds();
    seeds.extend([
        ("preamble", "plain-client", b"LIPC\x01\x00C\x00".to_vec()),
        ("preamble", "newer-client", b"LIPC\x02\x01C\x00".to_vec()),
        ("preamble", "http", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("preamble", "first-message", m1.clone()),
        (
            "preamble",
            "first-message-and-proof",
            [m1, ta.clone()].concat(),
        ),
        ("handshake", "plain-server", b"LIPC\x01\x00S\x00".to_vec()),
        ("handshake", "server", [m2, tb].concat()),
        ("handshake", "client-proof", ta),
        ("records", "two-and-close", outgoing(&mut a)),
        ("records", "two-and-close-aes", outgoing(&mut aes)),
        ("records", "shortest-length", vec![17, 0]),
        ("records", "longest-length", vec![255, 255, 0, 0, 0]),
    ]);
    seeds
}
