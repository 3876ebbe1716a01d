//! Bytes to messages and back: preamble, frames, control messages, and the one codec.

pub(crate) mod bulk;
pub mod codec;
pub mod ctrl;
pub mod failure;
pub mod frame;
pub(crate) mod guard;
pub(crate) mod length;
pub mod message;
pub mod preamble;
pub mod text;
