//! Commands about clients.

#![allow(unreachable_pub, reason = "`#[remote]` takes public methods")]

use std::sync::{Arc, Weak};

use ipc_core::interface::commands::{ClientSummary, Kicked};
use ipc_core::wire::sanitize::fit_to_show;
use ipc_core::{CallContext, remote};

use super::CommandError;
use crate::event::ClientInfo;
use crate::front_end::{FrontEnd, kicked};
use crate::hub::Hub;
use crate::time::millis;

pub(super) struct ClientCommands {
    hub: Weak<Hub>,
}

impl ClientCommands {
    pub(super) fn new(hub: &Weak<Hub>) -> Self {
        let hub = hub.clone();
        Self { hub }
    }

    fn front_end(&self) -> Option<Arc<dyn FrontEnd>> {
        self.hub.upgrade()?.front_end()
    }
}

/// The clients of the server.
#[remote]
impl ClientCommands {
    /// Lists the clients that hold the server, and then those that wait, in order.
    pub fn list(&self) -> Vec<ClientSummary> {
        let clients = self.front_end().map(|front_end| front_end.clients());
        clients.into_iter().flatten().map(summary).collect()
    }

    /// Disconnects a client. A call of it that runs ends first.
    pub fn kick(
        &mut self,
        ctx: &CallContext,
        client: u64,
        because: String,
    ) -> Result<Kicked, CommandError> {
        let unknown = || CommandError(format!("there is no client with the id {client}"));
        let front_end = self.front_end().ok_or_else(unknown)?;
        let mut clients = front_end.clients().into_iter();
        let found = clients.find(|info| info.id == client).ok_or_else(unknown)?;
        let because = fit_to_show(&because);
        let by = self.hub.upgrade().map(|hub| hub.caller(ctx));
        let by = by.unwrap_or_else(|| ctx.client().to_string());
        match front_end.disconnect(client, &by, &because) {
            true => Ok(kicked(found)),
            false => Err(unknown()),
        }
    }
}

fn summary(client: ClientInfo) -> ClientSummary {
    let running = client.running.as_ref();
    ClientSummary {
        id: client.id,
        place: u32::try_from(client.place).unwrap_or(u32::MAX),
        connected_ms: millis(client.connected),
        idle_ms: millis(client.idle),
        calls: client.calls,
        running: running.map(|call| call.method.clone()).unwrap_or_default(),
        device: running
            .and_then(|call| call.device.clone())
            .unwrap_or_default(),
        running_ms: running.map_or(0, |call| millis(call.runs_for)),
        name: fit_to_show(&client.name),
        address: client.address,
    }
}
