//! The implicit lease of the client that holds a server which one client at a time holds.
//!
//! Such a client has all devices that it has not leased by a claim. Nobody else has a call that a gate could refuse, so the
//! lease is in no table: it begins and ends with the place of the client, whose departure runs the release hooks. Here it is
//! shown, and ended, as every other lease.

use std::time::Duration;

use ipc_core::interface::commands::{HolderInfo, Kicked, LeaseInfo};
use ipc_core::wire::ctrl::NoticeKind;

use crate::front_end::kicked;
use crate::hub::Hub;
use crate::leasing::{FREE, notice_of};
use crate::party::PartyInfo;
use crate::time::millis;

impl Hub {
    /// Returns the implicit lease, which has the number 0, if a client holds the server by itself and has not leased all
    /// devices by claims.
    pub(crate) fn seat(&self) -> Option<LeaseInfo> {
        let (_, holder) = self.seated()?;
        let devices = self.devices();
        let devices = devices.iter().filter(|device| device.owner() == FREE);
        let devices: Vec<_> = devices.map(|device| device.name().to_string()).collect();
        (!devices.is_empty()).then(|| LeaseInfo {
            claim: IMPLICIT,
            devices,
            client: holder.client,
            since_ms: millis(holder.held),
            is_doubtful: !holder.is_connected,
            ends_ms: self.seat_end().left(holder.client).map(millis),
            name: holder.name,
            address: holder.address,
            ..LeaseInfo::default()
        })
    }

    /// Returns who has a device by the implicit lease.
    pub(crate) fn seat_holder(&self, device: &str) -> Option<HolderInfo> {
        let (_, holder) = self.seated()?;
        self.device(device)
            .filter(|device| device.owner() == FREE)?;
        Some(HolderInfo {
            device: device.to_string(),
            client: holder.client,
            since_ms: millis(holder.held),
            idle_ms: millis(holder.idle),
            ends_ms: self.seat_end().left(holder.client).map(millis),
            name: holder.name,
            address: holder.address,
            ..HolderInfo::default()
        })
    }

    /// Ends the implicit lease after a notice, for which its client is disconnected. A call of it that runs ends first.
    /// Returns `None` if nobody has the device by it.
    pub(crate) fn kick_seat(
        &self,
        device: &str,
        by: &str,
        why: &str,
        notice: Duration,
    ) -> Option<Kicked> {
        let client = self.seat_holder(device)?.client;
        let front_end = self.front_end()?;
        let found = front_end.clients().into_iter();
        let found = found.filter(|info| info.id == client).map(kicked).next()?;
        if notice.is_zero() {
            return front_end.disconnect(client, by, why).then_some(found);
        }
        let (party, _) = self.seated()?;
        let text = format!("{by} disconnects this client in {notice:?}: {why}");
        self.notify(
            party,
            &notice_of(IMPLICIT, NoticeKind::Ending, text, notice),
        );
        let told = (by, why);
        self.seat_end()
            .set(&front_end, self.runtime(), client, told, notice);
        Some(found)
    }

    /// Returns the client that holds the server by itself, and the number of its party.
    fn seated(&self) -> Option<(u64, PartyInfo)> {
        let party = match self.is_shared() {
            true => return None,
            false => self.parties().any_served()?,
        };
        let info = party.info();
        (info.client != 0).then(|| (party.id(), info))
    }
}

/// The number of the implicit lease: no claim has it.
const IMPLICIT: u128 = 0;
