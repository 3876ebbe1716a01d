//! Commands about leases.

#![allow(unreachable_pub, reason = "`#[remote]` takes public methods")]

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ipc_core::interface::commands::{ClaimState, Kicked, LeaseInfo, LeaseRequest};
use ipc_core::wire::ctrl::NoticeKind;
use ipc_core::wire::sanitize::fit_to_show;
use ipc_core::{CallContext, remote};

use super::CommandError;
use crate::hub::Hub;
use crate::leases::LeaseError;
use crate::leasing::notice_of;

pub(super) struct LeaseCommands {
    hub: Weak<Hub>,
}

impl LeaseCommands {
    pub(super) fn new(hub: &Weak<Hub>) -> Self {
        let hub = hub.clone();
        Self { hub }
    }

    fn hub(&self) -> Result<Arc<Hub>, CommandError> {
        let closed = || CommandError("the server is stopping".into());
        self.hub.upgrade().ok_or_else(closed)
    }
}

/// The leases of the server.
#[remote]
impl LeaseCommands {
    /// Asks for a lease, or for its state if it was asked for before.
    pub fn claim(
        &mut self,
        ctx: &CallContext,
        request: LeaseRequest,
    ) -> Result<ClaimState, CommandError> {
        let hub = self.hub()?;
        let offers = hub.offers().load();
        let devices = &offers.description().devices;
        let known = |name: &str| devices.iter().any(|device| device.name == name);
        let now = Instant::now();
        let state = hub.change_leases(|table| table.claim(ctx.party(), request, known, now));
        let state = state.map_err(|error| explained(&hub, error))?;
        Ok(named(&hub, state))
    }

    /// Returns the state of a claim, and shows the server that its client still wants it.
    pub fn status(&mut self, ctx: &CallContext, claim: u128) -> Result<ClaimState, CommandError> {
        let hub = self.hub()?;
        let now = Instant::now();
        let state = hub.change_leases(|table| table.asked(ctx.party(), claim, now));
        Ok(named(&hub, state))
    }

    /// Ends a claim, whether it holds its devices or waits. Returns false if there is no such claim.
    pub fn release(&mut self, ctx: &CallContext, claim: u128) -> Result<bool, CommandError> {
        let now = Instant::now();
        let hub = self.hub()?;
        Ok(hub.change_leases(|table| table.release(ctx.party(), claim, now)))
    }

    /// Sets how long a lease still lasts, in milliseconds; without limit if it is left out.
    pub fn renew(
        &mut self,
        ctx: &CallContext,
        claim: u128,
        for_ms: Option<u64>,
    ) -> Result<ClaimState, CommandError> {
        let hub = self.hub()?;
        let lasts = for_ms.map(Duration::from_millis);
        let now = Instant::now();
        let state = hub.change_leases(|table| table.renew(ctx.party(), claim, lasts, now));
        Ok(named(&hub, state))
    }

    /// Gives a lease to another client, given by its id.
    pub fn transfer(
        &mut self,
        ctx: &CallContext,
        claim: u128,
        to: u64,
    ) -> Result<LeaseInfo, CommandError> {
        let hub = self.hub()?;
        let unknown = || CommandError(format!("no client with the id {to} holds the server"));
        let party = hub.parties().of_client(to).ok_or_else(unknown)?;
        let now = Instant::now();
        let lease = hub.change_leases(|table| table.transfer(ctx.party(), claim, party.id(), now));
        let lease = lease.map_err(|error| explained(&hub, error))?;
        let text = format!(
            "{} gives it a lease of `{}`",
            ctx.client(),
            lease.devices.join("`, `")
        );
        let told = notice_of(lease.claim, NoticeKind::Held, text, Duration::ZERO);
        hub.notify(party.id(), &told);
        Ok(hub.named_lease(lease))
    }

    /// Lists the leases, and the claims that wait, in the order in which they were asked for.
    pub fn list(&self) -> Result<Vec<LeaseInfo>, CommandError> {
        Ok(self.hub()?.leases())
    }

    /// Ends the lease of a device after a notice, in milliseconds. A call of its holder that runs ends first.
    pub fn kick(
        &mut self,
        ctx: &CallContext,
        device: String,
        because: String,
        #[remote(default = 0)] notice_ms: u64,
    ) -> Result<Kicked, CommandError> {
        let hub = self.hub()?;
        let (now, notice) = (Instant::now(), Duration::from_millis(notice_ms));
        let (by, why) = (hub.caller(ctx), fit_to_show(&because));
        let lease = hub.change_leases(|table| table.kick(&device, &by, &why, notice, now));
        let Some(lease) = lease else {
            let kicked = hub.kick_seat(&device, &by, &why, notice);
            return kicked.ok_or_else(|| not_leased(&hub, &device));
        };
        if !notice.is_zero() {
            let devices = lease.devices.join("`, `");
            let text = format!("{by} ends the lease of `{devices}` in {notice:?}: {why}");
            let told = notice_of(lease.claim, NoticeKind::Ending, text, notice);
            hub.notify(lease.client, &told);
        }
        let lease = hub.named_lease(lease);
        Ok(Kicked {
            running: hub.running_in(&lease.devices),
            name: lease.name,
            address: lease.address,
        })
    }
}

fn not_leased(hub: &Hub, device: &str) -> CommandError {
    let shown = fit_to_show(device);
    if hub.device(device).is_some() {
        return CommandError(format!("nobody has leased `{shown}`"));
    }
    let devices = hub.device_infos().into_iter().map(|device| device.name);
    let devices: Vec<_> = devices.collect();
    CommandError(format!(
        "there is no device `{shown}`; the devices are `{}`",
        devices.join("`, `")
    ))
}

/// Adds the names of the clients.
fn named(hub: &Hub, state: ClaimState) -> ClaimState {
    match state {
        ClaimState::Waiting { place, behind } => ClaimState::Waiting {
            place,
            behind: behind.into_iter().map(|holder| hub.named(holder)).collect(),
        },
        state => state,
    }
}

/// The error in words, with the clients by their names.
fn explained(hub: &Hub, error: LeaseError) -> CommandError {
    let LeaseError::Circle(waits) = &error else {
        return CommandError(error.to_string());
    };
    let waits = waits.iter().map(|wait| {
        let client = hub.party_label(wait.party);
        format!("for {client} because of `{}`", wait.device)
    });
    let waits: Vec<_> = waits.collect();
    CommandError(format!(
        "clients would wait for each other: this one waits {}; release what this client has first",
        waits.join(", which waits ")
    ))
}
