//! `cargo fuzz run preamble ../tests/corpus/preamble`
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::preamble(input));
