//! What a client with a secret lets a server know, and how often.

use ipc_core::Secret;
use ipc_core::secure::{Entropy, SecureChannel};

use super::*;
use crate::retry::Retry;

pub(super) const SECRET: &str = "a word of ours";

pub(super) fn forever() -> ClientBuilder {
    client().secret(SECRET).retry(Retry::forever())
}

pub(super) fn server(secret: &str) -> SecureChannel {
    let secret = Secret::new(secret).unwrap();
    let entropy = Entropy::gather(getrandom::fill).unwrap();
    SecureChannel::server(&secret, "", entropy)
}

pub(super) fn answer(channel: &mut SecureChannel, said: &[u8]) -> Vec<u8> {
    // A wrong proof is an error, and not of interest here.
    let _ = channel.handle_input(said, &mut Vec::new());
    drain(channel, SecureChannel::transmit, SecureChannel::consume)
}

/// A server answers in the clear: the client says its first message and nothing else, whenever it comes back.
#[test]
fn who_has_a_secret_never_speaks_in_the_clear() {
    let mut stage = Stage::new(forever());
    for _ in 0..20 {
        stage.await_try();
        stage.connect();
        let said = stage.says();
        assert_eq!((said.len(), &said[..8]), (56, &b"LIPC\x01\x01C\x01"[..]));
        stage.hears(b"LIPC\x01\x00S\0");
        assert_eq!(stage.says(), b"");
        assert!(stage.ended, "it is told that the server has no secret");
        stage.call();
    }
    // A connection that breaks in the middle of this says no more the next time.
    for part in 0..8 {
        stage.await_try();
        stage.connect();
        assert_eq!(stage.says()[..8], b"LIPC\x01\x01C\x01"[..]);
        stage.hears(&b"LIPC\x01\x00S\0"[..part]);
        assert_eq!(stage.says(), b"");
        stage.loses(Ok(0));
        assert!(!stage.ended);
    }
}

#[test]
fn every_connection_has_its_own_nonce_and_share() {
    let mut stage = Stage::new(forever());
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for _ in 0..10 {
        stage.await_try();
        stage.connect();
        let said = stage.says();
        stage.loses(Ok(0));
        for before in &seen {
            assert_ne!(before[8..24], said[8..24], "the nonce");
            assert_ne!(before[24..], said[24..], "the share");
        }
        seen.push(said);
    }
}

#[test]
fn a_replayed_server_is_refused() {
    let mut stage = Stage::new(forever());
    stage.await_try();
    stage.connect();
    let mut channel = server(SECRET);
    let said = stage.says();
    let share = answer(&mut channel, &said);
    stage.hears(&share);
    let said = stage.says();
    let proof = answer(&mut channel, &said);
    stage.hears(&proof);
    assert!(!stage.says().is_empty(), "the hello");
    stage.loses(Ok(0));

    stage.await_try();
    stage.connect();
    stage.says();
    stage.hears(&share);
    stage.says();
    stage.hears(&proof);
    assert_eq!(stage.says(), b"");
    assert!(stage.engine.is_disconnected());
}

#[test]
fn the_patience_of_the_client_holds_in_the_greeting() {
    let patience = Duration::from_secs(3);
    for builder in [client(), client().secret(SECRET)] {
        let mut stage = Stage::new(builder.patience(patience));
        stage.await_try();
        stage.connect();
        stage.now += patience - Duration::from_millis(1);
        stage.settle();
        assert!(!stage.engine.is_disconnected());
        stage.now += Duration::from_millis(1);
        stage.settle();
        assert!(stage.engine.is_disconnected());
    }
}
