//! The leases that the shell holds: until they are released, or the shell ends.

use ipc_client::{ClaimState, Client, ConnectionState, Lease};
use serde_json::json;

use crate::arguments::{LeaseOptions, ReleaseOptions, Verb};
use crate::commands;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::{Output, remark};

/// The leases of a shell.
#[derive(Default)]
pub(super) struct Leases(Vec<Lease<Client>>);

impl Leases {
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Leases devices, and returns at once when they are granted.
    pub(super) fn lease(
        &mut self,
        session: &Session,
        options: &LeaseOptions,
        output: Output,
    ) -> Result<(), Failure> {
        self.forget_lost();
        if let Some(device) = options.devices.iter().find(|device| self.has(device)) {
            return Err(Failure::usage(format!(
                "this shell has a lease of `{device}` already; `release {device}` ends it"
            )));
        }
        for device in &options.devices {
            commands::kick::check_device(session, device)?;
        }
        session.enter()?;
        let lease = commands::lease::acquire(session, options)?;
        let devices = lease.devices().to_vec();
        self.0.push(lease);
        match output.json {
            true => output.json_line(&json!({ "leased": devices })),
            false => output.line(format!(
                "leased {}; `release {}` ends the lease, and so does the end of this shell",
                devices.join(", "),
                devices.join(" ")
            )),
        }
    }

    /// Ends leases: those of this shell, and otherwise those of `ipc lease` of the same user.
    pub(super) fn release(
        &mut self,
        session: &Session,
        options: &ReleaseOptions,
        output: Output,
    ) -> Result<(), Failure> {
        self.forget_lost();
        let others = options.devices.iter().filter(|device| !self.has(device));
        let devices: Vec<_> = others.cloned().collect();
        if !devices.is_empty() {
            // What this refuses leaves the own leases as they are.
            let others = Verb::Release(ReleaseOptions { devices });
            commands::run(session, others, output)?;
        }
        let is_meant = |lease: &mut Lease| {
            let mut devices = lease.devices().iter();
            devices.any(|device| options.devices.contains(device))
        };
        let released: Vec<_> = self.0.extract_if(.., is_meant).collect();
        for lease in released {
            let devices = lease.devices().to_vec();
            lease.release()?;
            for device in devices {
                match output.json {
                    true => output.json_line(&json!({ "released": device }))?,
                    false => output.line(format!("released {device}"))?,
                }
            }
        }
        Ok(())
    }

    /// Gives up leases that the server has ended. Of most ends, a notice has told already.
    pub(super) fn forget_lost(&mut self) {
        self.0.retain(|lease| {
            let state = lease.state();
            if let Ok(ClaimState::Unknown) = state {
                let devices = lease.devices().join(", ");
                remark(format!(
                    "the lease of {devices} is lost: the server does not know it any more"
                ));
            }
            matches!(state, Ok(ClaimState::Held { .. }) | Err(_))
        });
    }

    /// Ends all leases, and waits until the server has said so, if there is a connection.
    pub(super) fn end(self, client: &Client) {
        let is_connected = matches!(client.state(), ConnectionState::Connected { .. });
        for lease in self.0 {
            // A lease that is dropped ends as well.
            if is_connected && let Err(error) = lease.release() {
                remark(format!("the end of the lease was not confirmed: {error}"));
            }
        }
    }

    fn has(&self, device: &str) -> bool {
        let devices = self.0.iter().flat_map(Lease::devices);
        devices.into_iter().any(|it| it == device)
    }
}
