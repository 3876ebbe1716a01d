//! The state machines of a connection and of a session: bytes and time in, bytes and events out.

pub mod arrival;
pub mod client;
#[cfg(feature = "proof")]
pub mod digest;
pub mod link;
pub mod mutant;
pub mod server;
pub mod table;
#[cfg(test)]
mod tests;
