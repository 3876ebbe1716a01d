//! What a client with a secret reveals to a server.

use ipc_core::Secret;
use ipc_core::secure::{Entropy, SecureChannel};

use super::*;
use crate::retry::Retry;

pub(super) const SECRET: &str = "the shared secret";

pub(super) fn forever() -> ClientBuilder {
    client().secret(SECRET).retry(Retry::forever())
}

pub(super) fn server(secret: &str) -> SecureChannel {
    let secret = Secret::new(secret).unwrap();
    let entropy = Entropy::gather(getrandom::fill).unwrap();
    SecureChannel::server(&secret, "", entropy)
}

pub(super) fn answer(channel: &mut SecureChannel, said: &[u8]) -> Vec<u8> {
    // Fails on a wrong proof, which does not matter here.
    let _ = channel.handle_input(said, &mut Vec::new());
    let said = channel.transmit().to_vec();
    channel.consume(said.len());
    said
}

/// If a server answers in the clear, the client sends its first message and nothing else, however often it connects.
#[test]
fn a_client_with_a_secret_never_speaks_in_the_clear() {
    let mut scene = Scene::new(forever());
    for _ in 0..20 {
        scene.await_try();
        scene.connect();
        let said = scene.says();
        assert_eq!((said.len(), &said[..7]), (56, &b"LIPC\x01\x01C"[..]));
        scene.hears(b"LIPC\x01\x00S\0");
        assert_eq!(scene.says(), b"");
        assert!(scene.ended, "it is told that the server has no secret");
        scene.call();
    }
    // After a connection that broke during that answer, it says no more either.
    for part in 0..8 {
        scene.await_try();
        scene.connect();
        assert_eq!(scene.says()[..7], b"LIPC\x01\x01C"[..]);
        scene.hears(&b"LIPC\x01\x00S\0"[..part]);
        assert_eq!(scene.says(), b"");
        scene.loses(Ok(0));
        assert!(!scene.ended);
    }
}

#[test]
fn every_connection_has_its_own_nonce_and_share() {
    let mut scene = Scene::new(forever());
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for _ in 0..10 {
        scene.await_try();
        scene.connect();
        let said = scene.says();
        scene.loses(Ok(0));
        for before in &seen {
            assert_ne!(before[8..24], said[8..24], "the nonce");
            assert_ne!(before[24..], said[24..], "the share");
        }
        seen.push(said);
    }
}

#[test]
fn a_replayed_server_is_refused() {
    let mut scene = Scene::new(forever());
    scene.await_try();
    scene.connect();
    let mut channel = server(SECRET);
    let said = scene.says();
    let share = answer(&mut channel, &said);
    scene.hears(&share);
    let said = scene.says();
    let proof = answer(&mut channel, &said);
    scene.hears(&proof);
    assert!(!scene.says().is_empty(), "the hello");
    scene.loses(Ok(0));

    scene.await_try();
    scene.connect();
    scene.says();
    scene.hears(&share);
    scene.says();
    scene.hears(&proof);
    assert_eq!(scene.says(), b"");
    assert!(scene.engine.is_disconnected());
}

#[test]
fn the_patience_of_the_client_holds_in_the_greeting() {
    let patience = Duration::from_secs(3);
    for builder in [client(), client().secret(SECRET)] {
        let mut scene = Scene::new(builder.patience(patience));
        scene.await_try();
        scene.connect();
        scene.now += patience - Duration::from_millis(1);
        scene.settle();
        assert!(!scene.engine.is_disconnected());
        scene.now += Duration::from_millis(1);
        scene.settle();
        assert!(scene.engine.is_disconnected());
    }
}
