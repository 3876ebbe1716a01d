//! A device or function that is offered: how it is entered, released, removed and marked as stuck.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::urgent::UrgentMethods;
use crate::contain::{contain, contain_logged};
use crate::interface::blocked::{Blocked, Occupant};
use crate::interface::describe::DeviceDescription;
use crate::interface::function::Function;
use crate::interface::gate::{self, Entry, Gate, Place};
use crate::interface::remote::{Device, Release, ReleaseHook, Remote, Shared};
use crate::interface::slot::{DriverGuard, Reserved, Slot};
use crate::interface::{context, current};
use crate::wire::block::Probe;

/// A device that is offered.
pub struct ServedDevice {
    driver: Shared<dyn Remote + Send>,
    description: DeviceDescription,
    /// Finds the long lists in the arguments of a method, given by its number.
    pub(super) probe: fn(usize) -> Probe,
    /// The path of the driver's type.
    path: &'static str,
    release_hook: Option<ReleaseHook>,
    /// The release hook, as gates know it. It runs once at a time, inside the gate of the device.
    hook_id: u64,
    /// The names of other devices that its methods use.
    pub(super) uses: Vec<String>,
    /// How often the hook has run.
    releases: AtomicU64,
    overrun: Duration,
    is_removed: AtomicBool,
    urgent: Option<Arc<UrgentMethods>>,
}

/// A function that is offered.
pub(super) struct ServedFunction {
    pub(super) slot: Slot<Box<dyn Function>>,
    name: String,
    /// The names of the devices that it declares to use.
    pub(super) uses: Option<Vec<String>>,
}

/// How the release of a device ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Released {
    /// The hook has run.
    Done,
    /// The hook panicked, with this message.
    Panicked(String),
    /// A call hangs in the driver. The hook runs when that call returns, before another one is let in.
    Owed,
}

impl ServedDevice {
    /// The device, which has no name yet.
    pub(super) fn new(device: Device) -> Self {
        let Device {
            driver,
            interface,
            probe,
            path,
            prefix,
            release_hook,
            uses,
            overrun,
            urgent,
            ..
        } = device;
        Self {
            driver,
            description: DeviceDescription {
                name: String::new(),
                prefix,
                interface,
            },
            probe,
            path,
            release_hook,
            hook_id: context::hook_id(),
            uses,
            releases: AtomicU64::new(0),
            overrun,
            is_removed: AtomicBool::new(false),
            urgent: urgent.map(|urgent| Arc::new(UrgentMethods::new(urgent))),
        }
    }

    /// Names the device, before it is offered.
    pub(super) fn set_name(&mut self, name: String) {
        self.driver.slot().gate.set_name(&name);
        if let Some(urgent) = self.urgent.as_mut().and_then(Arc::get_mut) {
            urgent.device.clone_from(&name);
        }
        self.description.name = name;
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// True if both are the same driver.
    pub(super) fn has_driver_of(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self.gate(), other.gate())
    }

    /// Its name, prefix and methods.
    pub fn description(&self) -> &DeviceDescription {
        &self.description
    }

    /// The path of the driver's type, such as `powermeter::PowerMeter`.
    pub fn driver_path(&self) -> &'static str {
        self.path
    }

    /// How long a call must have run before the device can count as stuck.
    pub fn overrun(&self) -> Duration {
        self.overrun
    }

    /// Returns true if it has a release hook.
    pub fn has_release_hook(&self) -> bool {
        self.release_hook.is_some()
    }

    /// Returns the number of its release hook, for [`Registry::mark_stuck`](super::Registry::mark_stuck).
    pub fn hook_id(&self) -> u64 {
        self.hook_id
    }

    /// Lets no more calls in. A call that is inside goes on.
    pub(super) fn remove(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
    }

    /// True if it is offered no longer.
    #[inline]
    pub(super) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Relaxed)
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.driver.slot().gate
    }

    /// Returns its urgent methods, if it has any and is still offered.
    pub(super) fn urgent(&self) -> Option<Arc<UrgentMethods>> {
        self.urgent.clone().filter(|_| !self.is_removed())
    }

    /// True if the call `id` runs one of its urgent methods.
    pub(super) fn has_beside(&self, id: u64) -> bool {
        self.urgent.as_ref().is_some_and(|urgent| urgent.runs(id))
    }

    /// Waits until no other call uses the driver.
    #[inline]
    pub(super) fn enter(
        &self,
        entry: Entry,
        pause: impl FnMut(&Place<'_>) -> Result<(), Blocked>,
    ) -> Result<DriverGuard<'_, dyn Remote + Send>, Blocked> {
        self.driver.slot().enter(entry, pause)
    }

    /// Waits until no other call uses the driver, and then lets in nothing but the same call.
    pub(super) fn reserve(
        &self,
        entry: Entry,
        pause: impl FnMut(&Place<'_>) -> Result<(), Blocked>,
    ) -> Result<Reserved<'_>, Blocked> {
        self.driver.slot().reserve(entry, pause)
    }

    /// Sets the party that has a lease of the device, 0 for none, or [`CLOSED`](Self::CLOSED) while it changes hands. Calls of
    /// others are no longer let in, unless they only read and the lease does not refuse that; those that wait are refused, or
    /// wait on while the device changes hands. A call that is inside goes on: [`release`](Self::release) and
    /// [`wait_until_free`](Self::wait_until_free) wait for it.
    pub fn set_owner(&self, owner: u64, refuses_reads: bool) {
        self.gate().set_owner(owner, refuses_reads);
    }

    /// Returns the party that has a lease of the device; see [`set_owner`](Self::set_owner).
    pub fn owner(&self) -> u64 {
        self.gate().owner()
    }

    /// Stands for the party that has a lease of the device while it changes hands: calls wait, also those of the party that
    /// had it. Only a call that has reserved the device goes on using it.
    pub const CLOSED: u64 = gate::CLOSED;

    /// Returns the number of calls, hooks and local users that wait for the device.
    pub fn waiting(&self) -> usize {
        self.gate().waiting()
    }

    /// Returns what uses the device, or has reserved it.
    pub fn inside(&self) -> Option<Occupant> {
        super::behind::Behind::Device(self).occupant()
    }

    /// Returns how often its release hook has run.
    pub fn releases(&self) -> u64 {
        self.releases.load(Ordering::Relaxed)
    }

    /// Runs the release hook, before everybody who waits for the device. Returns `None` if there is none, and for a device
    /// that was removed unless that is why: its hook has run for the last time. Blocks while a call uses the device, but not
    /// for a call that hangs.
    pub fn release(self: &Arc<Self>, why: Release) -> Option<Released> {
        self.release_if(why, |_| true)
    }

    /// Like [`release`](Self::release), but returns `None` if somebody has leased the device by the time it is free: the hook
    /// then runs when that lease ends.
    pub fn release_unleased(self: &Arc<Self>, why: Release) -> Option<Released> {
        self.release_if(why, |device| device.owner() == 0)
    }

    fn release_if(
        self: &Arc<Self>,
        why: Release,
        may_run: impl Fn(&Self) -> bool,
    ) -> Option<Released> {
        let hook = self.release_hook.as_ref()?;
        let entered = self.enter(Entry::hook(self.hook_id), |place| {
            if let Some(stuck) = place.stuck()
                && self.release_later(why)
            {
                return Err(Blocked::Stuck(stuck));
            }
            current::park();
            Ok(())
        });
        let Ok(mut driver) = entered else {
            return Some(Released::Owed);
        };
        if self.is_removed() && why != Release::Removed || !may_run(self) {
            return None;
        }
        let _inside = current::Inside::hook(self.hook_id);
        let driver: &mut dyn Any = &mut *driver;
        let ended = contain(|| hook(driver, why));
        self.note_release();
        Some(ended.map_or_else(Released::Panicked, |()| Released::Done))
    }

    /// Notes, inside the gate, that the hook has run.
    fn note_release(&self) {
        self.releases.fetch_add(1, Ordering::Relaxed);
        self.gate().forget_user();
    }

    /// Has the call that hangs in the driver run the release hook when it leaves, before anybody else is let in. Returns
    /// false if no call hangs any more.
    fn release_later(self: &Arc<Self>, why: Release) -> bool {
        let device = Arc::clone(self);
        let owner = Arc::as_ptr(self).addr();
        let hook_run = current::Running::hook(self.hook_id);
        let duty = Box::new(move || {
            let Some(hook) = &device.release_hook else {
                return;
            };
            // The client of the call has lost the device; the hook may use others all the same.
            let _inside = current::Inside::hook(device.hook_id);
            let entry = Entry::hook(device.hook_id);
            hook_run.run_late(&mut || {
                device.driver.slot().use_on_duty(entry, |driver| {
                    let what = "the release hook of a device that had hung";
                    contain_logged(what, || hook(driver, why));
                    device.note_release();
                });
            });
        });
        self.gate().leave_to_stuck_call(owner, duty)
    }

    /// Returns true if nobody is inside. Whoever enters after that sees who owns the device now.
    pub fn is_free(&self) -> bool {
        self.driver.slot().is_free()
    }

    /// Waits until no call uses the driver, but not for one that hangs. Goes before everybody who waits. Blocks.
    pub fn wait_until_free(&self) {
        let entered = self.enter(Entry::hook(self.hook_id), |place| match place.stuck() {
            Some(stuck) => Err(Blocked::Stuck(stuck)),
            None => {
                current::park();
                Ok(())
            }
        });
        drop(entered);
    }

    /// True if the calling thread is inside of it, in a method or in its release hook.
    pub fn is_used_by_caller(&self) -> bool {
        let id = current::entry().id;
        let is_own_call = |inside: Entry| inside.id == id && id != Entry::LOCAL.id;
        self.gate().inside().is_some_and(is_own_call) || self.gate().is_kept_by_thread()
    }

    /// Waits until only the caller has the device: a thread that has just left the driver has it for a moment longer, and
    /// would drop the driver. Does not wait for a call that hangs. Blocks.
    pub fn wait_until_unused(self: &Arc<Self>) {
        while Arc::strong_count(self) > 1 && !self.gate().is_stuck() {
            thread::park_timeout(MOMENT);
        }
    }
}

impl Drop for ServedDevice {
    fn drop(&mut self) {
        let hook = self.release_hook.take();
        // The driver is dropped after it, and another panic must not meet this one.
        contain_logged(
            "the release hook of a device, while it was dropped,",
            || {
                drop(hook);
            },
        );
    }
}

impl std::fmt::Debug for ServedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServedDevice").field(&self.name()).finish()
    }
}

impl ServedFunction {
    pub(super) fn new(function: Box<dyn Function>, name: String) -> Self {
        let uses = function.uses().map(<[String]>::to_vec);
        let slot = Slot::new(function);
        Self { slot, name, uses }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// How long a thread may hold a device whose driver it has left.
const MOMENT: Duration = Duration::from_millis(1);
