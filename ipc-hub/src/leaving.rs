//! What happens to the devices when a client no longer holds the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Instant;

use ipc_core::Release;
use ipc_core::interface::registry::ServedDevice;

use crate::hub::Hub;
use crate::party::{Interruption, Party, PartySession};
use crate::stay::Departure;

impl Hub {
    /// Notes that `session` of `party` is no longer served, and releases the devices that nobody
    /// uses any more. Returns true if any of them has a release hook.
    ///
    /// If one client at a time holds the server, these are all devices; otherwise those that this party has used, and no other
    /// one that is served. Blocks, but not for a hook that hangs: its device is then stuck, and the remaining hooks run
    /// nevertheless.
    ///
    /// A device that somebody has leased is released when that lease ends, which it does now if it was this party's and the client
    /// does not return.
    pub fn leave(
        self: &Arc<Self>,
        party: &Party,
        session: &Arc<dyn PartySession>,
        departure: Departure,
    ) -> bool {
        let why = departure.why;
        if !self.parties().leaves(party, session) {
            return false;
        }
        let left = self.is_shared().then(|| self.parties().left_by(party));
        let leased: BTreeSet<String> = match why {
            Release::Stopping => BTreeSet::new(),
            _ => self.leased_devices(),
        };
        if !departure.may_return {
            self.party_gone(party.id(), why);
        }
        let hosted = self.hosted();
        let devices = hosted.registry.devices().iter();
        let is_left = |device: &&Arc<ServedDevice>| {
            let is_left = left
                .as_ref()
                .is_none_or(|left| left.contains(device.name()));
            is_left && device.has_release_hook() && !leased.contains(device.name())
        };
        // A device that is removed meanwhile must not have to wait for the hooks before its own.
        let hooked: Vec<_> = devices.filter(is_left).map(Arc::downgrade).collect();
        drop(hosted);
        if hooked.is_empty() {
            return false;
        }
        let info = party.info();
        let client = format!("{} at {}", info.name, info.address);
        let runs =
            |device: &Weak<ServedDevice>| Some((device.upgrade()?.releases(), device.clone()));
        let before: Vec<_> = hooked.iter().filter_map(runs).collect();
        self.release(&hooked, move |device| match why {
            Release::Stopping => device.release(why),
            // Somebody may have leased it in the meantime.
            _ => device.release_unleased(why),
        });
        let but = (why == Release::Finished).then(|| party.id());
        for (before, device) in before {
            let Some(device) = device.upgrade() else {
                continue;
            };
            // Its hook runs when that lease ends.
            if device.owner() != 0 && device.releases() == before {
                continue;
            }
            let what = format!("`{}` was released, because {why}", device.name());
            let interruption = Interruption::new(client.as_str(), what, Instant::now());
            self.parties().released(device.name(), &interruption, but);
        }
        true
    }
}
