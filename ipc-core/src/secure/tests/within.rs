//! Records that are opened within the memory that their data is for, compared with those that are opened anywhere else.

use proptest::prelude::*;

use super::super::ChannelError;
use super::super::aead::{Aead, Portable, Ring};
use super::super::record::{FULL_DATA, Opener};
use super::records::{authentic, directions, opener, seal};
use super::{CIPHERS, PortableAes};
use crate::wire::preamble::Cipher;

/// Reads `input` within memory, behind what `opener` holds, and appends the data to `plaintext`.
fn read_within(
    opener: &mut Opener<impl Aead>,
    input: &[u8],
    plaintext: &mut Vec<u8>,
) -> Result<(), ChannelError> {
    let held = std::mem::take(opener.held_mut());
    let mut memory = [&[0xa5][..], &held, input].concat();
    let (data, begun) = opener.read_within(&mut memory)?;
    assert_eq!(memory[0], 0xa5, "it belongs to somebody else");
    plaintext.extend_from_slice(&memory[1..=data]);
    let begun = &memory[1 + data..][..begun];
    opener.held_mut().extend_from_slice(begun);
    Ok(())
}

/// Reads `wire` cut into pieces of the sizes `cuts`, by turns within memory and elsewhere.
fn alternate(mut opener: Opener<impl Aead>, mut wire: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut plaintext = Vec::new();
    for (turn, cut) in cuts.iter().cycle().enumerate() {
        let (piece, rest) = wire.split_at(wire.len().min(*cut));
        match turn % 3 {
            0 | 1 => read_within(&mut opener, piece, &mut plaintext).unwrap(),
            _ => {
                let deliver = |data: &[u8]| plaintext.extend_from_slice(data);
                opener.read(&mut piece.to_vec(), deliver).unwrap();
            }
        }
        wire = rest;
        if wire.is_empty() {
            break;
        }
    }
    assert!(opener.is_closed());
    plaintext
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn cuts_and_places_make_no_difference(
        sizes in proptest::collection::vec(prop_oneof![0..100_usize, 0..200_000_usize], 1..6),
        cuts in proptest::collection::vec(prop_oneof![1..50_usize, 1..300_000_usize], 1..8),
    ) {
        check::<Ring>(Cipher::ChaCha20Poly1305, &sizes, &cuts);
        check::<Portable>(Cipher::ChaCha20Poly1305, &sizes, &cuts);
        check::<Ring>(Cipher::Aes256Gcm, &sizes, &cuts);
        check::<PortableAes>(Cipher::Aes256Gcm, &sizes, &cuts);
    }
}

fn check<A: Aead>(cipher: Cipher, sizes: &[usize], cuts: &[usize]) {
    let (mut sealer, opener) = directions::<Ring, A>(cipher, &[3; 32]);
    let (mut wire, mut sent) = (Vec::new(), Vec::new());
    for size in sizes {
        let data: Vec<u8> = (0..*size).map(|n| (n * 7 + size) as u8).collect();
        seal(&mut sealer, &data, &mut wire).unwrap();
        sent.extend(data);
    }
    sealer.close(&mut wire);
    assert!(alternate(opener, &wire, cuts) == sent);
}

/// Ours are shorter by a byte.
#[test]
fn the_longest_records_are_opened() {
    for (cipher, _) in CIPHERS {
        let mut text = vec![7; FULL_DATA + 2];
        text[0] = 0;
        let wire = [authentic(cipher, 0, &text), authentic(cipher, 1, &text)].concat();
        assert_eq!(wire[..2], [0xff, 0xff]);
        for cut in [1, 65_536, wire.len()] {
            let (mut opener, mut plaintext) = (opener(cipher, &[3; 32]), Vec::new());
            for piece in [&wire[..cut], &wire[cut..]] {
                read_within(&mut opener, piece, &mut plaintext).unwrap();
            }
            assert!(plaintext == [&text[1..], &text[1..]].concat());
        }
    }
}

#[test]
fn what_is_wrong_elsewhere_is_wrong_here() {
    for (cipher, _) in CIPHERS {
        let record = |number, text: &[u8]| authentic(cipher, number, text);
        let mut corrupt = record(0, &[0, 1, 2]);
        corrupt[3] ^= 1;
        let mut tag = record(0, &[0, 1, 2]);
        *tag.last_mut().unwrap() ^= 1;
        let streams = [
            corrupt,
            tag,
            record(1, &[0, 1, 2]),
            record(0, &[2, 1, 2]),
            record(0, &[1, 0]),
            record(0, &[]),
            vec![16, 0],
            [record(0, &[1]), record(1, &[0, 9])].concat(),
            [record(0, &[1]), vec![0]].concat(),
            [record(0, &[0, 1]), record(0, &[0, 1])].concat(),
        ];
        for stream in streams {
            let expected = opener(cipher, &[3; 32]).read(&mut stream.clone(), |_| {});
            assert!(expected.is_err());
            let result = read_within(&mut opener(cipher, &[3; 32]), &stream, &mut Vec::new());
            assert_eq!(result, expected);
        }
    }
}
