//! An optical power meter: driver, simulated instrument, server and client.

pub mod powermeter;
#[cfg(unix)]
pub mod simulator;
