//! What both ends of a connection do with addresses and sockets.
//!
//! The server and the client parse addresses by the same rules, report the same mistakes in them, and set up their
//! sockets in the same way, so that each notices within a known time that the other is gone.

#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod address;
mod keepalive;
mod socket;

pub use address::{Address, AddressError, DEFAULT_PORT, seen_from_elsewhere, unresolved};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use socket::has_arrivals;
pub use socket::{
    ACCEPTED_SOCKETS_INHERIT, ConfigureError, configure, defer_accept, read_now, wake_at,
};
