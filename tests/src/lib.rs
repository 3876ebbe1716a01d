//! Shared parts of the end-to-end tests and of the model.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as a test expects ends it"
)]

pub mod bench;
pub mod child;
pub mod faults;
pub mod lease_rounds;
pub mod leases_model;
pub mod log;
pub mod middle;
pub mod model;
pub mod notebook;
pub mod probe;
pub mod python;
pub mod random;
pub mod raw;
pub mod schedules;
pub mod simulation;
pub mod tenure;
pub mod valve;
pub mod wait;
pub mod way;

pub use bench::{Bench, BenchError, BenchProxy, Gate};
pub use wait::{until, within};
pub use way::{SECRET, Way};
