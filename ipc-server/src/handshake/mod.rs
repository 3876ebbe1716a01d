//! From an accepted connection to one whose client has said who it is.

pub(crate) mod access;
pub(crate) mod connection;
pub(crate) mod gate;
pub(crate) mod greeting;
mod memory;
mod stranger;
