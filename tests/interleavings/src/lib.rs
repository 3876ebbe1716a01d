//! Models of the hand-overs between threads.
//!
//! Each model runs the shipped source of a mechanism, with the primitives of [`sync`] in place of the standard library's,
//! through all interleavings of a few threads, and through everything that the memory model of Rust allows each load to
//! return. Waits are never timed here, so a lost wake-up is a deadlock, which loom reports.
//!
//! Each model is run with deliberate [faults](sync::Fault) as well, and must then fail.
//!
//! Models with more than a million interleavings bound the number of preemptions; `LOOM_MAX_PREEMPTIONS` sets another
//! bound.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken model ends the test"
)]

mod check;
mod sync;

mod gate;
mod parking;
mod reader;
mod remote;
mod time;
mod waits;
mod writer;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "the model does not use all of it"
)]
#[path = "../../../ipc-core/src/interface/slot.rs"]
mod slot;

#[allow(unreachable_pub, reason = "the model has no users")]
#[path = "../../../ipc-hub/src/tick.rs"]
mod tick;

#[allow(dead_code, reason = "the model does not use all of it")]
#[path = "../../../ipc-server/src/session/handover.rs"]
mod handover;

#[path = "../../../ipc-server/src/session/outbox.rs"]
mod outbox;
