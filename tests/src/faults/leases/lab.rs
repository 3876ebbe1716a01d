//! The shared server of a run.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};

use clap::ValueEnum;
use ipc_core::{Device, Shared};
use ipc_hub::mutant::Mutant;
use ipc_server::{ServerBuilder, ServerEvent, ServerHandle};

use super::super::device::Bench;
use super::{DEVICES, record};

/// What the devices ask who has a lease.
#[derive(Clone, Default)]
pub struct Lab(Arc<OnceLock<Weak<ServerHandle>>>);

/// A deliberate fault of the server, which a run must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    /// Calls run each time they come.
    NoDedup,
    /// Clients that have lost a device are not refused their calls for that.
    NeverFences,
    /// Leases are granted before the release hook has run.
    GrantsBeforeTheHook,
}

impl Sabotage {
    /// Plants it in a server that has no clients yet.
    pub fn plant(self, server: &ServerHandle) {
        match self {
            Self::NoDedup => {
                server.plant_in_sessions(&[ipc_core::session::mutant::Mutant::NoDedup]);
            }
            Self::NeverFences => server.plant(Mutant::NeverFences),
            Self::GrantsBeforeTheHook => server.plant(Mutant::GrantsBeforeTheHook),
        }
    }
}

impl Lab {
    /// Adds the devices, which write into `ledger`.
    ///
    /// # Errors
    ///
    /// The ledger cannot be opened.
    pub fn equip(
        &self,
        server: ServerBuilder,
        ledger: &Path,
        sync: bool,
    ) -> io::Result<ServerBuilder> {
        let [laser, meter] = DEVICES;
        let hooked = Shared::new(self.bench(laser, ledger, sync)?);
        let hooked = hooked.on_release(move |bench, _| write(bench, &record::released(laser)));
        let plain = Device::from(self.bench(meter, ledger, sync)?);
        let reports = Bench::open(ledger, sync)?;
        let report = move |event: &ServerEvent| {
            if let ServerEvent::Leased { because, .. } = event {
                write(&reports, &record::leased(because));
            }
        };
        Ok(server
            .shared()
            .device(hooked.name(laser).prefix(format!("{laser}_")))
            .device(plain.name(meter).prefix(format!("{meter}_")))
            .on_event(report))
    }

    /// Has the devices ask this server. To be called before it has clients.
    pub fn open(&self, server: &Arc<ServerHandle>) {
        // It is opened once.
        let _ = self.0.set(Arc::downgrade(server));
    }

    fn bench(&self, device: &'static str, ledger: &Path, sync: bool) -> io::Result<Bench> {
        let lab = self.clone();
        let witness = move || {
            let server = lab.0.get().and_then(Weak::upgrade);
            let devices = server.map(|server| server.device_states());
            let mut devices = devices.into_iter().flatten();
            let device = devices.find(|status| status.name == device);
            device.as_ref().map(record::testimony).unwrap_or_default()
        };
        Ok(Bench::open(ledger, sync)?.watched(Arc::new(witness)))
    }
}

fn write(ledger: &Bench, line: &str) {
    ledger.note(line).expect("a ledger to write into");
}
