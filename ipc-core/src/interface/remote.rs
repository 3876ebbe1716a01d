//! Drivers that can be served, and the devices made from them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::current;
use super::describe::Interface;
use super::gate::LocalName;
use super::invocation::Invocation;
use super::slot::{DriverGuard, Slot};
use crate::wire::block::Probe;
use crate::wire::failure::Failure;

/// A driver that can be served. Implemented by `#[remote]` on its `impl` block; if a driver has several blocks, by the
/// one that is not marked as `part`.
pub trait Remote: Any {
    /// Returns what the driver offers.
    fn interface() -> Interface
    where
        Self: Sized;

    /// Returns how to find the long lists in the arguments of method number `method` of [`Self::interface`].
    fn probe(_method: usize) -> Probe
    where
        Self: Sized,
    {
        &[]
    }

    /// Runs method number `method` of [`Self::interface`].
    fn dispatch(&mut self, method: usize, invocation: &mut Invocation<'_>) -> Result<(), Failure>;

    /// Returns what runs the urgent methods of [`Self::interface`], if there are any. Asked once, when the device is made.
    fn urgent(&self) -> Option<Urgent>
    where
        Self: Sized,
    {
        None
    }
}

/// Runs a method, given by its number, beside any call that is inside the driver.
pub type Urgent = Arc<dyn Fn(usize, &mut Invocation<'_>) -> Result<(), Failure> + Send + Sync>;

/// What can be called through a proxy; generated for every proxy, whether the driver is there or not.
#[doc(hidden)]
pub trait Offer {
    /// Number of methods.
    const METHODS: usize;

    /// Returns the methods of the proxy.
    fn interface() -> Interface;
}

/// A proxy whose driver `D` is there, so that its calls can be run.
#[doc(hidden)]
pub trait Part<D: ?Sized>: Offer {
    /// Returns how to find the long lists in the arguments of method number `method` of [`Offer::interface`].
    fn probe(method: usize) -> Probe;

    /// Runs method number `method` of [`Offer::interface`].
    fn dispatch(
        driver: &mut D,
        method: usize,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure>;

    /// Returns what runs the urgent methods of [`Offer::interface`], if there are any.
    fn urgent(_driver: &D) -> Option<Urgent>
    where
        D: Sized + 'static,
    {
        None
    }
}

/// A driver that is served to clients and also used by code in the server's own process.
///
/// Cheap to clone; all clones are the same driver.
#[derive(Debug, Default)]
pub struct Shared<T: ?Sized>(Arc<Slot<T>>);

impl<T> Shared<T> {
    /// Wraps a driver.
    pub fn new(driver: T) -> Self {
        Self(Arc::new(Slot::new(driver)))
    }
}

impl<T: Remote + Send> Shared<T> {
    /// The same driver, whatever its type.
    pub(super) fn into_dyn(self) -> Shared<dyn Remote + Send> {
        Shared(self.0)
    }
}

impl<T: Remote + Send> Shared<T> {
    /// Turns the driver into a device with a release hook: `hook` runs whenever a client no longer holds the device,
    /// before another client does. Use it to switch a laser off, or to ramp a field down.
    ///
    /// Act first and report last: a hook that prints to a closed terminal panics there, and the rest of it does not run.
    /// `tracing` does not panic.
    ///
    /// If a client is lost without a goodbye, the hook runs once the server's grace is over: 15 s by default, or 0.8 s
    /// if another client waits. A client that returns later learns that the devices have been released
    /// meanwhile.
    ///
    /// If a call hangs in the driver, the hook runs when that call returns, before the device can be used again.
    ///
    /// ```
    /// # use ipc_core::{Registry, Release, Shared, remote};
    /// # struct Laser { is_on: bool }
    /// # impl Laser { fn switch_off(&mut self) { self.is_on = false } }
    /// # #[remote] impl Laser { pub fn on(&mut self) { self.is_on = true } }
    /// # let mut server = Registry::new();
    /// let laser = Shared::new(Laser { is_on: true });
    /// server.add_device(laser.clone().on_release(|laser, _why| laser.switch_off()))?;
    /// # server.release(Release::Finished);
    /// # assert!(!laser.lock().is_on);
    /// # Ok::<(), ipc_core::RegisterError>(())
    /// ```
    pub fn on_release(self, hook: impl Fn(&mut T, Release) + Send + Sync + 'static) -> Device {
        let mut device = Device::from(self);
        device.release_hook = Some(Box::new(move |driver, why| {
            if let Some(driver) = driver.downcast_mut() {
                hook(driver, why);
            }
        }));
        device
    }
}

impl<T: ?Sized> Shared<T> {
    /// Waits until no other call uses the driver, then keeps others out until the guard is dropped. Blocks.
    ///
    /// A driver that panicked in an earlier call is handed out as that call left it.
    ///
    /// Within a call, the wait ends together with the call if the driver hangs in another call that was given up, if the
    /// client of the call has lost the devices to another one meanwhile, if another client has a lease of the device, or if
    /// the call itself was given up and counts as stuck: the driver method then unwinds as in a panic. A device that the
    /// method or function [uses](Device::uses) is locked at once.
    ///
    /// Local code does not ask for leases. To those who wait for it, it is known by the name of its thread; use
    /// [`lock_as`](Self::lock_as) to tell them more.
    ///
    /// # Panics
    ///
    /// Panics if the wait could never end: the calling thread has locked this driver already, or the thread that has
    /// locked it waits for a driver that the calling thread has locked. The message names the devices.
    pub fn lock(&self) -> DriverGuard<'_, T> {
        self.enter(|| LocalName::Thread(thread::current()))
    }

    /// Locks the driver like [`lock`](Self::lock), for local code that is shown as `name` to those who wait for it, such as
    /// `tuning loop`. Within a call, the name is ignored.
    pub fn lock_as(&self, name: &str) -> DriverGuard<'_, T> {
        self.enter(|| LocalName::Given(name.to_string()))
    }

    fn enter(&self, name: impl FnOnce() -> LocalName) -> DriverGuard<'_, T> {
        let entry = current::entry();
        match self.0.enter(entry, current::pause) {
            Ok(guard) => {
                current::has_locked(&self.0.gate, &entry, name);
                guard
            }
            Err(blocked) => current::unwind_blocked(&self.0.gate, &blocked),
        }
    }

    pub(crate) fn slot(&self) -> &Slot<T> {
        &self.0
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A driver to be served, with its name, prefix and other settings.
///
/// Drivers and [`Shared`] drivers become devices by themselves. Make one explicitly to set a name or a prefix:
///
/// ```
/// # use ipc_core::{Device, Local, Proxy, Registry, remote};
/// # struct Meter;
/// # #[remote] impl Meter { pub fn read(&mut self) -> f64 { 0.5 } }
/// # let mut server = Registry::new();
/// server.add_device(Device::new(Meter).name("pump").prefix("a_"))?;
/// server.add_device(Device::new(Meter).name("signal").prefix("b_"))?;
/// # let server = Local::from(server);
/// # assert_eq!(MeterProxy::named(&server, "pump")?.read(), Ok(0.5));
/// # assert_eq!(MeterProxy::with_prefix(&server, "b_").read(), Ok(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Names
///
/// The name identifies the device on its server: callers ask for it, and descriptions, errors, events and the log show
/// it. The prefix is only part of how its methods are spelled on the wire.
///
/// A device without a name of its own gets its prefix without the `_` at the end (`pump` for `pump_`) or, without a
/// prefix, the type of its driver in snake case (`power_meter` for `PowerMeter`). Every character that a name cannot
/// have becomes `_`, and what is longer than 64 characters is cut. If that name is taken, a number follows: `meter_2`.
pub struct Device {
    pub(crate) driver: Shared<dyn Remote + Send>,
    pub(crate) interface: Interface,
    pub(crate) probe: fn(usize) -> Probe,
    /// The path of the driver's type.
    pub(crate) path: &'static str,
    /// The name that was given to it.
    pub(crate) name: Option<String>,
    pub(crate) prefix: String,
    pub(crate) release_hook: Option<ReleaseHook>,
    pub(crate) uses: Vec<String>,
    pub(crate) overrun: Duration,
    /// Runs the urgent methods, if there are any.
    pub(crate) urgent: Option<Urgent>,
}

pub(crate) type ReleaseHook = Box<dyn Fn(&mut dyn Any, Release) + Send + Sync>;

/// Why a client no longer holds the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// The client has finished, and said goodbye.
    Finished,
    /// The client's connection was lost, and it did not return in time.
    Lost,
    /// The client was asked to leave: it was idle while others waited, or the program or another client disconnected it, or
    /// ended its lease.
    HandedOver,
    /// The server is stopping.
    Stopping,
    /// The device is being removed from its server.
    Removed,
    /// The client's lease has ended, and the client is still there: the lease was released, or its time was over.
    LeaseEnded,
}

/// Why, in words for a log: "the client has finished".
impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "the client has finished",
            Self::Lost => "the connection was lost, and the client did not return in time",
            Self::HandedOver => "the client was asked to leave",
            Self::Stopping => "the server is stopping",
            Self::Removed => "the device is being removed",
            Self::LeaseEnded => "the lease has ended",
        })
    }
}

impl Device {
    /// Creates a device with a default name and no prefix, from a driver or a [`Shared`] one.
    pub fn new(
        driver: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Self {
        driver.into_device()
    }

    /// Names the device: 1 to 64 ASCII letters, digits, `_` and `-`, unique on its server. `server` is reserved.
    ///
    /// Registering the device fails if the name is malformed, reserved, or already that of another device, by default
    /// or not. Functions have names of their own and never clash with devices.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Puts `prefix` before the name of every method. With `pump_`, `read_voltage` is called `pump_read_voltage` on the
    /// wire, and the property `range` is `get_pump_range` and `set_pump_range`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Declares the other devices that its methods use, by their names, as a device does that is made of others and
    /// [locks](Shared::lock) them. They are reserved for each call, together with the device itself: nobody else comes between
    /// two steps, two calls never wait for each other, and a lease of any of them refuses the calls of other clients.
    ///
    /// ```
    /// # use ipc_core::{Device, Local, Registry, Shared, remote};
    /// # struct Pump(f64);
    /// # #[remote] impl Pump { pub fn set(&mut self, volts: f64) { self.0 = volts } }
    /// struct Stage {
    ///     left: Shared<Pump>,
    ///     right: Shared<Pump>,
    /// }
    ///
    /// #[remote]
    /// impl Stage {
    ///     /// Drives both pumps.
    ///     pub fn drive(&mut self, volts: f64) {
    ///         self.left.lock().set(volts);
    ///         self.right.lock().set(-volts);
    ///     }
    /// }
    ///
    /// # let (left, right) = (Shared::new(Pump(0.0)), Shared::new(Pump(0.0)));
    /// # let mut server = Registry::new();
    /// server.add_device(Device::new(left.clone()).name("left").prefix("left_"))?;
    /// server.add_device(Device::new(right.clone()).name("right").prefix("right_"))?;
    /// server.add_device(Device::new(Stage { left, right }).uses(["left", "right"]))?;
    /// # StageProxy::new(&Local::from(server)).drive(0.5).unwrap();
    /// # Ok::<(), ipc_core::RegisterError>(())
    /// ```
    pub fn uses<N: Into<String>>(mut self, devices: impl IntoIterator<Item = N>) -> Self {
        self.uses = devices.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how long a call must have run before it can make the device count as stuck; 10 s by default.
    ///
    /// A device is stuck if a call has run for this long, and its caller gave it up at least a second ago: it has
    /// cancelled the call, its timeout has passed, or it is gone for good. Other callers of the device are then refused
    /// at once, and told which method hangs; other devices and other clients go on. The device can be used again once
    /// the driver has returned and its release hook has run, if that was due meanwhile. A call whose caller still waits
    /// never makes a device stuck, however long it takes.
    ///
    /// Removing the device from a running server waits for a call inside it for at most this long.
    pub fn overrun(mut self, overrun: Duration) -> Self {
        self.overrun = overrun;
        self
    }
}

/// How long a call must have run before its device can count as stuck.
pub(crate) const OVERRUN: Duration = Duration::from_secs(10);

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("driver", &self.interface.name)
            .field("name", &self.name)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What can be served as a device: a driver, a [`Shared`] one, or a [`Device`].
///
/// Implemented for all of them; there is nothing to implement. A driver that is not [`Send`] is opened on a thread of its own,
/// by [`Device::on_thread`]. Functions that take a device ask for `Send` themselves, although every device is: the compiler
/// then says which part of a driver is not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served as a device",
    label = "this is not a device",
    note = "put `#[remote]` on the `impl` block with the methods of `{Self}`; if all its blocks are parts, one of them must do without `part` and list the others; if the block has `driver = \"feature\"`, switch that feature on",
    note = "if `{Self}` implements a `#[remote]` trait, wrap it in `<Trait>Device`: `MeterDevice(driver)` for a trait `Meter`"
)]
pub trait IntoDevice {
    /// Returns the device.
    fn into_device(self) -> Device;
}

#[diagnostic::do_not_recommend]
impl<T: Into<Device>> IntoDevice for T {
    fn into_device(self) -> Device {
        self.into()
    }
}

impl<T: Remote + Send> From<T> for Device {
    fn from(driver: T) -> Self {
        Shared::new(driver).into()
    }
}

impl<T: Remote + Send> From<Shared<T>> for Device {
    /// Makes a device. Blocks while other code uses a driver that has urgent methods.
    fn from(driver: Shared<T>) -> Self {
        let interface = T::interface();
        let is_urgent = interface.methods.iter().any(|method| method.urgent);
        Self {
            urgent: is_urgent.then(|| driver.lock().urgent()).flatten(),
            driver: driver.into_dyn(),
            interface,
            probe: T::probe,
            path: std::any::type_name::<T>(),
            name: None,
            prefix: String::new(),
            release_hook: None,
            uses: Vec::new(),
            overrun: OVERRUN,
        }
    }
}
