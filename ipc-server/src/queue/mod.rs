//! The order of clients, and the way of a connection through it.

pub(crate) mod admission;
pub(crate) mod arrivals;
mod waiting;
