//! No downgrade: an end with a secret speaks and accepts nothing else, and says so to those who can understand it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

mod common;

use common::{CIPHERS, Pair, draw, feed, outgoing, secret};
use ipc_core::secure::{ChannelError, Secret, SecureChannel};
use ipc_core::wire::preamble::{Cipher, Ciphers, PreambleError, Role};

fn client() -> SecureChannel {
    SecureChannel::client(&secret("waktu"), "", draw("client"))
}

fn server() -> SecureChannel {
    SecureChannel::server(&secret("waktu"), "", draw("server"))
}

const OUR_PREAMBLE: &[u8] = b"LIPC\x01\x01S\x00";

#[test]
fn of_all_65536_versions_and_suites_one_is_accepted() {
    let honest = outgoing(&mut client());
    let mut accepted = Vec::new();
    for version in 0..=255 {
        for suite in 0..=255 {
            let mut m1 = honest.clone();
            (m1[4], m1[5]) = (version, suite);
            let mut server = server();
            let (result, plaintext) = feed(&mut server, &m1);
            assert_eq!(plaintext, b"");
            assert!(!server.is_established());
            match result {
                Ok(()) => accepted.push((version, suite)),
                Err(error) => {
                    assert_eq!(server.transmit(), OUR_PREAMBLE, "the refusal, and no more");
                    assert_eq!(error, expected(version, suite, b'C'));
                }
            }
        }
    }
    assert_eq!(accepted, [(1, 1)]);
}

#[test]
fn the_client_accepts_one_as_well_and_then_never_says_another_word() {
    let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "client");
    pair.client_to_server().unwrap();
    let honest = outgoing(&mut pair.server);
    let mut accepted = Vec::new();
    for version in 0..=255 {
        for suite in 0..=255 {
            let mut client = SecureChannel::client(&secret("waktu"), "", draw("client client"));
            outgoing(&mut client);
            let mut m2 = honest.clone();
            (m2[4], m2[5]) = (version, suite);
            // 8 bytes are enough for the verdict: a peer without a secret sends no more.
            let (result, plaintext) = feed(&mut client, &m2[..8]);
            assert_eq!((plaintext, client.transmit()), (vec![], &[][..]));
            match result {
                Ok(()) => accepted.push((version, suite)),
                Err(error) => assert_eq!(error, expected(version, suite, b'S')),
            }
        }
    }
    assert_eq!(accepted, [(1, 1)]);
}

fn expected(version: u8, suite: u8, role: u8) -> ChannelError {
    match (version, suite) {
        (1, _) => PreambleError::Undefined {
            suite,
            role,
            ciphers: 1,
        }
        .into(),
        _ => PreambleError::Version(version).into(),
    }
}

#[test]
fn strangers_are_told_nothing() {
    for hello in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        &[0; 600],
        b"lipc\x01\x01C\x00",
    ] {
        let mut server = server();
        let error = feed(&mut server, hello).0.unwrap_err();
        assert!(matches!(
            error,
            ChannelError::Preamble(PreambleError::NotThisProtocol(_))
        ));
        assert_eq!(server.transmit(), b"");
    }
}

#[test]
fn another_role_or_other_ciphers_are_refused_and_told() {
    for (at, byte) in [(6, b'S'), (6, b'c'), (6, 0), (7, 0), (7, 2), (7, 0xfe)] {
        let mut m1 = outgoing(&mut client());
        m1[at] = byte;
        let mut server = server();
        let error = feed(&mut server, &m1).0.unwrap_err();
        let same_role = ChannelError::Preamble(PreambleError::SameRole(Role::Server));
        assert_eq!(error == same_role, byte == b'S');
        let no_cipher = ChannelError::Preamble(PreambleError::NoCommonCipher(byte));
        assert_eq!(error == no_cipher, at == 7);
        assert_eq!(server.transmit(), OUR_PREAMBLE);
    }
}

/// A client may offer more than the server knows.
#[test]
fn further_ciphers_are_accepted_and_cannot_be_added_on_the_way() {
    let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "ciphers");
    let mut m1 = outgoing(&mut pair.client);
    assert_eq!(m1[..8], *b"LIPC\x01\x01C\x01");
    m1[7] = 0xff;
    assert_eq!(feed(&mut pair.server, &m1).0, Ok(()));
    let m2 = outgoing(&mut pair.server);
    assert_eq!(m2[7], 1, "one of them is chosen");
    assert_eq!(feed(&mut pair.client, &m2).0, Ok(()));
    let proof = outgoing(&mut pair.client);
    let judged = feed(&mut pair.server, &proof).0;
    assert_eq!(judged, Err(ChannelError::WrongSecret));
}

const SHARED: (&str, &str) = ("waktu", "");

#[test]
fn the_ends_agree_on_the_best_cipher_that_both_have() {
    for &(_, client) in CIPHERS {
        for &(_, server) in CIPHERS {
            let mut pair = Pair::with_ciphers([client, server], SHARED, SHARED, "agree");
            for _ in 0..2 {
                pair.client_to_server().unwrap();
                pair.server_to_client().unwrap();
            }
            let expected = match client == Ciphers::ALL && server == Ciphers::ALL {
                true => Cipher::Aes256Gcm,
                false => Cipher::ChaCha20Poly1305,
            };
            assert_eq!(pair.client.cipher(), Some(expected));
            assert_eq!(pair.server.cipher(), Some(expected));
            pair.client.send(b"*IDN?").unwrap();
            let question = feed(&mut pair.server, &outgoing(&mut pair.client));
            assert_eq!(question, (Ok(()), b"*IDN?".to_vec()));
            pair.server.send(b"PM").unwrap();
            let answer = feed(&mut pair.client, &outgoing(&mut pair.server));
            assert_eq!(answer, (Ok(()), b"PM".to_vec()));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn an_end_offers_what_its_processor_has_instructions_for() {
    use std::arch::is_x86_feature_detected;
    let has_aes = is_x86_feature_detected!("aes") && is_x86_feature_detected!("pclmulqdq");
    let expected = match cfg!(feature = "ring") && has_aes {
        true => Ciphers::ALL,
        false => Ciphers::CHACHA20_POLY1305,
    };
    let secret = Secret::new("waktu").unwrap();
    let mut client = SecureChannel::client(&secret, "", draw("default"));
    assert_eq!(outgoing(&mut client)[7], expected.bits());
}

/// Neither end notices at once that a cipher was removed from the offer, or that another was chosen: the proofs show it.
#[cfg(feature = "ring")]
#[test]
fn nobody_between_the_ends_can_change_which_cipher_they_use() {
    // What is changed: the offer, and the choice of the server.
    for (offer, choice) in [(Some(1), None), (None, Some(1)), (Some(1), Some(2))] {
        let mut pair = Pair::with_ciphers([Ciphers::ALL; 2], SHARED, SHARED, "strip");
        let mut m1 = outgoing(&mut pair.client);
        assert_eq!(m1[7], 3);
        m1[7] = offer.unwrap_or(m1[7]);
        assert_eq!(feed(&mut pair.server, &m1).0, Ok(()));
        let mut m2 = outgoing(&mut pair.server);
        assert_eq!(m2[7], if offer.is_some() { 1 } else { 2 });
        m2[7] = choice.unwrap_or(m2[7]);
        assert_eq!(feed(&mut pair.client, &m2).0, Ok(()));
        let proof = outgoing(&mut pair.client);
        let judged = feed(&mut pair.server, &proof).0;
        assert_eq!(judged, Err(ChannelError::WrongSecret));
        assert_eq!(pair.server.transmit(), b"", "it proves nothing");
        assert_eq!(pair.client.handle_eof(), Err(ChannelError::NotConfirmed));
    }
}

#[test]
fn a_server_that_chooses_a_cipher_that_was_not_offered_is_refused() {
    for &(_, ciphers) in CIPHERS {
        let mut pair = Pair::with_ciphers([ciphers; 2], SHARED, SHARED, "choice");
        pair.client_to_server().unwrap();
        let honest = outgoing(&mut pair.server);
        for byte in 0..=255_u8 {
            let mut pair = Pair::with_ciphers([ciphers; 2], SHARED, SHARED, "choice");
            outgoing(&mut pair.client);
            let mut m2 = honest.clone();
            m2[7] = byte;
            let was_offered = byte == 1 || byte == 2 && ciphers == Ciphers::ALL;
            let expected = match was_offered {
                true => Ok(()),
                false => Err(PreambleError::NoCommonCipher(byte).into()),
            };
            assert_eq!(feed(&mut pair.client, &m2).0, expected);
            assert_eq!(pair.client.transmit().is_empty(), !was_offered);
        }
    }
}

#[test]
fn each_end_knows_which_of_the_two_lacks_the_secret() {
    let mut server = server();
    assert_eq!(
        feed(&mut server, b"LIPC\x01\x00C\x00").0,
        Err(ChannelError::PeerHasNoSecret)
    );
    // The refusal goes out although the channel has failed, and reads well at the other end.
    let refusal = outgoing(&mut server);
    assert_eq!(refusal, OUR_PREAMBLE);
    assert_eq!(
        feed(&mut client(), b"LIPC\x01\x00S\x00").0,
        Err(ChannelError::PeerHasNoSecret)
    );
}

#[test]
fn an_end_that_vanishes_early_is_truncated_wherever_it_stops() {
    let m1 = outgoing(&mut client());
    for cut in 0..m1.len() {
        let mut server = server();
        feed(&mut server, &m1[..cut]).0.unwrap();
        assert_eq!(server.transmit(), b"");
        assert_eq!(server.handle_eof(), Err(ChannelError::Truncated));
    }
}

#[test]
fn nothing_can_be_sent_before_the_peer_has_proven_itself() {
    let mut pair = Pair::new(("waktu", ""), ("waktu", ""), "early");
    for _ in 0..2 {
        for end in [&mut pair.client, &mut pair.server] {
            let waiting = end.transmit().to_vec();
            assert_eq!(end.send(b"on"), Err(ChannelError::NotEstablished));
            end.close();
            assert_eq!(end.transmit(), waiting);
            assert_eq!(end.exporter(), None);
            assert_eq!((end.cipher(), end.is_worn()), (None, false));
        }
        pair.client_to_server().unwrap();
        if !pair.server.is_established() {
            pair.server_to_client().unwrap();
        }
    }
    // The server has seen the client's proof; the client still waits for the server's.
    assert!(pair.server.is_established() && !pair.client.is_established());
    assert_eq!(pair.client.send(b"on"), Err(ChannelError::NotEstablished));
}
