//! `cargo fuzz run records ../tests/corpus/records`
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::records(input));
