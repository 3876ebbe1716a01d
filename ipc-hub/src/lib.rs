//! The server without sockets: the devices by name, the calls inside them, and what is told about them.
//!
//! A front end such as `ipc-server` takes calls from a network, turns them into [jobs](ipc_core::interface::job::Job), and
//! runs them through the [`Hub`]. What all front ends share is here: which devices there are, what happens when a client
//! gives them back or a driver hangs, whom events are told to, what a stop waits for, and the log. Programs use a front end;
//! nothing here is meant for them.

// `usize` may have 32 bits: a cast from `u64` can lose the upper half.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

pub mod driver_call;
pub mod event;
pub mod events;
pub mod hosted;
mod hub;
pub mod log;
mod release;
mod sync;
pub mod tick;
pub mod time;
pub mod work;

pub use hub::{CurrentOffers, Hub, OffersView, RemoveError};
