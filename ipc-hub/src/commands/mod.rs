//! The commands of the server itself: ordinary `#[remote]` interfaces, called by their names with a dot, as `client.list`.

mod clients;
mod devices;
mod leases;

use std::sync::{Arc, Weak};

use ipc_core::interface::context::CallContext;
use ipc_core::interface::job::{Job, Reply};
use ipc_core::interface::registry::Offers;
use ipc_core::wire::ctrl::Form;
use ipc_core::wire::failure::{Failure, Refusal};
use ipc_core::{Device, Registry};

use self::clients::ClientCommands;
use self::devices::DeviceCommands;
use self::leases::LeaseCommands;
use crate::hub::Hub;
use crate::log::{self, About};

impl Hub {
    /// Runs a command of the server itself to its end. Commands are short, and never wait for anybody.
    ///
    /// # Errors
    ///
    /// The command is unknown, its arguments do not fit, or it cannot be carried out.
    pub fn run_command(
        self: &Arc<Self>,
        job: Job<'_>,
        context: &CallContext,
    ) -> Result<Reply, Box<Failure>> {
        let commands = self.commands(|| registry(&Arc::downgrade(self)));
        let method = job.method.replacen('.', "_", 1);
        let offers = commands.offers();
        if !job.method.contains('.') || !offers.has(&method) {
            return Err(Box::new(unknown(job.method, offers).into()));
        }
        let form = Form::ByName;
        let job = Job {
            method: &method,
            form,
            ..job
        };
        offers.run(job, context)
    }
}

fn registry(hub: &Weak<Hub>) -> Registry {
    let mut registry = Registry::new();
    let devices = [
        Device::new(ClientCommands::new(hub)).prefix("client_"),
        Device::new(DeviceCommands::new(hub)).prefix("device_"),
        Device::new(LeaseCommands::new(hub)).prefix("lease_"),
    ];
    for device in devices {
        if let Err(error) = registry.add_device(device) {
            log::error(
                About::server(),
                format_args!("a command is missing: {error}"),
            );
        }
    }
    registry
}

fn unknown(name: &str, offers: &Offers) -> Refusal {
    let similar = offers.description().names_like(&name.replacen('.', "_", 1));
    let similar = similar.iter().map(|name| name.replacen('_', ".", 1));
    Refusal::UnknownMethod {
        method: name.to_string(),
        similar: similar.collect(),
        hint: String::new(),
    }
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CommandError(pub(crate) String);
