//! How long sealing, opening and a handshake take. Not a test; figures on request:
//!
//! `cargo test -p ipc-core --release --lib speed -- --ignored --nocapture --test-threads 1`
#![allow(
    clippy::disallowed_methods,
    reason = "a measurement looks at the clock; the core does not"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::super::aead::{Aead, Portable, Ring};
use super::super::record::{Opener, Sealer};
use super::{PortableAes, handshake};
use crate::wire::preamble::Cipher;

#[test]
#[ignore = "prints figures"]
fn records() {
    for size in [64, 1024, 64 << 10] {
        figures::<Ring>(Cipher::ChaCha20Poly1305, "ring", size);
        figures::<Portable>(Cipher::ChaCha20Poly1305, "portable", size);
        figures::<Ring>(Cipher::Aes256Gcm, "ring", size);
        figures::<PortableAes>(Cipher::Aes256Gcm, "portable", size);
    }
}

#[test]
#[ignore = "prints figures"]
fn handshakes() {
    let both = median(|| drop(black_box(handshake("waktu", "", "speed"))), 50);
    println!("handshake, both ends: {:.0} µs", both * 1e6);
}

fn figures<A: Aead>(cipher: Cipher, name: &str, size: usize) {
    let key = [7; 32];
    let mut sealer = Sealer::new(A::new(cipher, &key).unwrap());
    let mut opener = Opener::new(A::new(cipher, &key).unwrap());
    let data = vec![5; size];
    let mut wire = Vec::new();
    let seal_and_open = || {
        wire.clear();
        sealer
            .data([black_box(&data[..])], size, &mut wire)
            .unwrap();
        let opened = opener.read(black_box(&mut wire), |data| {
            black_box(data);
        });
        opened.unwrap();
    };
    let seconds = median(seal_and_open, 2_000_000 / (size + 500));
    println!(
        "{cipher:?} {name:>8} {size:>6} B: {:8.0} ns seal and open, {:7.0} MB/s",
        seconds * 1e9,
        size as f64 / seconds / 1e6
    );
}

/// Seconds per run, the median of 15 rounds of `n` runs.
fn median(mut run: impl FnMut(), n: usize) -> f64 {
    let mut rounds: Vec<Duration> = (0..15)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..n {
                run();
            }
            start.elapsed()
        })
        .collect();
    rounds.sort();
    rounds[7].as_secs_f64() / n as f64
}
