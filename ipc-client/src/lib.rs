//! The protocol of networked instruments, without any input or output of its own.
