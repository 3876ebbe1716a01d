//! An optical power meter: its driver, a simulated instrument, a server and a client.

pub mod powermeter;
pub mod programs;
#[cfg(unix)]
pub mod simulator;
