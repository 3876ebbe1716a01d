//! What happens to a device that a client no longer holds, and to one whose driver hangs.

use std::any::Any;
use std::time::{Duration, Instant};

use super::{Registry, Served};
use crate::contain::contain;
use crate::interface::current;
use crate::interface::remote::{OVERRUN, Release, Remote};
use crate::interface::slot::{Blocked, DriverGuard, Entry, Gate, Stuck};

/// How the release of a device ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Released {
    /// The hook has run.
    Done,
    /// The hook panicked, with this message.
    Panicked(String),
    /// A call hangs in the driver; the hook runs when it leaves, before anybody else is let in.
    Owed,
}

impl Registry {
    /// Runs the release hooks of all devices that have one, in the order of registration. Returns the names of these
    /// devices with how their hooks ended. Blocks while other calls use the devices, but not for those that hang.
    pub fn release(&self, why: Release) -> Vec<(&str, Released)> {
        let devices = self.description().devices.iter().enumerate();
        devices
            .filter_map(|(index, device)| {
                Some((device.name.as_str(), self.release_device(index, why)?))
            })
            .collect()
    }

    /// The places of the devices that have a release hook.
    pub fn with_release_hook(&self) -> Vec<usize> {
        let devices = self.devices.iter().enumerate();
        let hooked = devices.filter(|(_, device)| device.release_hook.is_some());
        hooked.map(|(index, _)| index).collect()
    }

    /// Runs the release hook of the device at this place; `None` if it has no hook. Blocks like
    /// [`release`](Self::release).
    pub fn release_device(&self, index: usize, why: Release) -> Option<Released> {
        let device = self.devices.get(index)?;
        let hook = device.release_hook.as_ref()?;
        let entered = device.driver.slot().enter(Entry::HOOK, |stuck| {
            if let Some(stuck) = stuck
                && device.driver.slot().gate.owe(why)
            {
                return Err(Blocked::Stuck(stuck));
            }
            current::park();
            Ok(())
        });
        let Ok(driver) = entered else {
            return Some(Released::Owed);
        };
        let mut driver = Leaving { device, driver };
        let ended = contain(|| hook(driver.any(), why));
        Some(ended.map_or_else(Released::Panicked, |()| Released::Done))
    }

    /// How long the call with this [id](crate::interface::context::call_id) must run before the devices that it is inside
    /// of count as stuck: the longest time of any of them.
    pub fn overrun(&self, id: u64) -> Duration {
        let entered = self
            .gates()
            .filter(|(_, gate)| gate.inside().is_some_and(|e| e.id == id));
        let overruns = entered.map(|(place, _)| match place {
            Place::Device(at) => self.device_overrun(at),
            Place::Function(_) => OVERRUN,
        });
        overruns.max().unwrap_or(OVERRUN)
    }

    /// The same for the release hook of the device at this place.
    pub fn device_overrun(&self, index: usize) -> Duration {
        self.devices
            .get(index)
            .map_or(OVERRUN, |device| device.overrun)
    }

    /// Refuses the devices and functions that the call with this [id](crate::interface::context::call_id) is inside of to
    /// everybody else, until it leaves them.
    /// Returns what is stuck now.
    pub fn mark_stuck(&self, id: u64, by: &str, since: Instant) -> Vec<Stuck> {
        let entries = || {
            self.gates()
                .filter(|(_, gate)| gate.inside().is_some_and(|e| e.id == id))
        };
        let method = entries().find_map(|(owner, gate)| self.method_name(owner, gate));
        let method = method.unwrap_or_else(|| "a release hook".into());
        let mark = |(owner, gate): (Place, &Gate)| {
            let stuck = Stuck {
                device: self.place_name(owner),
                method: method.clone(),
                by: by.to_string(),
                since,
            };
            gate.mark_stuck(id, stuck.clone()).then_some(stuck)
        };
        entries().filter_map(mark).collect()
    }

    /// Refuses the device at this place to everybody while its release hook runs, which began at `since`.
    pub fn mark_hook_stuck(&self, index: usize, since: Instant) -> Option<Stuck> {
        let gate = &self.devices.get(index)?.driver.slot().gate;
        let stuck = Stuck {
            device: self.place_name(Place::Device(index)),
            method: "on_release".into(),
            by: "the server".into(),
            since,
        };
        gate.mark_stuck(Entry::HOOK.id, stuck.clone())
            .then_some(stuck)
    }

    /// The devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        let stuck = self.gates().filter_map(|(_, gate)| gate.stuck());
        stuck.map(|stuck| (*stuck).clone()).collect()
    }

    fn gates(&self) -> impl Iterator<Item = (Place, &Gate)> {
        let devices = self.devices.iter().enumerate();
        let devices = devices.map(|(at, device)| (Place::Device(at), &device.driver.slot().gate));
        let functions = self.functions.iter().enumerate();
        devices.chain(functions.map(|(at, slot)| (Place::Function(at), &slot.gate)))
    }

    /// The method that the call inside was made to; `None` if it has locked the driver from another one.
    fn method_name(&self, place: Place, gate: &Gate) -> Option<String> {
        let method = gate.inside()?.method;
        match place {
            Place::Device(at) => {
                let device = self.description().devices.get(at)?;
                Some(
                    device
                        .interface
                        .methods
                        .get(method)?
                        .wire_name(&device.prefix),
                )
            }
            Place::Function(_) if method == usize::MAX => None,
            Place::Function(_) => Some(self.place_name(place)),
        }
    }

    fn place_name(&self, place: Place) -> String {
        let description = self.description();
        let name = match place {
            Place::Device(at) => description
                .devices
                .get(at)
                .map(|device| device.name.clone()),
            Place::Function(at) => description
                .functions
                .get(at)
                .map(|method| method.wire_name("")),
        };
        name.unwrap_or_default()
    }
}

/// Something behind a gate.
#[derive(Clone, Copy)]
enum Place {
    Device(usize),
    Function(usize),
}

/// A driver in use. If it was stuck, its release hook runs before the gate opens to anybody, whichever way the call ends.
pub(super) struct Leaving<'a> {
    device: &'a Served,
    driver: DriverGuard<'a, dyn Remote + Send>,
}

impl<'a> Leaving<'a> {
    #[inline]
    pub(super) fn new(device: &'a Served, driver: DriverGuard<'a, dyn Remote + Send>) -> Self {
        Self { device, driver }
    }

    #[inline]
    pub(super) fn get(&mut self) -> &mut (dyn Remote + Send) {
        &mut *self.driver
    }

    fn any(&mut self) -> &mut dyn Any {
        &mut *self.driver
    }

    #[cold]
    fn pay(&mut self, why: Release) {
        if let Some(hook) = &self.device.release_hook
            && let Err(message) = contain(|| hook(self.any(), why))
        {
            tracing::error!("the release hook of a device that had hung panicked: {message}");
        }
    }
}

impl Drop for Leaving<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(why) = self.driver.leave() {
            self.pay(why);
        }
    }
}
