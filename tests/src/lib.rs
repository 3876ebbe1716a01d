//! Shared parts of the end-to-end tests and of the proofs.

pub mod faults;
pub mod model;
pub mod python;
pub mod random;
pub mod simulation;
