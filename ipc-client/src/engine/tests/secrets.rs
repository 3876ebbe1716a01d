//! What a client with a secret lets a server know, and how often.

use std::io;

use ipc_core::Secret;
use ipc_core::secure::{Entropy, SecureChannel};

use super::*;
use crate::retry::Retry;

const SECRET: &str = "a word of ours";

fn forever() -> ClientBuilder {
    client().secret(SECRET).retry(Retry::forever())
}

fn server(secret: &str) -> SecureChannel {
    let secret = Secret::new(secret).unwrap();
    let entropy = Entropy::gather(getrandom::fill).unwrap();
    SecureChannel::server(&secret, "", entropy)
}

fn answer(channel: &mut SecureChannel, said: &[u8]) -> Vec<u8> {
    // A wrong proof is an error, and not of interest here.
    let _ = channel.handle_input(said, &mut Vec::new());
    drain(channel, SecureChannel::transmit, SecureChannel::consume)
}

/// What a server does once it has the client's proof.
type Ending = fn(&mut Stage);

fn is_full(mut arrival: Arrival) -> Vec<u8> {
    arrival.refuse(ByeReason::Full, "too many");
    drain(&mut arrival, Arrival::transmit, Arrival::consume)
}

const ENDINGS: [(&str, Ending); 5] = [
    ("close", |stage| stage.loses(Ok(0))),
    ("reset", |stage| {
        stage.loses(Err(io::ErrorKind::ConnectionReset.into()));
    }),
    ("half a proof", |stage| {
        stage.hears(&[0; 10]);
        stage.loses(Ok(0));
    }),
    ("wrong proof", |stage| stage.hears(&[0; 64])),
    ("silence", |stage| {
        stage.now += Duration::from_secs(15);
        stage.settle();
    }),
];

/// One connection to a server that does not know the secret. Returns whether it was given a proof.
fn guess(stage: &mut Stage, ending: Ending) -> bool {
    stage.connect();
    let mut channel = server("a guess");
    let said = stage.says();
    stage.hears(&answer(&mut channel, &said));
    let given = stage.says().len() == 64;
    ending(stage);
    given
}

/// Those that reset the connection, or said half a proof or nothing, had as many guesses as they liked.
#[test]
fn a_false_server_has_four_guesses_and_then_one_a_minute() {
    for (name, ending) in ENDINGS {
        let mut stage = Stage::new(forever());
        let mut guesses = 0;
        while !stage.ended {
            stage.await_try();
            assert!(guess(&mut stage, ending), "{name}");
            guesses += 1;
            assert!(guesses < 100, "{name}");
        }
        assert_eq!(guesses, 4, "{name}");
        // Whoever calls again is told the same, and no proof is given away.
        for _ in 0..100 {
            stage.call();
            assert!(matches!(stage.engine.next_step(stage.now), Step::Settle));
            stage.settle();
            assert!(stage.ended, "{name}");
        }
        for _ in 0..3 {
            stage.now += Duration::from_secs(60);
            stage.call();
            stage.await_try();
            assert!(!stage.engine.guesses.are_barred(stage.now), "{name}");
            assert!(guess(&mut stage, ending), "{name}");
            assert!(stage.ended, "{name}");
            assert!(stage.engine.guesses.are_barred(stage.now), "{name}");
        }
    }
}

#[test]
fn guesses_are_counted_over_all_calls_until_the_server_proves_itself() {
    let link = || {
        let secret = Secret::new(SECRET).unwrap();
        let entropy = Entropy::gather(getrandom::fill).unwrap();
        Link::secret(Role::Server, &secret, "", entropy, 1 << 20)
    };
    for script in [queues as Script, is_full] {
        let mut stage = Stage::new(forever().retry(Retry::never()));
        for (name, ending) in ENDINGS.into_iter().take(4) {
            assert!(!stage.engine.guesses.are_spent(), "{name}");
            guess(&mut stage, ending);
            assert!(stage.ended, "{name}");
            stage.call();
        }
        assert!(stage.engine.guesses.are_spent());
        stage.now += Duration::from_secs(60);
        stage.await_try();
        stage.meets(link(), script, Duration::ZERO);
        assert!(!stage.engine.guesses.are_spent());
    }
}

/// A server answers in the clear: the client says its first message and nothing else, whenever it comes back.
#[test]
fn who_has_a_secret_never_speaks_in_the_clear() {
    let mut stage = Stage::new(forever());
    for _ in 0..20 {
        stage.await_try();
        stage.connect();
        let said = stage.says();
        assert_eq!((said.len(), &said[..8]), (56, &b"LIPC\x01\x01C\0"[..]));
        stage.hears(b"LIPC\x01\x00S\0");
        assert_eq!(stage.says(), b"");
        assert!(stage.ended, "it is told that the server has no secret");
        stage.call();
    }
    // A connection that breaks in the middle of this says no more the next time.
    for part in 0..8 {
        stage.await_try();
        stage.connect();
        assert_eq!(stage.says()[..8], b"LIPC\x01\x01C\0"[..]);
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
