//! Devices that are used together: by a function, by a device that is made of others, or by a batch. Their gates are
//! reserved in the order of registration, so that two callers never wait for each other.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use super::Registry;
use super::behind::Behind;
use super::error::RegisterError;
use super::offers::Offers;
use super::served::ServedDevice;
use super::waiting::{refused, still_wanted};
use crate::interface::blocked::Blocked;
use crate::interface::context::CallContext;
use crate::interface::current;
use crate::interface::gate::{Entry, Place};
use crate::interface::slot::Reserved;
use crate::wire::failure::Refusal;

impl Registry {
    /// Sets whether a function that does not declare what it uses counts as using all devices. By default it takes no gate
    /// but its own.
    pub fn set_functions_use_all(&mut self, use_all: bool) {
        Arc::make_mut(&mut self.offers).functions_use_all = use_all;
    }

    /// Checks that everything that devices and functions declare to use is there.
    ///
    /// # Errors
    ///
    /// Something is used that is not the name of a device.
    pub fn check_uses(&self) -> Result<(), RegisterError> {
        let devices = self.devices.iter();
        let devices = devices.map(|device| (Behind::Device(device), device.uses.as_slice()));
        let functions = self.functions.iter();
        let functions = functions.map(|function| {
            let uses = function.uses.as_deref();
            (Behind::Function(function), uses.unwrap_or_default())
        });
        let mut unknown = devices.chain(functions).filter_map(|(user, uses)| {
            let is_unknown =
                |name: &&String| !self.devices.iter().any(|device| device.name() == *name);
            Some((user, uses.iter().find(is_unknown)?))
        });
        match unknown.next() {
            None => Ok(()),
            Some((user, device)) => Err(RegisterError::UnknownDevice {
                user: user.name().to_string(),
                device: device.clone(),
                devices: self
                    .devices
                    .iter()
                    .map(|device| device.name().to_string())
                    .collect(),
            }),
        }
    }
}

impl Offers {
    /// Returns the devices with these names, and what they use in turn, in the order of registration.
    ///
    /// # Errors
    ///
    /// A name that is not that of a device.
    pub(super) fn used<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Arc<ServedDevice>>, String> {
        let mut names: Vec<String> = names.into_iter().map(str::to_string).collect();
        let mut used = BTreeMap::new();
        while let Some(name) = names.pop() {
            let mut devices = self.description().devices.iter();
            let at = devices.position(|device| device.name == name);
            let device = at.and_then(|at| Some((at, self.devices.get(at)?.upgrade()?)));
            let (at, device) = device.ok_or(name)?;
            if let btree_map::Entry::Vacant(place) = used.entry(at) {
                names.extend(device.uses.iter().cloned());
                place.insert(device);
            }
        }
        Ok(used.into_values().collect())
    }
}

/// How a call waits for a moment at a gate, or ends its wait.
pub(super) type Pause<'a> =
    dyn FnMut(&Place<'_>, Behind<'_>, &CallContext) -> Result<(), Blocked> + 'a;

/// Reserves the gates of `devices`, which are in the order of registration, for the call `entry` to `name`. Waits by `pause`.
pub(super) fn reserve<'a>(
    devices: &'a [Arc<ServedDevice>],
    entry: Entry,
    name: &str,
    context: &CallContext,
    pause: &mut Pause<'_>,
) -> Result<Vec<Reserved<'a>>, Refusal> {
    let mut tries = 0;
    'again: loop {
        let mut reserved: Vec<Reserved<'_>> = Vec::new();
        for device in devices {
            let behind = || Behind::Device(device);
            let mut waited = false;
            let next = device.reserve(entry, |place| {
                waited = true;
                // A release hook inside the next device may wait for one of these, and must not fail.
                match reserved.iter().any(Reserved::is_wanted_by_hook) {
                    true => Err(Blocked::InTheWay),
                    false => pause(place, behind(), context),
                }
            });
            match next {
                Ok(next) => {
                    still_wanted(waited, name, context)?;
                    let host = context.host();
                    let known = host.first_use(context.call(), device.name(), name);
                    known.map_err(|refusal| host.for_client(refusal))?;
                    reserved.push(next);
                }
                Err(Blocked::InTheWay) => continue 'again,
                // One that holds the next device has locked more than it declares, as release hooks may.
                Err(Blocked::Deadlock { .. }) if !reserved.is_empty() && tries < MAX_TRIES => {
                    tries += 1;
                    drop(reserved);
                    current::park();
                    continue 'again;
                }
                Err(blocked) => return Err(refused(&blocked, name, behind(), context)),
            }
            if device.is_removed() {
                return Err(gone(name, device.name()));
            }
        }
        return Ok(reserved);
    }
}

/// Maximum number of deadlocks from which a call withdraws before it is refused.
const MAX_TRIES: usize = 10;

/// The refusal of a call that uses a device which is not there.
pub(super) fn gone(method: &str, device: &str) -> Refusal {
    Refusal::Protocol {
        method: method.to_string(),
        reason: format!("it uses the device `{device}`, which the server does not have any more"),
    }
}
