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
use super::handshake;

#[test]
#[ignore = "prints figures"]
fn records() {
    for size in [64, 1024, 64 << 10] {
        figures::<Ring>("ring", size);
        figures::<Portable>("chacha20poly1305", size);
    }
}

#[test]
#[ignore = "prints figures"]
fn handshakes() {
    let both = median(|| drop(black_box(handshake("waktu", "", "speed"))), 50);
    println!("handshake, both ends: {:.0} µs", both * 1e6);
}

fn figures<A: Aead>(name: &str, size: usize) {
    let key = [7; 32];
    let (mut sealer, mut opener) = (Sealer::<A>::new(&key), Opener::<A>::new(&key));
    let data = vec![5; size];
    let (mut wire, mut plaintext) = (Vec::new(), Vec::new());
    let seal_and_open = || {
        wire.clear();
        plaintext.clear();
        sealer.data(black_box(&data), &mut wire).unwrap();
        opener.read(black_box(&wire), &mut plaintext).unwrap();
    };
    let seconds = median(seal_and_open, 2_000_000 / (size + 500));
    println!(
        "{name:>16} {size:>6} B: {:8.0} ns seal and open, {:7.0} MB/s",
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
