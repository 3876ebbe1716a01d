//! The devices and functions that can be called.

mod batch;
#[cfg(test)]
mod batch_tests;
mod behind;
mod error;
#[cfg(test)]
mod gate_tests;
mod names;
mod offers;
mod recent;
mod register;
mod served;
#[cfg(test)]
mod tests;
mod urgent;
mod uses;
#[cfg(test)]
mod uses_tests;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::behind::Behind;
use self::served::ServedFunction;
use super::blocked::Stuck;
use super::context::CallContext;
use super::describe::ServerDescription;
use super::job::{Job, Reply};
use super::remote::{OVERRUN, Release};
use crate::wire::codec::MIN_DECODE_MEMORY;
use crate::wire::failure::Failure;

pub use error::RegisterError;
pub use offers::Offers;
pub use served::{Released, ServedDevice};

/// The devices and functions that can be called.
///
/// Dropping it drops them. A device that a call is inside of is dropped when that call returns.
#[derive(Default)]
pub struct Registry {
    /// In the order of registration, as in the description.
    devices: Vec<Arc<ServedDevice>>,
    /// Devices that are offered no longer, but may still have a call or a hook inside.
    leaving: Vec<Arc<ServedDevice>>,
    functions: Vec<Arc<ServedFunction>>,
    offers: Arc<Offers>,
}

impl Registry {
    /// Creates an empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the devices, in the order of registration.
    pub fn devices(&self) -> &[Arc<ServedDevice>] {
        &self.devices
    }

    /// Returns a snapshot of what can be called now.
    pub fn offers(&self) -> &Arc<Offers> {
        &self.offers
    }

    /// Returns the description of everything that can be called.
    pub fn description(&self) -> &ServerDescription {
        self.offers.description()
    }

    /// True if there is no device and no function, and none is [leaving](Self::remove_device).
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty() && self.leaving.is_empty() && self.functions.is_empty()
    }

    /// Returns functions and devices, each with a text that names it, for a caller that drops them one by one: each
    /// `Drop` may block, and may panic.
    pub fn dismantle(self) -> Vec<(String, Box<dyn Send>)> {
        let functions = self.functions.into_iter().map(|function| {
            let label = format!("the function `{}`", function.name());
            (label, Box::new(function) as Box<dyn Send>)
        });
        let devices = self.devices.into_iter().chain(self.leaving);
        let devices = devices.map(|device| {
            let label = format!("`{}`", device.name());
            (label, Box::new(device) as Box<dyn Send>)
        });
        functions.chain(devices).collect()
    }

    /// Sets the maximum memory for the decoded arguments of a call, in bytes, beyond 8 times their size on the wire.
    /// Values below [`MIN_DECODE_MEMORY`] count as that.
    pub fn set_decode_memory(&mut self, bytes: usize) {
        Arc::make_mut(&mut self.offers).decode_memory = bytes.max(MIN_DECODE_MEMORY);
    }

    /// Runs a call to its end; see [`Offers::run`].
    pub fn run(&self, job: Job<'_>, context: &CallContext) -> Result<Reply, Box<Failure>> {
        self.offers.run(job, context)
    }

    /// Runs the release hooks of all devices that have one, in the order of registration. Returns the names of these
    /// devices, and how their hooks ended. Blocks while calls use the devices, but not for calls that hang.
    pub fn release(&self, why: Release) -> Vec<(&str, Released)> {
        let devices = self.devices.iter();
        devices
            .filter_map(|device| Some((device.name(), device.release(why)?)))
            .collect()
    }

    /// Returns how long the call with this [id](crate::interface::context::call_id) must run before the devices that it
    /// is inside of can count as stuck: the longest [overrun](crate::Device::overrun) among them.
    pub fn overrun(&self, id: u64) -> Duration {
        let beside = || self.device_beside(id).map(|device| device.overrun());
        self.longest_overrun(id).or_else(beside).unwrap_or(OVERRUN)
    }

    /// Returns true if the call with this [id](crate::interface::context::call_id) runs an urgent method, which makes no
    /// device stuck if it hangs.
    pub fn is_beside(&self, id: u64) -> bool {
        self.device_beside(id).is_some()
    }

    fn device_beside(&self, id: u64) -> Option<&Arc<ServedDevice>> {
        self.all_devices().find(|device| device.has_beside(id))
    }

    /// Like [`overrun`](Self::overrun), also for a [hook](ServedDevice::hook_id). `None` if it is inside of no device.
    pub fn longest_overrun(&self, id: u64) -> Option<Duration> {
        let entered = self.behind_gates().filter(|behind| behind.is_inside(id));
        entered.map(|behind| behind.overrun()).max()
    }

    /// Marks the devices and functions that the call with this [id](crate::interface::context::call_id), or the
    /// [hook](ServedDevice::hook_id), is inside of as stuck: other calls to them are refused until it leaves them. Returns
    /// those that were marked.
    ///
    /// `by` names its caller; `since` is when it began.
    pub fn mark_stuck(&self, id: u64, by: &str, since: Instant) -> Vec<Stuck> {
        let entered = || self.behind_gates().filter(|behind| behind.is_inside(id));
        let called = entered().find_map(|behind| behind.method_inside());
        let hooked = self.all_devices().find(|device| device.hook_id() == id);
        let mark = |behind: Behind<'_>| {
            let method = match (&called, hooked) {
                (Some(method), _) => method.clone(),
                (None, Some(device)) if device.name() != behind.name() => {
                    format!("on_release of {}", device.name())
                }
                (None, _) => "on_release".into(),
            };
            let stuck = Stuck {
                device: behind.name().to_string(),
                method,
                by: by.to_string(),
                since,
            };
            let is_marked = behind.gate().mark_stuck(id, stuck.clone());
            is_marked.then_some(stuck)
        };
        entered().filter_map(mark).collect()
    }

    /// Returns the devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        let stuck = self
            .behind_gates()
            .filter_map(|behind| behind.gate().stuck());
        stuck.map(|stuck| (*stuck).clone()).collect()
    }

    fn all_devices(&self) -> impl Iterator<Item = &Arc<ServedDevice>> {
        self.devices.iter().chain(&self.leaving)
    }

    fn behind_gates(&self) -> impl Iterator<Item = Behind<'_>> {
        let devices = self.all_devices().map(|device| Behind::Device(device));
        let functions = self.functions.iter();
        devices.chain(functions.map(|function| Behind::Function(function)))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.offers).finish()
    }
}
