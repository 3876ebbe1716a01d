//! Records compared with another implementation, across both ciphers, and at limits that real traffic does not reach.

use proptest::prelude::*;
use snow::{Builder, TransportState};

use super::super::ChannelError;
use super::super::aead::{Aead, Cipher, Portable, Ring};
use super::super::record::{MAX_DATA, MAX_RECORDS, Opener, Sealer};

/// A finished Noise session, and the key under which its initiator sends and its responder sends.
fn noise() -> (TransportState, TransportState, [u8; 32], [u8; 32]) {
    let pattern = || "Noise_NN_25519_ChaChaPoly_SHA256".parse().unwrap();
    let mut initiator = Builder::new(pattern()).build_initiator().unwrap();
    let mut responder = Builder::new(pattern()).build_responder().unwrap();
    let (mut wire, mut none) = ([0; 96], [0; 96]);
    let n = initiator.write_message(&[], &mut wire).unwrap();
    responder.read_message(&wire[..n], &mut none).unwrap();
    let n = responder.write_message(&[], &mut wire).unwrap();
    initiator.read_message(&wire[..n], &mut none).unwrap();
    let (out, back) = initiator.dangerously_get_raw_split();
    (
        initiator.into_transport_mode().unwrap(),
        responder.into_transport_mode().unwrap(),
        out,
        back,
    )
}

#[test]
fn our_records_are_noise_transport_messages_both_ways() {
    let (mut initiator, mut responder, out, back) = noise();
    let mut sealer = Sealer::<Cipher>::new(&out);
    let mut opener = Opener::<Cipher>::new(&back);
    let mut message = vec![0; 65_535];
    for size in [1, 2, 15, 16, 63, 64, 65, 1000, 16_384, MAX_DATA] {
        let data: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        let mut record = Vec::new();
        sealer.data(&data, &mut record).unwrap();
        assert_eq!(
            usize::from(u16::from_le_bytes([record[0], record[1]])),
            record.len() - 2
        );
        let n = responder.read_message(&record[2..], &mut message).unwrap();
        assert_eq!(message[0], 0);
        assert_eq!(message[1..n], data);

        let typed = [&[0], &data[..]].concat();
        let n = responder.write_message(&typed, &mut message).unwrap();
        let mut opened = Vec::new();
        opener.read(&(n as u16).to_le_bytes(), &mut opened).unwrap();
        opener.read(&message[..n], &mut opened).unwrap();
        assert_eq!(opened, data);
    }
    // The oracle itself distinguishes keys: a message of the initiator is not accepted as one of the responder.
    let n = initiator.write_message(&[0, 1], &mut message).unwrap();
    let mut input = (n as u16).to_le_bytes().to_vec();
    input.extend_from_slice(&message[..n]);
    assert_eq!(
        opener.read(&input, &mut Vec::new()),
        Err(ChannelError::CorruptRecord { number: 10 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn both_ciphers_talk_to_each_other(
        key in any::<[u8; 32]>(),
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 1..6),
    ) {
        prop_assert_eq!(
            talk::<Ring, Portable>(&key, &texts),
            talk::<Portable, Ring>(&key, &texts)
        );
    }
}

/// Seals with one cipher and opens with the other. Returns the bytes between them.
fn talk<A: Aead, B: Aead>(key: &[u8; 32], texts: &[Vec<u8>]) -> Vec<u8> {
    let (mut sealer, mut opener) = (Sealer::<A>::new(key), Opener::<B>::new(key));
    let mut wire = Vec::new();
    for text in texts {
        sealer.data(text, &mut wire).unwrap();
    }
    sealer.close(&mut wire);
    let mut plaintext = Vec::new();
    opener.read(&wire, &mut plaintext).unwrap();
    assert_eq!(plaintext, texts.concat());
    assert!(opener.is_closed());
    wire
}

#[test]
fn data_is_cut_into_as_few_records_as_possible() {
    for (size, records) in [
        (0, 0),
        (1, 1),
        (MAX_DATA, 1),
        (MAX_DATA + 1, 2),
        (200 << 10, 4),
    ] {
        let mut sealer = Sealer::<Cipher>::new(&[1; 32]);
        let mut wire = Vec::new();
        sealer.data(&vec![5; size], &mut wire).unwrap();
        assert_eq!(sealer.sent(), records as u64);
        assert_eq!(wire.len(), size + 19 * records);
    }
}

#[test]
fn the_last_number_is_for_the_close_and_then_it_stops() {
    let key = [3; 32];
    let (mut sealer, mut opener) = (Sealer::<Cipher>::new(&key), Opener::<Cipher>::new(&key));
    sealer.skip_to(MAX_RECORDS - 3);
    opener.skip_to(MAX_RECORDS - 3);
    let mut wire = Vec::new();
    let three_records = vec![0; 3 * MAX_DATA];
    assert_eq!(
        sealer.data(&three_records, &mut wire),
        Err(ChannelError::Exhausted)
    );
    assert!(wire.is_empty());
    sealer.data(b"one", &mut wire).unwrap();
    sealer.data(b"two", &mut wire).unwrap();
    let length = wire.len();
    assert_eq!(sealer.data(b"x", &mut wire), Err(ChannelError::Exhausted));
    assert_eq!(wire.len(), length);
    sealer.close(&mut wire);
    assert_eq!(sealer.sent(), MAX_RECORDS);

    let mut plaintext = Vec::new();
    opener.read(&wire, &mut plaintext).unwrap();
    assert_eq!(plaintext, b"onetwo");
    assert!(opener.is_closed());
}

#[test]
fn a_peer_that_does_not_stop_is_stopped() {
    let key = [3; 32];
    let (mut sealer, mut opener) = (Sealer::<Cipher>::new(&key), Opener::<Cipher>::new(&key));
    sealer.skip_to(MAX_RECORDS - 2);
    opener.skip_to(MAX_RECORDS - 1);
    let mut wire = Vec::new();
    sealer.data(b"last", &mut wire).unwrap();
    // One number behind: not the record that the opener expects.
    assert_eq!(
        opener.read(&wire, &mut Vec::new()),
        Err(ChannelError::CorruptRecord {
            number: MAX_RECORDS - 1
        })
    );
    let mut opener = Opener::<Cipher>::new(&key);
    opener.skip_to(MAX_RECORDS);
    assert_eq!(
        opener.read(&wire[..2], &mut Vec::new()),
        Err(ChannelError::Exhausted)
    );
}

/// Returns an authentic record with invalid content.
fn authentic(number: u64, text: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    let mut sealed = text.to_vec();
    let tag = Cipher::new(&[3; 32]).seal(nonce, &[], &mut sealed).unwrap();
    let length = (sealed.len() + tag.len()) as u16;
    [&length.to_le_bytes()[..], &sealed, &tag].concat()
}

#[test]
fn an_authentic_peer_that_breaks_the_rules_is_refused() {
    let malformed = |number, what| Err(ChannelError::MalformedRecord { number, what });
    let read = |input: &[u8]| {
        let mut opener = Opener::<Cipher>::new(&[3; 32]);
        let mut plaintext = Vec::new();
        let result = opener.read(input, &mut plaintext);
        (result, plaintext)
    };
    for kind in 2..=255 {
        let (result, plaintext) = read(&authentic(0, &[kind, 1, 2]));
        assert_eq!(result, malformed(0, "has an undefined type"));
        assert!(plaintext.is_empty());
    }
    assert_eq!(
        read(&authentic(0, &[1, 0])).0,
        malformed(0, "is a close that carries data")
    );
    assert_eq!(
        read(&authentic(0, &[])).0,
        malformed(0, "is shorter than any record")
    );
    for length in 0..17_u16 {
        assert_eq!(
            read(&length.to_le_bytes()).0,
            malformed(0, "is shorter than any record")
        );
    }
    let after_close = [authentic(0, &[1]), authentic(1, &[0, 9])].concat();
    assert_eq!(
        read(&after_close),
        (malformed(1, "follows its authenticated close"), vec![])
    );
    assert_eq!(read(&authentic(0, &[0])), (Ok(()), vec![]));
}

#[test]
fn a_claimed_length_allocates_nothing_before_its_bytes_come() {
    let mut opener = Opener::<Cipher>::new(&[3; 32]);
    opener.read(&[0xff, 0xff], &mut Vec::new()).unwrap();
    assert!(opener.capacity() < 64);
}
