//! The order of clients: who holds the server, who is next, and how a connection gets there.

pub(crate) mod arrivals;
mod beside;
mod idle;
pub(crate) mod place;
mod resume;
mod waiting;
