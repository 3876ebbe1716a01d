//! The state machines of a connection and of a session: bytes and time in, bytes and events out.

pub mod arrival;
pub mod client;
pub mod link;
pub mod server;
pub mod table;
#[cfg(test)]
mod tests;
