//! Commands about devices.

#![allow(unreachable_pub, reason = "`#[remote]` takes public methods")]

use std::sync::Weak;

use ipc_core::interface::commands::DeviceStatus;
use ipc_core::remote;

use crate::hub::Hub;

pub(super) struct DeviceCommands {
    hub: Weak<Hub>,
}

impl DeviceCommands {
    pub(super) fn new(hub: &Weak<Hub>) -> Self {
        let hub = hub.clone();
        Self { hub }
    }
}

/// The devices of the server.
#[remote]
impl DeviceCommands {
    /// Lists the devices, and who uses them.
    pub fn list(&self) -> Vec<DeviceStatus> {
        let hub = self.hub.upgrade();
        hub.map(|hub| hub.device_states()).unwrap_or_default()
    }
}
