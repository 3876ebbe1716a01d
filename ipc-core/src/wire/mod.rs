//! Bytes to messages and back: preamble, frames, control messages, and the one codec.

pub(crate) mod bulk;
pub mod codec;
pub mod ctrl;
pub mod frame;
mod guard;
pub(crate) mod message;
pub mod preamble;
