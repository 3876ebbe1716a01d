//! The server without sockets: its devices, the calls inside them, events and the log.
//!
//! A front end such as `ipc-server` takes calls from a network, turns them into [jobs](ipc_core::interface::job::Job),
//! and runs them through what the [`Hub`] offers. This crate holds what all front ends share: the devices, what happens
//! when a client releases them or a driver hangs, the rules about clients and their calls, events and their callback, what
//! a stop waits for, and the log. Programs use a front end, and not this crate.

// `usize` may have 32 bits: a cast from `u64` can lose the upper half.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

#[cfg(feature = "proof")]
macro_rules! has_mutant {
    ($calls:expr, $mutant:ident) => {
        $calls.mutant == Some($crate::mutant::Mutant::$mutant)
    };
}
#[cfg(not(feature = "proof"))]
macro_rules! has_mutant {
    ($calls:expr, $mutant:ident) => {
        false
    };
}

pub mod admission;
pub mod calls;
pub mod commands;
pub mod driver_call;
pub mod event;
pub mod events;
pub mod front_end;
pub mod hosted;
mod hub;
mod lease_state;
pub mod leases;
mod leasing;
mod leaving;
pub mod log;
#[cfg(feature = "proof")]
pub mod mutant;
pub mod party;
mod release;
mod saved_leases;
mod seat;
mod seat_end;
pub mod stay;
mod stuck;
mod sync;
pub mod tick;
pub mod time;
mod usage;
mod user_thread;
pub mod work;

pub use hub::{CurrentOffers, Hub, OffersView, RemoveError};
