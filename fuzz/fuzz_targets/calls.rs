//! `cargo fuzz run calls ../tests/corpus/calls`
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::long_calls::calls(input));
