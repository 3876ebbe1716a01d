//! Bytes to messages and back: preamble, frames, control messages, and the one codec.
//!
//! A driver needs the codec, the head of a call, and the ways in which a call fails. The rest is behind the feature
//! `protocol`.

pub mod block;
pub(crate) mod bulk;
#[cfg(feature = "protocol")]
mod bye;
pub mod codec;
pub mod ctrl;
pub mod failure;
pub mod frame;
pub(crate) mod guard;
#[cfg(feature = "protocol")]
pub(crate) mod hello;
#[cfg(feature = "protocol")]
pub(crate) mod info;
#[cfg(feature = "protocol")]
pub mod message;
pub mod notice;
mod numbered;
#[cfg(feature = "protocol")]
pub mod preamble;
mod printable;
mod queue_status;
pub(crate) mod redact;
mod refusal;
pub mod sanitize;
#[cfg(feature = "protocol")]
pub(crate) mod spare;
