//! Who has the devices, who is inside, and who they are, for people and in refusals.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::CallContext;
use ipc_core::interface::commands::{DeviceStatus, HolderInfo, LeaseInfo};
use ipc_core::interface::context::session_of;
use ipc_core::interface::registry::ServedDevice;
use ipc_core::wire::failure::{Fenced, Held, Refusal};

use crate::hub::Hub;
use crate::leasing::FREE;
use crate::time::millis;

impl Hub {
    /// Returns why a party must not enter a device that was taken away from it, and when it lost the device. Asked inside the gate,
    /// so that nothing can change between the question and the entry.
    pub fn fenced(&self, party: u64, device: &str, method: &str) -> Option<(Refusal, Instant)> {
        let fence = self.read_leases(|table| table.fence(party, device).cloned())??;
        let ago = Instant::now().saturating_duration_since(fence.at);
        let refusal = Refusal::Fenced(Box::new(Fenced {
            method: method.to_string(),
            device: device.to_string(),
            by: fence.by,
            why: fence.why,
            ago_ms: millis(ago),
        }));
        Some((refusal, fence.at))
    }

    /// Returns when a device was taken away from a party, if it was.
    pub fn lost_at(&self, party: u64, device: &str) -> Option<Instant> {
        let fence = self.read_leases(|table| table.fence(party, device).map(|fence| fence.at));
        fence.flatten()
    }

    /// Returns the refusal of a call to a device that belonged to the party `owner` a moment ago.
    pub fn held_by(&self, owner: u64, device: &str, method: &str) -> Refusal {
        let holder = self
            .read_leases(|table| table.holder(device, Instant::now()))
            .flatten();
        let holder = holder.filter(|holder| holder.client == owner);
        // It may have released the device just now.
        let holder = self.named(holder.unwrap_or_else(|| HolderInfo {
            client: owner,
            ..HolderInfo::default()
        }));
        let (method, device) = (method.to_string(), device.to_string());
        Refusal::Held(Box::new(Held {
            method,
            device,
            holder: holder.name,
            address: holder.address,
            since_ms: holder.since_ms,
            idle_ms: holder.idle_ms,
            reason: holder.because,
            ends_ms: holder.ends_ms,
        }))
    }

    /// Returns when the party lost the devices that it has leased again since.
    pub fn regained(&self, party: u64) -> Vec<(String, Instant)> {
        // At one moment: the lease could end between two looks, and the loss would seem to be the one before it.
        let regained = self.read_leases(|table| table.regained(party));
        regained.unwrap_or_default()
    }

    /// Returns the devices that the party has leased.
    pub fn leased_by(&self, party: u64) -> Vec<String> {
        let leases = self.read_leases(|table| table.list(Instant::now()));
        let leases = leases.into_iter().flatten();
        let held = leases.filter(|lease| lease.client == party && lease.place == 0);
        held.flat_map(|lease| lease.devices).collect()
    }

    /// Returns the devices that are leased, or on their way from one holder to the next.
    pub(crate) fn leased_devices(&self) -> BTreeSet<String> {
        let devices = self.devices().into_iter();
        let leased = devices.filter(|device| device.owner() != FREE);
        leased.map(|device| device.name().to_string()).collect()
    }

    /// Returns all leases, and the claims that wait, in the order in which they were asked for, behind the implicit one.
    pub fn leases(&self) -> Vec<LeaseInfo> {
        let leases = self.read_leases(|table| table.list(Instant::now()));
        let leases = leases.into_iter().flatten();
        let leases = leases.map(|lease| self.named_lease(lease));
        self.seat().into_iter().chain(leases).collect()
    }

    /// Returns who has leased a device.
    pub(crate) fn lease_holder(&self, device: &str) -> Option<HolderInfo> {
        let holder = self.read_leases(|table| table.holder(device, Instant::now()));
        match holder.flatten() {
            Some(holder) => Some(self.named(holder)),
            None => self.seat_holder(device),
        }
    }

    /// Replaces the number of the party in `holder` by the id of its client, and adds what the table does not know.
    pub(crate) fn named(&self, mut holder: HolderInfo) -> HolderInfo {
        if let Some(party) = self.parties().get(holder.client) {
            let info = party.info();
            holder.client = info.client;
            holder.name = info.name;
            holder.address = info.address;
            holder.idle_ms = millis(info.idle);
        } else {
            holder.name = NOT_BACK.into();
        }
        holder
    }

    /// The same for a lease.
    pub(crate) fn named_lease(&self, mut lease: LeaseInfo) -> LeaseInfo {
        if let Some(party) = self.parties().get(lease.client) {
            let info = party.info();
            lease.client = info.client;
            lease.name = info.name;
            lease.address = info.address;
        } else {
            lease.name = NOT_BACK.into();
        }
        lease
    }

    /// Returns name and address of the client that calls, for people: an observer speaks for its client.
    pub(crate) fn caller(&self, ctx: &CallContext) -> String {
        match self.parties().get(ctx.party()).map(|party| party.info()) {
            Some(info) if info.client != 0 => format!("{} at {}", info.name, info.address),
            _ => ctx.client().to_string(),
        }
    }

    /// Returns name and address of the client of a party, for people.
    pub(crate) fn party_label(&self, party: u64) -> String {
        match self.parties().get(party).map(|party| party.info()) {
            Some(info) => format!("{} at {}", info.name, info.address),
            None => "a client that has left".into(),
        }
    }

    /// Returns what the devices are used for at this moment, in the order of registration.
    pub fn device_states(&self) -> Vec<DeviceStatus> {
        let stuck = self.stuck();
        let status = |device: &Arc<ServedDevice>| DeviceStatus {
            name: device.name().to_string(),
            prefix: device.description().prefix.clone(),
            holder: self.lease_holder(device.name()),
            inside: self.inside_of(device),
            running: device
                .inside()
                .and_then(|inside| inside.method)
                .unwrap_or_default(),
            waiting: u32::try_from(device.waiting()).unwrap_or(u32::MAX),
            is_stuck: stuck.iter().any(|stuck| stuck.device == device.name()),
        };
        self.devices().iter().map(status).collect()
    }

    /// Returns the method that runs in one of these devices; empty if none does.
    pub(crate) fn running_in(&self, devices: &[String]) -> String {
        let devices = devices.iter().filter_map(|name| self.device(name));
        let mut running = devices.filter_map(|device| device.inside()?.method);
        running.next().unwrap_or_default()
    }

    /// Returns who is inside a device, for people; empty if nobody is.
    pub(crate) fn inside_of(&self, device: &ServedDevice) -> String {
        let Some(inside) = device.inside() else {
            return String::new();
        };
        let client = session_of(inside.id).and_then(|id| self.parties().of_client(id));
        match (inside.local, client) {
            (Some(name), _) => name,
            (None, Some(party)) => self.party_label(party.id()),
            (None, None) => "the server".into(),
        }
    }
}

/// What a client is called whose lease was saved, and that has not come back since.
const NOT_BACK: &str = "a client that has not returned since the server was restarted";
