//! A sensor for the tests of the monitor.

use ipc_client::remote;
use ipc_server::{Device, ServerBuilder};

/// A sensor with what can go wrong in one.
#[derive(Default)]
pub struct Probe {
    readings: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("the wire is\nbroken\u{1b}[2J")]
pub struct Broken;

#[remote(crate = ipc_client)]
impl Probe {
    /// Fails each second time.
    #[remote(get, unit = "K")]
    pub fn temperature(&mut self) -> Result<f64, Broken> {
        self.readings += 1;
        match self.readings % 2 {
            1 => Ok(f64::from(self.readings)),
            _ => Err(Broken),
        }
    }

    /// A number that is always there.
    #[remote(read)]
    pub fn count(&self, #[remote(default = 3)] start: u32) -> u32 {
        start
    }

    #[remote(read, unit = "V")]
    pub fn trace(&self) -> Vec<f64> {
        (0..300).map(|index| f64::from(index % 100)).collect()
    }
}

/// Adds a sensor to a server.
pub fn with_probe(server: ServerBuilder) -> ServerBuilder {
    let probe = Device::new(Probe::default());
    server.device(probe.name("probe").prefix("probe_"))
}
