//! What is left in memory when a channel and its secret are gone: looked for in the memory of this very process.
#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

mod common;

use std::fs::{File, read_to_string};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use common::{CIPHERS, Pair, feed, outgoing};
use ipc_core::secure::{Entropy, Secret, SecureChannel};
use ipc_core::wire::preamble::{Cipher, Ciphers};

/// What is looked for is kept in this disguise, or the search would find itself.
const MASK: u8 = 0xa5;

fn masked(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ MASK).collect()
}

/// One search at a time: a search holds copies of what it looks through.
static ALONE: Mutex<()> = Mutex::new(());

/// Whether the disguised bytes are, undisguised, anywhere in the writable memory of this process.
fn is_in_memory(needle: &[u8]) -> bool {
    let maps = read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    // Of a fixed size and wiped before each use, so that no copy outlives its turn.
    let mut window = vec![0_u8; 1 << 16];
    let mut found = false;
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (start, end) = map.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let step = (window.len() - needle.len()) as u64;
        for at in (start..end).step_by(step as usize) {
            window.fill(0);
            // Some mappings cannot be read; they are the kernel's.
            let n = memory.read_at(&mut window, at).unwrap_or(0);
            found |= window[..n]
                .windows(needle.len())
                .any(|here| here.iter().zip(needle).all(|(a, b)| a ^ MASK == *b));
        }
    }
    window.fill(0);
    black_box(&window);
    found
}

/// The bytes of a hexadecimal value of a frozen vector, disguised.
fn disguised(case: &serde_json::Value, name: &str) -> Vec<u8> {
    disguised_hex(case[name].as_str().unwrap())
}

fn disguised_hex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes();
    let digit = |at: usize| char::from(digits[at]).to_digit(16).unwrap() as u8;
    (0..digits.len())
        .step_by(2)
        .map(|at| (digit(at) * 16 + digit(at + 1)) ^ MASK)
        .collect()
}

/// The entropy of a frozen vector.
fn entropy(case: &serde_json::Value, role: &str) -> Entropy {
    let nonce = disguised(case, &format!("{role}_nonce"));
    let seed = disguised(case, &format!("{role}_scalar_seed"));
    let mut drawn = nonce.iter().chain(&seed);
    Entropy::gather(|bytes| -> Result<(), ()> {
        for (byte, masked) in bytes.iter_mut().zip(drawn.by_ref()) {
            *byte = masked ^ MASK;
        }
        Ok(())
    })
    .unwrap()
}

fn converse(mut pair: Pair) -> Pair {
    for _ in 0..2 {
        pair.client_to_server().unwrap();
        pair.server_to_client().unwrap();
    }
    pair.client.send(b"*IDN?").unwrap();
    let question = feed(&mut pair.server, &outgoing(&mut pair.client));
    assert_eq!(question, (Ok(()), b"*IDN?".to_vec()));
    pair
}

#[test]
fn a_dropped_secret_is_nowhere() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let disguised = masked(b"n0 word of any dictionary");
    let secret = || -> String {
        disguised
            .iter()
            .map(|byte| char::from(byte ^ MASK))
            .collect()
    };
    let kept = Secret::new(secret()).unwrap();
    // The control: while it lives, the search finds it.
    assert!(is_in_memory(&disguised));
    let pair = converse(Pair {
        client: SecureChannel::client(&kept, "", common::draw("client memory")),
        server: SecureChannel::server(&kept, "", common::draw("server memory")),
    });
    drop(kept);
    // Nor does a channel that is in use keep it.
    assert!(!is_in_memory(&disguised));
    drop(pair);
}

#[test]
fn dropped_keys_are_nowhere() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let vectors = include_str!("vectors/lipc1.json");
    let cases = serde_json::from_str::<serde_json::Value>(vectors).unwrap();
    for (case, (cipher, ciphers)) in [&cases[0], &cases[2]].into_iter().zip(CIPHERS) {
        look_for_keys(case, *cipher, *ciphers);
    }
}

fn look_for_keys(case: &serde_json::Value, cipher: Cipher, ciphers: Ciphers) {
    let secret = Secret::new(case["secret"].as_str().unwrap()).unwrap();
    let secret = secret.with_ciphers(ciphers);
    let pair = converse(Pair {
        client: SecureChannel::client(&secret, "", entropy(case, "client")),
        server: SecureChannel::server(&secret, "", entropy(case, "server")),
    });
    assert_eq!(pair.client.cipher(), Some(cipher));
    let keys = ["k", "isk", "mac_key", "k_c2s", "k_s2c", "exporter"];
    let found = |names: &[&'static str]| -> Vec<&'static str> {
        let left = |name: &&'static str| is_in_memory(&disguised(case, name));
        names.iter().copied().filter(left).collect()
    };
    // What only the handshake needs is gone already; the others are in use, and the search finds them.
    assert_eq!(found(&keys), ["k_c2s", "k_s2c", "exporter"]);
    drop(pair);
    assert_eq!(found(&keys), [""; 0]);
}

/// What the frozen seeds are modulo the order of the group.
const SCALARS: [&str; 2] = [
    "20cc81242eafa4082dad14aa9adfb59cab78a02651effcaf93ea4b7311b9090e",
    "37aeb39770085aa587d879fa83fda3cccdbf8009b7b49281648ce8b8a55c5309",
];

#[test]
fn entropy_and_scalars_are_nowhere_when_they_have_served() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let vectors = include_str!("vectors/lipc1.json");
    let case = &serde_json::from_str::<serde_json::Value>(vectors).unwrap()[0];
    let secret = Secret::new(case["secret"].as_str().unwrap()).unwrap();
    let seeds = ["client", "server"].map(|role| disguised(case, &format!("{role}_scalar_seed")));
    let scalars = SCALARS.map(disguised_hex);
    let found = |needles: &[Vec<u8>]| needles.iter().filter(|it| is_in_memory(it)).count();

    // Each is found while it is needed, and no longer.
    let [client, server] = ["client", "server"].map(|role| entropy(case, role));
    assert_eq!((found(&seeds), found(&scalars)), (2, 0));
    let pair = Pair {
        client: SecureChannel::client(&secret, "", client),
        server: SecureChannel::server(&secret, "", server),
    };
    assert_eq!((found(&seeds), found(&scalars)), (0, 2));
    let pair = converse(pair);
    assert_eq!((found(&seeds), found(&scalars)), (0, 0));
    drop(pair);
}
