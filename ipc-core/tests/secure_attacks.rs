//! Everything an attacker between or in place of the ends can do to a handshake: refused, with no application byte
//! delivered.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

mod common;

use common::{Pair, draw, feed, outgoing, secret};
use ipc_core::secure::{ChannelError, SecureChannel};
use ipc_core::wire::preamble::{PreambleError, Role};

/// What one end makes of bytes that it must not believe: the error, and nothing else.
fn refused(channel: &mut SecureChannel, input: &[u8]) -> ChannelError {
    let (result, plaintext) = feed(channel, input);
    assert_eq!(plaintext, b"");
    assert!(!channel.is_established());
    let error = result.unwrap_err();
    assert_eq!(feed(channel, b"").0, Err(error.clone()), "errors stay");
    assert_eq!(channel.handle_eof(), Err(error.clone()));
    assert_eq!(channel.send(b"x"), Err(error.clone()));
    error
}

#[test]
fn the_wrong_secret_is_refused_at_the_first_proof_and_nothing_is_said() {
    for (client, server) in [("waktu", "air"), ("air", "waktu"), ("waktu", "waktu ")] {
        let mut pair = Pair::new((client, ""), (server, ""), "wrong secret");
        pair.client_to_server().unwrap();
        pair.server_to_client().unwrap();
        let ta = outgoing(&mut pair.client);
        assert_eq!(ta.len(), 64);
        assert_eq!(refused(&mut pair.server, &ta), ChannelError::WrongSecret);
        assert_eq!(pair.server.transmit(), b"");
        assert_eq!(pair.client.handle_eof(), Err(ChannelError::NotConfirmed));
    }
}

#[test]
fn a_wrong_secret_and_a_wrong_service_look_the_same_to_both_ends() {
    let outcome = |client, server| {
        let mut pair = Pair::new(client, server, "which");
        pair.client_to_server().unwrap();
        pair.server_to_client().unwrap();
        let ta = outgoing(&mut pair.client);
        let error = refused(&mut pair.server, &ta).to_string();
        let sent = outgoing(&mut pair.server);
        (error, sent, pair.client.handle_eof())
    };
    let of_secret = outcome(("waktu", "pump"), ("air", "pump"));
    let of_service = outcome(("waktu", "pump"), ("waktu", "signal"));
    assert_eq!(of_secret, of_service);
    assert!(of_secret.0.contains("secret") && of_secret.0.contains("service"));
}

#[test]
fn a_false_server_is_refused_by_the_client() {
    let mut pair = Pair::new(("waktu", ""), ("air", ""), "false server");
    pair.client_to_server().unwrap();
    pair.server_to_client().unwrap();
    let ta = outgoing(&mut pair.client);
    // The best it can send without the secret: something of the right length, such as what it was sent.
    assert_eq!(refused(&mut pair.client, &ta), ChannelError::WrongSecret);
    assert_eq!(pair.client.transmit(), b"");
}

#[test]
fn a_mirror_is_refused() {
    let mut client = SecureChannel::client(&secret("waktu"), "", draw("mirror"));
    let m1 = outgoing(&mut client);
    assert_eq!(
        refused(&mut client, &m1),
        ChannelError::Preamble(PreambleError::SameRole(Role::Client))
    );
}

#[test]
fn a_mirror_that_also_turns_the_role_byte_is_refused() {
    let mut client = SecureChannel::client(&secret("waktu"), "", draw("mirror"));
    let mut m1 = outgoing(&mut client);
    m1[6] = b'S';
    feed(&mut client, &m1).0.unwrap();
    let ta = outgoing(&mut client);
    assert_eq!(ta.len(), 64);
    assert_eq!(refused(&mut client, &ta), ChannelError::WrongSecret);
}

#[test]
fn a_recorded_client_cannot_be_replayed() {
    let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "recorded");
    let m1 = pair.client_to_server().unwrap();
    pair.server_to_client().unwrap();
    let ta = pair.client_to_server().unwrap();
    pair.server_to_client().unwrap();
    pair.client.send(b"set_output 1").unwrap();
    let command = outgoing(&mut pair.client);

    let mut server = SecureChannel::server(&secret("waktu"), "", draw("another server"));
    feed(&mut server, &m1).0.unwrap();
    outgoing(&mut server);
    let rest = [ta, command].concat();
    assert_eq!(refused(&mut server, &rest), ChannelError::WrongSecret);
    assert_eq!(server.transmit(), b"");
}

#[test]
fn a_client_relayed_to_another_service_is_refused() {
    let mut pair = Pair::new(("waktu", "pump"), ("waktu", "signal"), "relay");
    pair.client_to_server().unwrap();
    pair.server_to_client().unwrap();
    let ta = outgoing(&mut pair.client);
    assert_eq!(refused(&mut pair.server, &ta), ChannelError::WrongSecret);
}

#[test]
fn two_sessions_cannot_be_spliced() {
    let shared = ("waktu", "");
    // Each of the messages of one handshake comes from the other, in turn.
    for foreign in 0..4 {
        let mut one = Pair::new(shared, shared, "one");
        let mut two = Pair::new(shared, shared, "two");
        let mut outcome = Ok(());
        for step in 0..4 {
            let [(from, to), (other_from, other_to)] = if step % 2 == 0 {
                [
                    (&mut one.client, &mut one.server),
                    (&mut two.client, &mut two.server),
                ]
            } else {
                [
                    (&mut one.server, &mut one.client),
                    (&mut two.server, &mut two.client),
                ]
            };
            let own = outgoing(from);
            let other = outgoing(other_from);
            let (result, plaintext) = feed(to, if step == foreign { &other } else { &own });
            assert_eq!(plaintext, b"");
            feed(other_to, &other).0.unwrap();
            outcome = outcome.and(result);
        }
        assert_eq!(outcome, Err(ChannelError::WrongSecret), "message {foreign}");
        assert!(!(one.client.is_established() && one.server.is_established()));
        assert!(two.client.is_established() && two.server.is_established());
    }
}

#[test]
fn records_of_one_session_do_not_open_in_another() {
    let mut one = Pair::established("one");
    let mut two = Pair::established("two");
    one.client.send(b"to one").unwrap();
    let record = outgoing(&mut one.client);
    assert_eq!(
        refused(&mut two.server, &record),
        ChannelError::CorruptRecord { number: 0 }
    );
}

#[test]
fn a_record_does_not_open_at_the_end_that_sent_it() {
    let mut pair = Pair::established("reflection");
    pair.client.send(b"on").unwrap();
    let record = outgoing(&mut pair.client);
    assert_eq!(
        refused(&mut pair.client, &record),
        ChannelError::CorruptRecord { number: 0 }
    );
}

#[test]
fn every_flipped_bit_of_the_handshake_is_refused() {
    let sizes = [56, 56, 64, 64];
    let mut flipped = 0;
    for (step, size) in sizes.into_iter().enumerate() {
        for bit in 0..size * 8 {
            refused_by_one_and_useless_to_the_other(step, bit);
            flipped += 1;
        }
    }
    assert_eq!(flipped, 240 * 8);
}

/// Runs a handshake with one bit changed on the way, each end sending a command as soon as it can. Nothing may arrive.
///
/// Which end refuses depends on the bit: a changed nonce of the server, for one, shows in the client's proof.
fn refused_by_one_and_useless_to_the_other(step: usize, bit: usize) {
    let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "flip");
    let mut refusals = 0;
    for i in 0..6 {
        let (from, to) = if i % 2 == 0 {
            (&mut pair.client, &mut pair.server)
        } else {
            (&mut pair.server, &mut pair.client)
        };
        if from.is_established() {
            from.send(b"command").unwrap();
        }
        let mut message = outgoing(from);
        if i == step {
            message[bit / 8] ^= 1 << (bit % 8);
        }
        let (result, plaintext) = feed(to, &message);
        assert_eq!(plaintext, b"", "message {step}, bit {bit}");
        refusals += usize::from(result.is_err());
    }
    assert!(refusals > 0, "message {step}, bit {bit}");
    assert!(!pair.client.is_established(), "message {step}, bit {bit}");
    // Only a server whose own proof was changed on its way out believes in the client, and it hears nothing from it.
    assert_eq!(pair.server.is_established(), step == 3);
    assert!(pair.client.handle_eof().is_err() && pair.server.handle_eof().is_err());
}

#[test]
fn invalid_shares_are_refused_before_anything_is_proven() {
    let identity = [0; 32];
    let not_canonical = [0xff; 32];
    for share in [identity, not_canonical] {
        let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "share");
        let mut m1 = outgoing(&mut pair.client);
        m1[24..].copy_from_slice(&share);
        assert_eq!(refused(&mut pair.server, &m1), ChannelError::InvalidShare);
        assert_eq!(pair.server.transmit(), b"");

        let mut m2 = m1.clone();
        m2[6] = b'S';
        assert_eq!(refused(&mut pair.client, &m2), ChannelError::InvalidShare);
        assert_eq!(pair.client.transmit(), b"");
    }
}
