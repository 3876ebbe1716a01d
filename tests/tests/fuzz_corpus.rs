//! The fuzz targets over the kept corpus and some thousand mutations of it, in every ordinary test run.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::path::{Path, PathBuf};

/// Number of mutations of each file of the corpus.
const MUTATIONS: u64 = 60;

#[test]
fn preamble() {
    run("preamble", bodies::preamble);
}

#[test]
fn handshake() {
    run("handshake", bodies::handshake);
}

#[test]
fn records() {
    run("records", bodies::records);
}

#[test]
fn calls() {
    run("calls", bodies::long_calls::calls);
}

#[test]
fn the_corpus_holds_the_honest_inputs() {
    for (target, name, bytes) in bodies::seeds() {
        let path = corpus(target).join(name);
        // Without them the mutations would never come past the first check.
        if std::env::var_os("IPC_WRITE_CORPUS").is_some() {
            std::fs::write(&path, &bytes).expect("a corpus to write");
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{} is not what it was", path.display());
    }
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

fn run(target: &str, body: fn(&[u8])) {
    let mut files = 0;
    for entry in std::fs::read_dir(corpus(target)).expect("a corpus") {
        let input = std::fs::read(entry.expect("a file").path()).expect("its content");
        body(&input);
        let mut dice = Dice(files + 1);
        for _ in 0..MUTATIONS {
            body(&mutated(input.clone(), &mut dice));
        }
        files += 1;
    }
    assert!(files >= 30, "only {files} files for {target}");
}

fn mutated(mut input: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    for _ in 0..=dice.below(3) {
        let at = dice.below(input.len() + 1);
        let byte = dice.below(256) as u8;
        match (dice.below(5), input.get_mut(at)) {
            (0, Some(there)) => *there ^= 1 << (byte % 8),
            (1, Some(there)) => *there = byte,
            (2, Some(_)) => input.truncate(at),
            (3, _) => input.insert(at, byte),
            (_, _) => input.extend_from_within(at..),
        }
    }
    input
}

/// A small generator (xorshift64*), so that every run makes the same changes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        drawn as usize % limit
    }
}
