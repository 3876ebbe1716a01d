//! The protocol of networked instruments, without any input or output of its own.

pub mod secure;
pub mod wire;
