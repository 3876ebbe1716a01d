//! Models of the hand-overs between threads.
//!
//! Each model compiles the shipped source of a mechanism with the primitives of `sync` in place of the standard library's,
//! and runs it through all interleavings of a few threads and through everything that the memory model of Rust allows each
//! load to return. No wait has a time limit here, so a lost wake-up is a deadlock, which loom reports.
//!
//! The threads around the mechanism are written here: they do what the callers of a gate and the threads of a session do,
//! without drivers, sockets and sessions. Each model also runs with deliberate mistakes of these threads, or with
//! faults (`sync::Fault`) of their primitives, and must then fail.
//!
//! Models with too many interleavings have a maximum number of preemptions. `LOOM_MAX_PREEMPTIONS` replaces it.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken model ends the test"
)]

mod check;
mod sync;

mod gates;
mod leased_gates;
mod parking;
mod reader;
mod time;
mod waits;
mod writer;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "the model does not use all of it"
)]
#[path = "../../../ipc-core/src/interface/blocked.rs"]
mod blocked;

#[allow(
    dead_code,
    unreachable_pub,
    reason = "the model does not use all of it"
)]
#[path = "../../../ipc-core/src/interface/gate/mod.rs"]
mod gate;

#[allow(dead_code, reason = "the model does not use it")]
#[path = "../../../ipc-core/src/interface/readings.rs"]
mod readings;

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

#[path = "../../../ipc-server/src/session/write_queue.rs"]
mod write_queue;
