//! Bytes to messages and back: preamble, frames, control messages, and the one codec.

pub(crate) mod bulk;
pub mod codec;
pub mod ctrl;
pub mod failure;
pub mod frame;
pub(crate) mod guard;
pub(crate) mod hello;
pub(crate) mod info;
pub mod message;
mod numbered;
pub mod preamble;
mod printable;
pub(crate) mod redact;
mod refusal;
pub mod sanitize;
