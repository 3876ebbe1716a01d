//! An established channel: what is sent arrives as it was, or not at all.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

mod common;

use common::{CIPHERS, Pair, feed, outgoing, pattern};
use ipc_core::secure::{ChannelError, SecureChannel};
use ipc_core::wire::preamble::{Cipher, Ciphers};
use proptest::prelude::*;

/// Default number of cases; `CASES` changes it.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var("CASES").map_or(cases, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

/// Three records and the close, each by itself, and the server that awaits them.
fn conversation(cipher: (Cipher, Ciphers)) -> (SecureChannel, [Vec<u8>; 4]) {
    let mut pair = Pair::established_with(cipher, "conversation");
    let records = ["first", "second one", "third"].map(|text| {
        pair.client.send(text.as_bytes()).unwrap();
        outgoing(&mut pair.client)
    });
    pair.client.close();
    let [a, b, c] = records;
    (pair.server, [a, b, c, outgoing(&mut pair.client)])
}

const SPOKEN: &[u8] = b"firstsecond onethird";

#[test]
fn the_conversation_arrives_if_nobody_touches_it() {
    for &cipher in CIPHERS {
        let (mut server, records) = conversation(cipher);
        let (result, plaintext) = feed(&mut server, &records.concat());
        assert_eq!((result, &plaintext[..]), (Ok(()), SPOKEN));
        assert!(server.is_closed_by_peer());
        assert_eq!(server.handle_eof(), Ok(()));
    }
}

#[test]
fn every_flipped_bit_kills_the_connection_at_its_record() {
    for &cipher in CIPHERS {
        let (_, records) = conversation(cipher);
        let stream = records.concat();
        for bit in 0..stream.len() * 8 {
            let (mut server, _) = conversation(cipher);
            let mut changed = stream.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let (result, plaintext) = feed(&mut server, &changed);
            let at = record_at(&records, bit / 8);
            let before: usize = ["first", "second one", "third"][..at.min(3)]
                .iter()
                .map(|text| text.len())
                .sum();
            assert_eq!(plaintext, SPOKEN[..before], "bit {bit}");
            // A changed length may ask for more bytes than there are: then it is the end of the stream that shows it.
            let error = result.and_then(|()| server.handle_eof()).unwrap_err();
            assert!(
                matches!(
                    error,
                    ChannelError::CorruptRecord { .. }
                        | ChannelError::MalformedRecord { .. }
                        | ChannelError::Truncated
                ),
                "{error}"
            );
            assert!(feed(&mut server, &stream).0.is_err());
        }
    }
}

fn record_at(records: &[Vec<u8>], byte: usize) -> usize {
    let mut end = 0;
    let ends = records.iter().map(|record| {
        end += record.len();
        end
    });
    ends.take_while(|end| *end <= byte).count()
}

#[test]
fn dropped_swapped_and_repeated_records_are_refused() {
    for &cipher in CIPHERS {
        let orders: [&[usize]; 9] = [
            &[1],
            &[2],
            &[3],
            &[0, 0],
            &[0, 2],
            &[0, 3],
            &[1, 0],
            &[0, 1, 1],
            &[0, 1, 3],
        ];
        for order in orders {
            let (mut server, records) = conversation(cipher);
            let stream: Vec<u8> = order.iter().flat_map(|i| records[*i].clone()).collect();
            let (result, plaintext) = feed(&mut server, &stream);
            let good = order.iter().zip(0..).take_while(|(i, n)| *i == n).count();
            assert_eq!(
                result,
                Err(ChannelError::CorruptRecord {
                    number: good as u64
                }),
                "{order:?}"
            );
            assert_eq!(plaintext, [&b""[..], b"first", b"firstsecond one"][good]);
            assert!(!server.is_closed_by_peer());
        }
    }
}

#[test]
fn a_stream_cut_anywhere_is_truncated() {
    for &cipher in CIPHERS {
        let (_, records) = conversation(cipher);
        let stream = records.concat();
        for cut in 0..stream.len() {
            let (mut server, _) = conversation(cipher);
            let (result, plaintext) = feed(&mut server, &stream[..cut]);
            assert_eq!(result, Ok(()));
            assert!(SPOKEN.starts_with(&plaintext));
            assert_eq!(server.handle_eof(), Err(ChannelError::Truncated));
            // What comes after the end is not believed.
            let (result, plaintext) = feed(&mut server, &stream[cut..]);
            assert_eq!(
                (result, &plaintext[..]),
                (Err(ChannelError::Truncated), &b""[..])
            );
        }
    }
}

#[test]
fn nothing_follows_a_close() {
    let (mut server, records) = conversation(CIPHERS[0]);
    let (result, plaintext) = feed(&mut server, &[records.concat(), vec![0]].concat());
    assert_eq!(plaintext, SPOKEN);
    assert!(matches!(
        result,
        Err(ChannelError::MalformedRecord { number: 4, .. })
    ));

    let mut pair = Pair::established("close");
    pair.client.close();
    let close = pair.client.transmit().to_vec();
    pair.client.close();
    assert_eq!(pair.client.send(b"late"), Err(ChannelError::Closed));
    assert_eq!(
        pair.client.transmit(),
        close,
        "one close, and nothing after it"
    );
    pair.client_to_server().unwrap();
    // The other direction is still open.
    pair.server.send(b"last words").unwrap();
    pair.server.close();
    let (result, plaintext) = feed(&mut pair.client, &outgoing(&mut pair.server));
    assert_eq!((result, &plaintext[..]), (Ok(()), &b"last words"[..]));
    assert_eq!(pair.client.handle_eof(), Ok(()));
    assert_eq!(pair.server.handle_eof(), Ok(()));
}

#[test]
fn after_an_error_nothing_waits_to_be_sent() {
    let mut pair = Pair::established("outbox");
    pair.server.send(b"secret measurement").unwrap();
    assert!(feed(&mut pair.server, &[17, 0].repeat(20)).0.is_err());
    assert_eq!(pair.server.transmit(), b"");
    assert_eq!(pair.server.exporter(), None);
    pair.server.close();
    assert_eq!(pair.server.transmit(), b"");
}

#[test]
fn all_sizes_arrive() {
    let near = |n: usize| n.saturating_sub(2)..n + 3;
    let sizes = (0..300)
        .chain(near(65_517))
        .chain(near(65_536))
        .chain(near(2 * 65_517))
        .chain([100_000, 200 << 10]);
    for &cipher in CIPHERS {
        let mut pair = Pair::established_with(cipher, "sizes");
        for size in sizes.clone() {
            let data = pattern(size);
            pair.client.send(&data).unwrap();
            let wire = outgoing(&mut pair.client);
            assert_eq!(wire.len(), size + 19 * size.div_ceil(65_517));
            let (result, plaintext) = feed(&mut pair.server, &wire);
            assert!(result == Ok(()) && plaintext == data, "{size} bytes");
        }
    }
}

#[test]
fn one_byte_at_a_time_is_the_same() {
    let shared = ("waktu", "bench");
    let mut pair = Pair::new(shared, shared, "conversation");
    let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
    let mut spoken = false;
    loop {
        for byte in outgoing(&mut pair.client) {
            pair.server.handle_input(&[byte], &mut at_server).unwrap();
        }
        for byte in outgoing(&mut pair.server) {
            pair.client.handle_input(&[byte], &mut at_client).unwrap();
        }
        if spoken {
            break;
        }
        if pair.client.is_established() {
            pair.client.send(&pattern(70_000)).unwrap();
            pair.server.send(SPOKEN).unwrap();
            spoken = true;
        }
    }
    assert!(at_server == pattern(70_000));
    assert_eq!(at_client, SPOKEN);
}

#[test]
fn both_ends_export_the_same_and_every_connection_another() {
    let (one, two) = (Pair::established("one"), Pair::established("two"));
    assert_eq!(one.client.exporter(), one.server.exporter());
    assert!(one.client.exporter().is_some());
    assert_ne!(one.client.exporter(), two.client.exporter());
    assert!(one.client.ticket().is_some() && one.client.ticket() == one.server.ticket());
    assert_ne!(one.client.ticket(), two.client.ticket());
}

#[test]
fn plaintext_is_nowhere_on_the_wire() {
    for &cipher in CIPHERS {
        let mut pair = Pair::established_with(cipher, "plain");
        let marker = b"MARKER-MARKER-MARKER";
        pair.client.send(&marker.repeat(10_000)).unwrap();
        let wire = outgoing(&mut pair.client);
        assert!(!wire.windows(6).any(|window| window == b"MARKER"));
    }
}

#[test]
fn debug_shows_no_keys() {
    let pair = Pair::established("debug");
    assert_eq!(
        format!("{:?}", pair.client),
        "SecureChannel { role: Client, state: \"established\", cipher: Some(ChaCha20Poly1305), to_transmit: 0 }"
    );
}

/// What an attacker does to one record of a stream.
#[derive(Clone, Debug)]
enum Harm {
    Flip(prop::sample::Index, u8),
    Drop,
    Repeat,
    SwapWithNext,
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, mask)| Harm::Flip(at, mask)),
        Just(Harm::Drop),
        Just(Harm::Repeat),
        Just(Harm::SwapWithNext),
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (
            any::<prop::sample::Index>(),
            prop::collection::vec(any::<u8>(), 1..40)
        )
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
    ]
}

/// The stream after the harm to record `at`; nothing is harmed if that changes no byte.
fn harmed(mut records: Vec<Vec<u8>>, at: usize, harm: &Harm) -> Vec<u8> {
    match harm {
        Harm::Flip(byte, mask) => {
            let byte = byte.index(records[at].len());
            records[at][byte] ^= mask;
        }
        Harm::Drop => drop(records.remove(at)),
        Harm::Repeat => records.insert(at, records[at].clone()),
        Harm::SwapWithNext if at + 1 < records.len() => records.swap(at, at + 1),
        Harm::SwapWithNext => {}
        Harm::Cut(byte) => {
            let byte = byte.index(records[at].len());
            records[at].truncate(byte);
            records.truncate(at + 1);
        }
        Harm::Insert(byte, bytes) => {
            let byte = byte.index(records[at].len() + 1);
            records[at].splice(byte..byte, bytes.clone());
        }
    }
    records.concat()
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn harm_to_a_stream_never_passes_for_the_stream(
        cipher in prop::sample::select(CIPHERS),
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..6),
        at in any::<prop::sample::Index>(),
        harm in harm(),
        piece in 1..400_usize,
    ) {
        let mut pair = Pair::established_with(cipher, "harm");
        let mut records = Vec::new();
        for text in &texts {
            pair.client.send(text).unwrap();
            records.push(outgoing(&mut pair.client));
        }
        pair.client.close();
        records.push(outgoing(&mut pair.client));
        let at = at.index(records.len());
        let honest = records.concat();
        let stream = harmed(records, at, &harm);
        prop_assume!(stream != honest);

        let mut plaintext = Vec::new();
        let mut outcome = Ok(());
        for part in stream.chunks(piece) {
            outcome = outcome.and(pair.server.handle_input(part, &mut plaintext));
        }
        outcome = outcome.and(pair.server.handle_eof());
        prop_assert!(outcome.is_err());
        // Whole records before the harm arrived, nothing behind it.
        let before = texts.iter().take(at).flatten().count();
        prop_assert!(plaintext.len() >= before);
        prop_assert!(texts.concat().starts_with(&plaintext));
        let whole = (0..=texts.len()).any(|n| texts[..n].concat() == plaintext);
        prop_assert!(whole);
    }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn cutting_the_stream_into_pieces_changes_nothing(
        cipher in prop::sample::select(CIPHERS),
        sizes in prop::collection::vec(0..70_000_usize, 1..4),
        cuts in prop::collection::vec(1..9_000_usize, 1..20),
    ) {
        let mut pair = Pair::established_with(cipher, "pieces");
        let mut sent = Vec::new();
        for size in sizes {
            let data = pattern(size);
            pair.client.send(&data).unwrap();
            sent.extend(data);
        }
        let mut plaintext = Vec::new();
        let mut cuts = cuts.iter().cycle();
        // Taken from the outbox in the same pieces, as a socket would.
        while !pair.client.transmit().is_empty() {
            let n = cuts.next().copied().unwrap_or(1).min(pair.client.transmit().len());
            pair.server.handle_input(&pair.client.transmit()[..n], &mut plaintext).unwrap();
            pair.client.consume(n);
        }
        prop_assert!(plaintext == sent);
    }
}
