//! Shared parts of the end-to-end tests.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

pub mod bench;
pub mod child;
pub mod log;
pub mod middle;
pub mod probe;
pub mod wait;
pub mod way;

pub use bench::{Bench, BenchError, BenchProxy, Gate};
pub use wait::{until, within};
pub use way::{SECRET, Way};
