//! Bytes to messages and back: preamble, frames, control messages, and the one codec.

pub mod preamble;
