//! Dictionary attacks by an eavesdropper, a false server and a client: each gets only one guess per connection.
//!
//! These tests run the obvious attacks over some hundred transcripts, and check each attack against a control in which
//! it must succeed. They show that the obvious functions of (transcript, word) match nothing on the wire. That *no*
//! function does cannot be tested. It follows from the security proofs of CPace, if discrete logarithms in ristretto255
//! are hard and this implementation is CPace, which the published vectors check.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::Identity;

use super::super::cpace::{Generator, Share, generator};
use super::super::keys::{Agreement, Message, channel_identifier};
use super::super::{ChannelError, Entropy, Secret, SecureChannel};
use super::{entropy, handshake, outgoing};
use crate::wire::preamble::{Preamble, Role, Suite};

const RIGHT: &str = "waktu";
const WORDS: [&str; 8] = [
    "air", "waktu", "Waktu", "waktu ", "lampu", "password", "kochen", "",
];

fn message(bytes: &[u8]) -> Message {
    Message::received(bytes.try_into().unwrap())
}

fn point(message: &Message) -> RistrettoPoint {
    CompressedRistretto(message.share()).decompress().unwrap()
}

/// The proofs that would be on the wire if the shared point were `k`.
fn proofs(k: &RistrettoPoint, m1: Message, m2: Message) -> [Vec<u8>; 2] {
    let agreement = Agreement::new(&k.compress().to_bytes(), m1, m2);
    [Role::Client, Role::Server].map(|role| agreement.proof(role).to_vec())
}

/// Returns the generator of a word.
fn generator_of(word: &str) -> Generator {
    generator(word.as_bytes(), &channel_identifier(""), b"")
}

/// Points that can be computed from both shares and the generator of a guessed word without a secret scalar.
fn guessable(a: RistrettoPoint, b: RistrettoPoint, g: RistrettoPoint) -> Vec<RistrettoPoint> {
    let identity = RistrettoPoint::identity();
    let mut points = vec![identity, g, a, b];
    for left in [a, b, g] {
        for right in [a, b, g] {
            points.extend([left + right, left - right]);
        }
    }
    points.push(a + b - g);
    points
}

/// Returns the count that the environment sets, or the default; `TESTING.md` has the full counts.
fn count(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |count| count.parse().unwrap())
}

#[test]
fn a_listener_cannot_test_words() {
    let made_up = (WORDS.len()..).map(|n| format!("word {n}"));
    let words: Vec<(String, RistrettoPoint)> = WORDS
        .into_iter()
        .map(String::from)
        .chain(made_up)
        .take(count("WORDS", WORDS.len()))
        .map(|word| (word.clone(), generator_of(&word).0))
        .collect();
    for i in 0..count("TRANSCRIPTS", 100) {
        let (_, _, [m1, m2, ta, tb]) = handshake(RIGHT, "", &format!("listener {i}"));
        let (m1, m2) = (message(&m1), message(&m2));
        for (word, generator) in &words {
            for k in guessable(point(&m1), point(&m2), *generator) {
                let [client, server] = proofs(&k, m1, m2);
                assert!(client != ta && server != tb, "«{word}» can be told");
            }
        }
    }
}

#[test]
fn the_listeners_attack_works_with_the_right_word_and_a_secret_scalar_only() {
    let (_, _, [m1, m2, ta, _]) = handshake(RIGHT, "", "control");
    let (m1, m2) = (message(&m1), message(&m2));
    let drawn = Entropy::new(entropy("client control"));
    for word in WORDS {
        let share = Share::new(generator_of(word), &drawn.seed);
        // Even the scalar does not make the wrong word fit the share; the right one does.
        assert_eq!(share.public() == m1.share(), word == RIGHT);
        let k = share.agree(&m2.share()).unwrap();
        let agreement = Agreement::new(&k, m1, m2);
        assert_eq!(agreement.proof(Role::Client)[..], ta[..]);
    }
}

/// Replies to a client's m1 like a server with the secret `word`. Returns the words of the dictionary that the client's
/// proof confirms.
fn false_server(word: &str, seed: &str) -> Vec<&'static str> {
    let secret = Secret::new(RIGHT).unwrap();
    let mut client = SecureChannel::client(&secret, "", Entropy::new(entropy(seed)));
    let m1 = message(&outgoing(&mut client));
    let own = Entropy::new(entropy(&format!("false {seed}")));
    let share = |word: &str| Share::new(generator_of(word), &own.seed);
    let preamble = Preamble::new(Suite::Secret, Role::Server);
    let m2 = Message::new(preamble, &own.nonce, &share(word).public());
    client.handle_input(m2.bytes(), &mut Vec::new()).unwrap();
    let ta = outgoing(&mut client);

    let mut confirmed = Vec::new();
    for guess in WORDS {
        // What its scalar gives, and what could be made of it for another word than the one it committed to.
        let shift = generator_of(guess).0 - generator_of(word).0;
        let k = CompressedRistretto(**share(guess).agree(&m1.share()).unwrap())
            .decompress()
            .unwrap();
        let made = [k, k + shift, k - shift].map(|k| proofs(&k, m1, m2)[0] == ta);
        if made.contains(&true) && shift == RistrettoPoint::identity() {
            confirmed.push(guess);
        } else {
            // K does not depend on the guess: it is right for every guess or for none.
            assert_eq!(made[0], word == RIGHT);
            assert!(!made[1] && !made[2]);
        }
    }
    confirmed
}

#[test]
fn a_false_server_tests_the_one_word_it_committed_to() {
    for i in 0..100 {
        for word in ["air", "lampu"] {
            assert_eq!(false_server(word, &format!("{word} {i}")), [""; 0]);
        }
        assert_eq!(false_server(RIGHT, &format!("{i}")), [RIGHT]);
    }
}

#[test]
fn a_prober_sees_a_share_and_then_nothing() {
    let secret = Secret::new(RIGHT).unwrap();
    for i in 0..100 {
        let draw = |who| Entropy::new(entropy(&format!("{who} {i}")));
        let mut server = SecureChannel::server(&secret, "", draw("server"));
        let guess = Secret::new("lampu").unwrap();
        let mut prober = SecureChannel::client(&guess, "", draw("prober"));
        let mut none = Vec::new();
        let m1 = outgoing(&mut prober);
        server.handle_input(&m1, &mut none).unwrap();
        let m2 = outgoing(&mut server);
        prober.handle_input(&m2, &mut none).unwrap();
        let ta = outgoing(&mut prober);
        assert_eq!(
            server.handle_input(&ta, &mut none),
            Err(ChannelError::WrongSecret)
        );
        assert_eq!(outgoing(&mut server), b"");
        // Its share says nothing about the word: without the scalar, no word's generator leads to it by the obvious
        // ways.
        let seen = point(&message(&m2));
        for word in WORDS {
            let own = Share::new(generator_of(word), &draw("prober").seed);
            let own = CompressedRistretto(own.public()).decompress().unwrap();
            assert!(!guessable(own, own, generator_of(word).0).contains(&seen));
        }
    }
}

/// Not a proof of uniformity: a share that carried the word in any single bit would be caught.
#[test]
fn different_words_give_messages_of_equal_length_and_equal_bits() {
    const N: u32 = 600;
    let ones = |word: &str| {
        let mut ones = [0_u32; 256];
        for i in 0..N {
            let secret = Secret::new(word).unwrap();
            let drawn = Entropy::new(entropy(&format!("bits {word} {i}")));
            let mut client = SecureChannel::client(&secret, "", drawn);
            let m1 = outgoing(&mut client);
            assert_eq!(m1.len(), 56);
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += u32::from(m1[24 + bit / 8] >> (bit % 8) & 1);
            }
        }
        ones
    };
    let (one, other) = (
        ones("waktu"),
        ones("correct horse battery staple, and more"),
    );
    // Bit 0 is the sign, which encodings fix to 0, and bit 255 is beyond the field: both 0 for every word.
    assert_eq!([one[0], one[255], other[0], other[255]], [0; 4]);
    for bit in 1..255 {
        let apart = one[bit].abs_diff(other[bit]);
        // Five standard deviations of a difference of two binomials.
        assert!(
            apart < 87,
            "bit {bit}: {} and {} of {N}",
            one[bit],
            other[bit]
        );
    }
}
