//! Records compared with other implementations, under both ciphers, and at limits that real traffic does not reach.

use proptest::prelude::*;
use snow::{Builder, TransportState};

use super::super::ChannelError;
use super::super::aead::{Aead, Portable, Ring};
use super::super::record::{FULL_DATA, MAX_BLOCKS, MAX_RECORDS, Opener, Sealer};
use super::{CIPHERS, PortableAes};
use crate::wire::preamble::Cipher;

/// The same key under `cipher` for both directions.
pub(super) fn directions<A: Aead, B: Aead>(
    cipher: Cipher,
    key: &[u8; 32],
) -> (Sealer<A>, Opener<B>) {
    let sealer = Sealer::new(A::new(cipher, key).unwrap());
    (sealer, Opener::new(B::new(cipher, key).unwrap()))
}

fn sealer(cipher: Cipher, key: &[u8; 32]) -> Sealer<Ring> {
    directions::<Ring, Ring>(cipher, key).0
}

pub(super) fn opener(cipher: Cipher, key: &[u8; 32]) -> Opener<Ring> {
    directions::<Ring, Ring>(cipher, key).1
}

pub(super) fn seal(
    sealer: &mut Sealer<impl Aead>,
    data: &[u8],
    wire: &mut Vec<u8>,
) -> Result<(), ChannelError> {
    sealer.data([data], data.len(), wire)
}

/// Reads a copy of `input` and appends the data to `plaintext`.
fn read(
    opener: &mut Opener<impl Aead>,
    input: &[u8],
    plaintext: &mut Vec<u8>,
) -> Result<(), ChannelError> {
    opener.read(&mut input.to_vec(), |data| {
        plaintext.extend_from_slice(data)
    })
}

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

/// With ChaCha20-Poly1305: for AES-256-GCM, Noise counts in another byte order.
#[test]
fn our_records_are_noise_transport_messages_both_ways() {
    let (mut initiator, mut responder, out, back) = noise();
    let mut sealer = sealer(Cipher::ChaCha20Poly1305, &out);
    let mut opener = opener(Cipher::ChaCha20Poly1305, &back);
    let mut message = vec![0; 65_535];
    for size in [1, 2, 15, 16, 63, 64, 65, 1000, 16_384, FULL_DATA] {
        let data: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        let mut record = Vec::new();
        seal(&mut sealer, &data, &mut record).unwrap();
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
        read(&mut opener, &(n as u16).to_le_bytes(), &mut opened).unwrap();
        read(&mut opener, &message[..n], &mut opened).unwrap();
        assert_eq!(opened, data);
    }
    // The oracle itself distinguishes keys: a message of the initiator is not accepted as one of the responder.
    let n = initiator.write_message(&[0, 1], &mut message).unwrap();
    let mut input = (n as u16).to_le_bytes().to_vec();
    input.extend_from_slice(&message[..n]);
    assert_eq!(
        read(&mut opener, &input, &mut Vec::new()),
        Err(ChannelError::CorruptRecord { number: 10 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn all_implementations_of_a_cipher_talk_to_each_other(
        key in any::<[u8; 32]>(),
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..3000), 1..6),
    ) {
        let chacha = Cipher::ChaCha20Poly1305;
        prop_assert_eq!(
            talk::<Ring, Portable>(chacha, &key, &texts),
            talk::<Portable, Ring>(chacha, &key, &texts)
        );
        let aes = Cipher::Aes256Gcm;
        prop_assert_eq!(
            talk::<Ring, PortableAes>(aes, &key, &texts),
            talk::<PortableAes, Ring>(aes, &key, &texts)
        );
    }

    #[test]
    fn parts_are_sealed_as_if_they_were_one_piece(
        lens in proptest::collection::vec(0..50_000_usize, 0..8),
    ) {
        let parts: Vec<Vec<u8>> = (0..).zip(lens).map(|(byte, len)| vec![byte; len]).collect();
        let whole = parts.concat();
        let (mut joined, mut expected) = (b"before".to_vec(), b"before".to_vec());
        let parts = parts.iter().map(Vec::as_slice);
        sealer(Cipher::Aes256Gcm, &[1; 32]).data(parts, whole.len(), &mut joined).unwrap();
        seal(&mut sealer(Cipher::Aes256Gcm, &[1; 32]), &whole, &mut expected).unwrap();
        prop_assert!(joined == expected);
    }
}

/// Seals with one implementation and opens with the other. Returns the bytes between them.
fn talk<A: Aead, B: Aead>(cipher: Cipher, key: &[u8; 32], texts: &[Vec<u8>]) -> Vec<u8> {
    let (mut sealer, mut opener) = directions::<A, B>(cipher, key);
    let mut wire = Vec::new();
    for text in texts {
        seal(&mut sealer, text, &mut wire).unwrap();
    }
    sealer.close(&mut wire);
    let mut plaintext = Vec::new();
    read(&mut opener, &wire, &mut plaintext).unwrap();
    assert_eq!(plaintext, texts.concat());
    assert!(opener.is_closed());
    wire
}

#[test]
fn data_is_cut_into_as_few_records_as_possible() {
    for (size, records) in [
        (0, 0),
        (1, 1),
        (FULL_DATA, 1),
        (FULL_DATA + 1, 2),
        (200 << 10, 4),
    ] {
        let mut sealer = sealer(Cipher::Aes256Gcm, &[1; 32]);
        let mut wire = Vec::new();
        seal(&mut sealer, &vec![5; size], &mut wire).unwrap();
        assert_eq!(sealer.sent(), records as u64);
        assert_eq!(wire.len(), size + 19 * records);
    }
}

/// A record that lies whole in the input is decrypted there, and is not kept.
#[test]
fn whole_records_are_opened_where_they_lie() {
    for (cipher, _) in CIPHERS {
        let (mut sealer, mut opener) = directions::<Ring, Ring>(cipher, &[1; 32]);
        let mut wire = Vec::new();
        for _ in 0..3 {
            seal(&mut sealer, &[5; 1000], &mut wire).unwrap();
        }
        let (mut records, start) = (0, wire.as_ptr_range().start as usize);
        let end = wire.as_ptr_range().end as usize;
        let mut delivered = |data: &[u8]| {
            assert_eq!(data, [5; 1000]);
            assert!((start..end).contains(&(data.as_ptr() as usize)));
            records += 1;
        };
        opener.read(&mut wire, &mut delivered).unwrap();
        assert_eq!((records, opener.capacity()), (3, 0));
    }
}

#[test]
fn the_last_number_is_for_the_close_and_then_it_stops() {
    for (cipher, _) in CIPHERS {
        let (mut sealer, mut opener) = directions::<Ring, Ring>(cipher, &[3; 32]);
        sealer.skip_to(MAX_RECORDS - 3, 0);
        opener.skip_to(MAX_RECORDS - 3, 0);
        let mut wire = Vec::new();
        let three_records = vec![0; 3 * FULL_DATA];
        let refused = seal(&mut sealer, &three_records, &mut wire);
        assert_eq!(refused, Err(ChannelError::Exhausted));
        assert!(wire.is_empty());
        seal(&mut sealer, b"one", &mut wire).unwrap();
        seal(&mut sealer, b"two", &mut wire).unwrap();
        ends_properly(sealer, opener, wire);
    }
}

/// Under AES-256-GCM it is the number of blocks that wears a key.
#[test]
fn the_last_blocks_are_for_the_close_and_then_it_stops() {
    for (cipher, _) in CIPHERS {
        let (mut sealer, mut opener) = directions::<Ring, Ring>(cipher, &[3; 32]);
        // A block of data and one for the tag for each record, and two for the close; the sum is rounded up.
        sealer.skip_to(9, MAX_BLOCKS - 7);
        opener.skip_to(9, MAX_BLOCKS - 7);
        let mut wire = Vec::new();
        let refused = seal(&mut sealer, &[0; 100], &mut wire);
        assert_eq!(refused, Err(ChannelError::Exhausted));
        assert!(wire.is_empty() && sealer.is_past_half() && opener.is_past_half());
        seal(&mut sealer, b"one", &mut wire).unwrap();
        seal(&mut sealer, b"two", &mut wire).unwrap();
        ends_properly(sealer, opener, wire);
    }
}

/// Only a close is still sealed, and the other end opens all of `wire`, "onetwo", and the close.
fn ends_properly(mut sealer: Sealer<Ring>, mut opener: Opener<Ring>, mut wire: Vec<u8>) {
    let length = wire.len();
    let refused = seal(&mut sealer, b"x", &mut wire);
    assert_eq!(
        (refused, wire.len()),
        (Err(ChannelError::Exhausted), length)
    );
    sealer.close(&mut wire);
    assert!(wire.len() > length);
    let mut plaintext = Vec::new();
    read(&mut opener, &wire, &mut plaintext).unwrap();
    assert_eq!(plaintext, b"onetwo");
    assert!(opener.is_closed());
}

#[test]
fn a_key_is_worn_past_half_of_either_limit() {
    let mut sealer = sealer(Cipher::Aes256Gcm, &[3; 32]);
    for (records, blocks, is_worn) in [
        (0, 0, false),
        (MAX_RECORDS / 2, MAX_BLOCKS / 2, false),
        (MAX_RECORDS / 2 + 1, 0, true),
        (0, MAX_BLOCKS / 2 + 1, true),
    ] {
        sealer.skip_to(records, blocks);
        assert_eq!(sealer.is_past_half(), is_worn);
    }
    sealer.skip_to(0, MAX_BLOCKS / 2 - 4);
    let mut wire = Vec::new();
    seal(&mut sealer, &[0; 31], &mut wire).unwrap();
    assert!(!sealer.is_past_half(), "three blocks");
    seal(&mut sealer, &[0; 16], &mut wire).unwrap();
    assert!(sealer.is_past_half(), "three more: the type takes a byte");
}

#[test]
fn a_peer_that_does_not_stop_is_stopped() {
    for (cipher, _) in CIPHERS {
        let (mut sealer, mut opener) = directions::<Ring, Ring>(cipher, &[3; 32]);
        sealer.skip_to(MAX_RECORDS - 2, 0);
        opener.skip_to(MAX_RECORDS - 1, 0);
        let mut wire = Vec::new();
        seal(&mut sealer, b"last", &mut wire).unwrap();
        // One number behind: not the record that the opener expects.
        assert_eq!(
            read(&mut opener, &wire, &mut Vec::new()),
            Err(ChannelError::CorruptRecord {
                number: MAX_RECORDS - 1
            })
        );
        for (records, blocks) in [(MAX_RECORDS, 0), (0, MAX_BLOCKS), (0, MAX_BLOCKS - 1)] {
            let (_, mut opener) = directions::<Ring, Ring>(cipher, &[3; 32]);
            opener.skip_to(records, blocks);
            let refused = read(&mut opener, &wire[..2], &mut Vec::new());
            assert_eq!(refused, Err(ChannelError::Exhausted));
        }
    }
}

#[test]
fn the_last_block_may_be_used() {
    let (mut sealer, mut opener) = directions::<Ring, Ring>(Cipher::Aes256Gcm, &[3; 32]);
    let mut wire = Vec::new();
    // With its type and tag, two blocks exactly.
    seal(&mut sealer, &[7; 15], &mut wire).unwrap();
    opener.skip_to(0, MAX_BLOCKS - 2);
    let mut plaintext = Vec::new();
    assert_eq!(read(&mut opener, &wire, &mut plaintext), Ok(()));
    assert_eq!(plaintext, [7; 15]);
}

/// Returns an authentic record with invalid content.
pub(super) fn authentic(cipher: Cipher, number: u64, text: &[u8]) -> Vec<u8> {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    let mut sealed = text.to_vec();
    let key = Ring::new(cipher, &[3; 32]).unwrap();
    let tag = key.seal(nonce, &[], &mut sealed).unwrap();
    let length = (sealed.len() + tag.len()) as u16;
    [&length.to_le_bytes()[..], &sealed, &tag].concat()
}

#[test]
fn an_authentic_peer_that_breaks_the_rules_is_refused() {
    for (cipher, _) in CIPHERS {
        breaks_the_rules(cipher);
    }
}

fn breaks_the_rules(cipher: Cipher) {
    let malformed = |number, what| Err(ChannelError::MalformedRecord { number, what });
    let authentic = |number, text: &[u8]| authentic(cipher, number, text);
    let read = |input: &[u8]| {
        let mut plaintext = Vec::new();
        let result = read(&mut opener(cipher, &[3; 32]), input, &mut plaintext);
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
    let mut opener = opener(Cipher::Aes256Gcm, &[3; 32]);
    read(&mut opener, &[0xff, 0xff], &mut Vec::new()).unwrap();
    assert!(opener.capacity() < 64);
}
