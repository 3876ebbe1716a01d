//! What all front ends of a server share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use ipc_core::contain::contain_logged;
use ipc_core::interface::registry::{Offers, Registry, ServedDevice};
use ipc_core::{Device, RegisterError, Release, Stuck};
use tokio::runtime::Handle;

use crate::event::{DeviceInfo, ServerEvent};
use crate::events::Events;
use crate::hosted::{Hosted, off_async};
use crate::log::{self, About};
use crate::tick::Tick;
use crate::work::{ServingThread, Work, WorkCounter};

/// The devices of a server, and what all of its front ends share.
#[derive(Debug)]
pub struct Hub {
    offers: CurrentOffers,
    hosted: Mutex<Hosted>,
    is_closed: AtomicBool,
    hooks_end: OnceLock<Instant>,
    events: Arc<Events>,
    /// Notices calls that run for long.
    tick: Arc<Tick>,
    runtime: Handle,
    incarnation: u128,
    work: Arc<WorkCounter>,
}

/// What is offered now: another [`Offers`] whenever a device is added or removed.
#[derive(Clone, Debug, Default)]
pub struct CurrentOffers(Arc<ArcSwap<Offers>>);

/// A look at what is offered that costs little where it is repeated, as for every call.
#[derive(Debug)]
pub struct OffersView(Cache<Arc<ArcSwap<Offers>>, Arc<Offers>>);

/// There is no device to remove.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no device called `{name}`; there is {}", listed(.devices))]
#[non_exhaustive]
pub struct RemoveError {
    /// The name that was asked for.
    pub name: String,
    /// The names of the devices that there are.
    pub devices: Vec<String>,
}

impl Hub {
    /// A hub over what is hosted. `runtime` drives async methods; `incarnation` is a number that no other server has.
    pub fn new(mut hosted: Hosted, runtime: Handle, incarnation: u128) -> Self {
        Self {
            offers: CurrentOffers(Arc::new(ArcSwap::new(Arc::clone(hosted.registry.offers())))),
            events: Arc::new(Events::new(
                hosted.observer.take(),
                runtime.clone(),
                incarnation,
            )),
            hosted: Mutex::new(hosted),
            is_closed: AtomicBool::new(false),
            hooks_end: OnceLock::new(),
            tick: Arc::default(),
            runtime,
            incarnation,
            work: Arc::default(),
        }
    }

    /// What is offered now.
    pub fn offers(&self) -> &CurrentOffers {
        &self.offers
    }

    /// The devices, in the order of registration.
    pub fn devices(&self) -> Vec<Arc<ServedDevice>> {
        self.hosted().registry.devices().to_vec()
    }

    /// What programs learn about the devices.
    pub fn device_infos(&self) -> Vec<DeviceInfo> {
        let hosted = self.hosted();
        let devices = hosted.registry.devices().iter();
        devices.map(|device| DeviceInfo::of(device)).collect()
    }

    /// Offers another device from now on. Blocks only to drop a device that does not fit.
    pub fn add_device(&self, device: Device) -> Result<(), RegisterError> {
        let added = self.change(|registry| registry.try_add_device(device));
        let device = match added {
            Ok(device) => device,
            Err((error, device)) => {
                // Its driver may block while it is dropped.
                off_async(move || drop(ipc_core::contain::contain(|| drop(device))));
                return Err(error);
            }
        };
        let info = DeviceInfo::of(&device);
        log::info(About::server(), format_args!("added `{}`", info.name));
        self.tell(ServerEvent::DeviceAdded(info));
        Ok(())
    }

    /// No longer offers the device called `name`. A call that is inside may return, but for no longer than the device's
    /// [overrun](Device::overrun) is waited for it; then its release hook runs, and its driver is dropped. Blocks until
    /// that has happened, or until the time is over: it then happens when the call returns. Does not wait if the calling
    /// thread is inside the device.
    pub fn remove_device(self: &Arc<Self>, name: &str) -> Result<(), RemoveError> {
        let removed = self.change(|registry| registry.remove_device(name));
        let Some(device) = removed else {
            let name = name.to_string();
            let devices = self.device_infos().into_iter();
            let devices = devices.map(|device| device.name).collect();
            return Err(RemoveError { name, devices });
        };
        let info = DeviceInfo::of(&device);
        self.let_go_of(device);
        log::info(About::server(), format_args!("removed `{}`", info.name));
        self.tell(ServerEvent::DeviceRemoved(info));
        Ok(())
    }

    /// A removed device has been released.
    pub(crate) fn forget(&self, device: &Weak<ServedDevice>) {
        let forgotten = self.hosted().registry.forget(device);
        contain_logged("a driver, while it was dropped,", || drop(forgotten));
    }

    /// Changes what is offered.
    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let mut hosted = self.hosted();
        let result = change(&mut hosted.registry);
        self.offers.0.store(Arc::clone(hosted.registry.offers()));
        result
    }

    /// How long the call with this [id](ipc_core::interface::context::call_id) must run before its devices count as stuck.
    pub fn overrun(&self, id: u64) -> Duration {
        self.hosted().registry.overrun(id)
    }

    /// Refuses the devices that the call with this [id](ipc_core::interface::context::call_id) is inside of to everybody
    /// else, until it leaves them. Returns what is stuck now.
    pub fn mark_stuck(&self, id: u64, by: &str, since: Instant) -> Vec<Stuck> {
        self.hosted().registry.mark_stuck(id, by, since)
    }

    /// The devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        self.hosted().registry.stuck()
    }

    /// Makes known that a device is stuck.
    pub fn note_stuck(&self, stuck: &Stuck) {
        let Stuck {
            device, method, by, ..
        } = stuck;
        log::error(
            About::client(by),
            format_args!(
                "`{device}` is stuck: `{method}` does not return; calls to it are refused until it does"
            ),
        );
        self.tell(ServerEvent::Stuck(stuck.clone()));
    }

    /// Makes known that a device that was stuck can be used again.
    pub fn note_recovered(&self, device: &str) {
        log::info(
            About::server(),
            format_args!("`{device}` is no longer stuck: the call has returned"),
        );
        self.tell(ServerEvent::Recovered {
            device: device.to_string(),
        });
    }

    /// Runs the release hooks of all devices that have one. Returns true if there is one. Blocks, but not for a hook that
    /// hangs: its device is then stuck, and those behind it are released all the same.
    pub fn release_all(self: &Arc<Self>, why: Release) -> bool {
        let mut hooked = self.devices();
        hooked.retain(|device| device.has_release_hook());
        self.release(&hooked, why);
        !hooked.is_empty()
    }

    /// Has a stop wait for release hooks until `end` only. One that hangs leaves time for those behind it.
    pub fn end_hooks_by(&self, end: Instant) {
        self.hooks_end.get_or_init(|| end);
    }

    pub(crate) fn hooks_end(&self) -> Option<Instant> {
        self.hooks_end.get().copied()
    }

    /// Reports an event to the program's callback, without waiting for it.
    pub fn tell(&self, event: ServerEvent) {
        self.events.tell(event, || self.begin_work());
    }

    /// The clock that notices calls that run for long.
    pub fn tick(&self) -> &Arc<Tick> {
        &self.tick
    }

    /// The runtime that drives async methods.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Marks the current thread as one that a stop waits for, until the guard is dropped.
    pub fn enter(&self) -> ServingThread {
        ServingThread::enter(self.incarnation)
    }

    /// True on a thread that a stop waits for. A stop that begins there must not wait for itself.
    pub fn is_inside(&self) -> bool {
        ServingThread::is_current(self.incarnation)
    }

    /// Begins something that a stop waits for.
    pub fn begin_work(&self) -> Work {
        self.work.begin()
    }

    /// Waits until no work is left, and returns false if that takes until `deadline`. Blocks.
    pub fn wait_for_work(&self, deadline: Instant) -> bool {
        self.work.wait(deadline)
    }

    /// True once the hub offers nothing more.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Offers nothing more, and drops drivers, closures and hooks. A call that was left behind keeps the device that it is
    /// inside of until it returns. May block.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.tick.end();
        self.offers.0.store(Arc::default());
        let hosted = std::mem::take(&mut *self.hosted());
        drop(hosted.with_observer(self.events.close()));
    }

    fn hosted(&self) -> MutexGuard<'_, Hosted> {
        // Each change is a single step.
        self.hosted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CurrentOffers {
    /// What is offered now. Later changes do not show in it.
    pub fn load(&self) -> Arc<Offers> {
        self.0.load_full()
    }

    /// A view for a thread that looks often.
    pub fn view(&self) -> OffersView {
        OffersView(Cache::new(Arc::clone(&self.0)))
    }
}

impl OffersView {
    /// What is offered now.
    #[inline]
    pub fn now(&mut self) -> &Offers {
        self.0.load()
    }
}

fn listed(devices: &[String]) -> String {
    match devices {
        [] => "none".into(),
        devices => format!("`{}`", devices.join("`, `")),
    }
}
