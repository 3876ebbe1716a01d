//! An optical power meter: driver, simulated instrument, server and client.

pub mod powermeter;
pub mod programs;
#[cfg(unix)]
pub mod simulator;
