//! The hub: the devices of a server, and what all of its front ends share.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use ipc_core::contain::contain_logged;
use ipc_core::interface::context::CallHost;
use ipc_core::interface::registry::{Offers, Registry, ServedDevice};
use ipc_core::{Device, RegisterError};
use tokio::runtime::Handle;

use crate::event::{DeviceInfo, ServerEvent};
use crate::events::Events;
use crate::front_end::FrontEnd;
use crate::hosted::{Hosted, drop_refused_device};
use crate::lease_state::Leasing;
use crate::log::{self, About};
use crate::party::Parties;
use crate::seat_end::SeatEnd;
use crate::tick::Tick;
use crate::time::later;
use crate::work::{ServingThread, Work, WorkCounter};

/// The devices of a server, and what all of its front ends share.
pub struct Hub {
    offers: CurrentOffers,
    hosted: Mutex<Hosted>,
    is_closed: AtomicBool,
    hooks_end: OnceLock<Instant>,
    /// Number of removed devices whose hooks have run.
    removals: AtomicU64,
    events: Arc<Events>,
    /// Notices calls that run long.
    tick: Arc<Tick>,
    runtime: Handle,
    incarnation: u128,
    work: Arc<WorkCounter>,
    parties: Parties,
    leasing: Leasing,
    commands: OnceLock<Registry>,
    front_end: OnceLock<Weak<dyn FrontEnd>>,
    /// When the client that holds the server by itself is to leave.
    seat_end: SeatEnd,
    /// True if several clients may hold the server at the same time.
    is_shared: bool,
}

/// The present [`Offers`], which are replaced whenever a device is added or removed.
#[derive(Clone, Debug, Default)]
pub struct CurrentOffers(Arc<ArcSwap<Offers>>);

/// A cached view of the present [`Offers`], for threads that look at them for every call.
#[derive(Debug)]
pub struct OffersView(Cache<Arc<ArcSwap<Offers>>, Arc<Offers>>);

/// Returned when a device is to be removed that does not exist.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no device called `{name}`; there is {}", listed(.devices))]
#[non_exhaustive]
pub struct RemoveError {
    /// The name that was asked for.
    pub name: String,
    /// The names of the existing devices.
    pub devices: Vec<String>,
}

ipc_core::readable_debug!(RemoveError);

impl Hub {
    /// Creates a hub for what is hosted. `runtime` drives async methods; `incarnation` is a number that no other server
    /// has. If `is_shared`, several clients may hold the server at the same time.
    pub fn new(mut hosted: Hosted, runtime: Handle, incarnation: u128, is_shared: bool) -> Self {
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
            removals: AtomicU64::new(0),
            tick: Arc::default(),
            runtime,
            incarnation,
            work: Arc::default(),
            parties: Parties::default(),
            leasing: Leasing::default(),
            commands: OnceLock::new(),
            front_end: OnceLock::new(),
            seat_end: SeatEnd::default(),
            is_shared,
        }
    }

    /// Returns what is offered, which changes as devices are added and removed.
    pub fn offers(&self) -> &CurrentOffers {
        &self.offers
    }

    /// Returns the devices, in the order of registration.
    pub fn devices(&self) -> Vec<Arc<ServedDevice>> {
        self.hosted().registry.devices().to_vec()
    }

    /// Returns what programs learn about the devices, in the order of registration.
    pub fn device_infos(&self) -> Vec<DeviceInfo> {
        let hosted = self.hosted();
        let devices = hosted.registry.devices().iter();
        devices.map(|device| DeviceInfo::of(device)).collect()
    }

    /// Returns the device called `name`.
    pub fn device(&self, name: &str) -> Option<Arc<ServedDevice>> {
        let hosted = self.hosted();
        let mut devices = hosted.registry.devices().iter();
        devices.find(|device| device.name() == name).cloned()
    }

    /// Offers another device from now on. Blocks only to drop a device that cannot be added, for at most 5 s.
    ///
    /// # Errors
    ///
    /// The name of the device or of one of its methods is malformed or taken. The device has been dropped, unless that
    /// hangs.
    pub fn add_device(&self, device: Device) -> Result<(), RegisterError> {
        let added = self.change(|registry| registry.try_add_device(device));
        let device = added.map_err(drop_refused_device)?;
        let added = ServerEvent::DeviceAdded(DeviceInfo::of(&device));
        log::info(About::server(), &added);
        self.emit(added);
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
        self.forget_lease(name);
        let removed = ServerEvent::DeviceRemoved(DeviceInfo::of(&device));
        self.release_removed(device);
        log::info(About::server(), &removed);
        self.emit(removed);
        Ok(())
    }

    /// Returns the number of removed devices whose release hooks have run, or are left to calls that hang. A client that
    /// finds another number than before may have lost the state of its devices.
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::SeqCst)
    }

    /// Notes that the hook of a removed device has run.
    pub(crate) fn count_removal(&self) {
        self.removals.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes that a removed device has been released.
    pub(crate) fn forget(&self, device: &Weak<ServedDevice>) {
        let forgotten = self.hosted().registry.forget(device);
        contain_logged("a driver, while it was dropped,", || drop(forgotten));
    }

    /// Changes the registry, and publishes what it then offers.
    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let mut hosted = self.hosted();
        let result = change(&mut hosted.registry);
        self.offers.0.store(Arc::clone(hosted.registry.offers()));
        result
    }

    /// Has a stop wait for release hooks until `end` only. One that hangs leaves time for those behind it.
    pub fn end_hooks_by(&self, end: Instant) {
        self.hooks_end.get_or_init(|| end);
    }

    pub(crate) fn hooks_end(&self) -> Option<Instant> {
        self.hooks_end.get().copied()
    }

    /// Queues the event that `event` makes, if the program has a callback. Does not wait for the callback.
    pub fn emit_with(&self, event: impl FnOnce() -> ServerEvent) {
        if self.events.are_observed() {
            self.emit(event());
        }
    }

    /// Queues an event for the program's callback. Does not wait for the callback.
    pub fn emit(&self, event: ServerEvent) {
        self.events.emit(event, || self.begin_work());
    }

    /// Returns the commands of the server itself, which are made by `make` when the first one is called.
    pub(crate) fn commands(&self, make: impl FnOnce() -> Registry) -> &Registry {
        self.commands.get_or_init(make)
    }

    /// Sets the front end that serves clients.
    pub fn set_front_end(&self, front_end: Weak<dyn FrontEnd>) {
        self.front_end.get_or_init(|| front_end);
    }

    pub(crate) fn front_end(&self) -> Option<Arc<dyn FrontEnd>> {
        self.front_end.get()?.upgrade()
    }

    /// Returns the client programs.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    pub(crate) fn seat_end(&self) -> &SeatEnd {
        &self.seat_end
    }

    pub(crate) fn leasing(&self) -> &Leasing {
        &self.leasing
    }

    /// Returns true if several clients may hold the server at the same time.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Returns the clock that notices calls that run long.
    pub fn tick(&self) -> &Arc<Tick> {
        &self.tick
    }

    /// Returns the runtime that drives async methods.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Marks the current thread as one that a stop waits for, until the guard is dropped.
    pub fn enter(&self) -> ServingThread {
        ServingThread::enter(self.incarnation)
    }

    /// Returns true on a thread that a stop waits for. A stop that begins there must not wait for itself.
    pub fn is_inside(&self) -> bool {
        ServingThread::is_current(self.incarnation)
    }

    /// Makes a stop wait until the returned value is dropped.
    pub fn begin_work(&self) -> Work {
        self.work.begin()
    }

    /// Makes a stop wait until the returned value is dropped, and name `device` if it does not wait for long enough.
    pub(crate) fn begin_removal(&self, device: &str) -> Work {
        self.work.begin_labelled(device)
    }

    /// Waits until no work is left. Returns false if some is left at `deadline`, after logging which removed devices and
    /// which event it belongs to; calls are for the front end to name. Blocks.
    pub fn wait_for_work(&self, deadline: Instant) -> bool {
        let has_ended = self.work.wait(deadline);
        if !has_ended {
            for device in self.work.labels() {
                log::error(
                    About::server(),
                    format_args!(
                        "`{device}` was removed, and is left behind before it was released and dropped"
                    ),
                );
            }
            if let Some(event) = self.events.delivering() {
                log::error(
                    About::server(),
                    format_args!(
                        "`on_event` does not return, and is left behind; it was called with {event:?}"
                    ),
                );
            }
        }
        has_ended
    }

    /// Returns true once [`close`](Self::close) has begun.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Stops offering anything, and drops drivers, closures and hooks. A call that was left behind keeps the device
    /// that it is inside of until it returns.
    ///
    /// Blocks for what hangs while it is dropped, but only until `end`, or for a second if less than that is left.
    pub fn close(&self, end: Instant) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.tick.end();
        self.seat_end.forget();
        self.offers.0.store(Arc::default());
        let mut hosted = std::mem::take(&mut *self.hosted());
        hosted.observer = self.events.close();
        let _runtime = self.runtime.enter();
        hosted.drop_by(end.max(later(Instant::now(), DROPS)));
    }

    pub(crate) fn hosted(&self) -> MutexGuard<'_, Hosted> {
        // A panic elsewhere leaves it usable: each change is a single step.
        self.hosted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Release hooks, which no caller can cancel, watch or wait for.
impl CallHost for Hub {
    fn is_cancelled(&self, _call: u64) -> bool {
        false
    }

    fn progress(&self, _call: u64, _fraction: f64, _message: &str) {}

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.runtime.block_on(future);
    }

    fn run_late_hook(&self, hook: u64, run: &mut dyn FnMut()) {
        self.watch_late_hook(hook, run);
    }

    fn run_elsewhere(&self, code: &mut dyn FnMut()) {
        let _runtime = self.runtime.enter();
        let _inside = self.enter();
        code();
    }
}

impl CurrentOffers {
    /// Returns a snapshot of what is offered now.
    pub fn load(&self) -> Arc<Offers> {
        self.0.load_full()
    }

    /// Returns a view for a thread that looks often.
    pub fn view(&self) -> OffersView {
        OffersView(Cache::new(Arc::clone(&self.0)))
    }
}

impl OffersView {
    /// Returns what is offered now.
    #[inline]
    pub fn now(&mut self) -> &Offers {
        self.0.load()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Hub");
        shown.field("offers", &self.offers).finish_non_exhaustive()
    }
}

fn listed(devices: &[String]) -> String {
    match devices {
        [] => "none".into(),
        devices => format!("`{}`", devices.join("`, `")),
    }
}

/// Minimum time that a stop leaves for drivers, closures and hooks to be dropped.
const DROPS: Duration = Duration::from_secs(1);
