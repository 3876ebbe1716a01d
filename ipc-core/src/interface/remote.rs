//! Drivers that can be served, and the devices made from them.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::current;
use super::describe::Interface;
use super::invocation::Invocation;
use super::slot::{DriverGuard, Slot};
use crate::wire::failure::Failure;

/// A driver that can be served. `#[remote]` on its `impl` block implements this; where a driver has several blocks, on the
/// one that is not marked as `part`.
pub trait Remote: Any {
    /// What the driver offers.
    fn interface() -> Interface
    where
        Self: Sized;

    /// Runs method number `method` of [`Self::interface`].
    fn dispatch(&mut self, method: usize, invocation: &mut Invocation<'_>) -> Result<(), Failure>;
}

/// What can be called through a proxy; generated for every proxy, whether the driver is there or not.
#[doc(hidden)]
pub trait Offer {
    /// How many methods there are.
    const METHODS: usize;

    /// The methods of the proxy.
    fn interface() -> Interface;
}

/// A proxy whose driver `D` is there, so that its calls can be run.
#[doc(hidden)]
pub trait Part<D: ?Sized>: Offer {
    /// Runs method number `method` of [`Offer::interface`].
    fn dispatch(
        driver: &mut D,
        method: usize,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), Failure>;
}

/// A driver in use by several: served to clients, and at hand for code in the server's own process.
///
/// Cheap to clone; all clones are the same driver.
#[derive(Debug, Default)]
pub struct Shared<T: ?Sized>(Arc<Slot<T>>);

impl<T> Shared<T> {
    /// Makes `driver` sharable.
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
    /// Serves the driver, and runs `hook` whenever a client no longer holds it, before another one does: the place to
    /// switch a laser off, or to ramp a field down.
    ///
    /// Act first and report last: a hook that prints to a terminal that was closed panics there, and what follows does not
    /// run. `tracing` does not panic.
    ///
    /// A client that was lost without a goodbye is waited for first, for as long as the server's grace, unless somebody
    /// else wants the server. A client that comes back after the hook has run is told that the devices were released in
    /// between.
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
    /// Waits until no other call uses the driver, then keeps others out until the guard is dropped.
    ///
    /// A driver that panicked in an earlier call is handed out as it was left.
    ///
    /// Within a call, the wait ends together with the call if the driver hangs in another call that was given up, if the
    /// client of the call has lost the devices to another one meanwhile, or if the call itself was given up and counts as
    /// stuck: the driver method then unwinds as in a panic.
    ///
    /// # Panics
    ///
    /// If the wait could never end: the calling thread has locked this driver already, or the thread that has it waits for
    /// one that the calling thread has locked. The message names the devices.
    pub fn lock(&self) -> DriverGuard<'_, T> {
        match self.0.enter(current::entry(), current::pause) {
            Ok(guard) => {
                // A call that is left behind from now on is found in this device, too.
                current::check_right();
                guard
            }
            Err(blocked) => current::unwind(blocked.to_string()),
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

/// A driver to be served, with its name and what distinguishes it from other devices of the server.
///
/// Every driver, and every [`Shared`] one, turns into a device by itself; make one if it needs a name or a prefix:
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
/// prefix, the type of its driver in snake case (`power_meter` for `PowerMeter`). Every character that a name cannot have
/// becomes `_`, and what is longer than 64 characters is cut. If that name is taken, a number follows: `meter_2`.
pub struct Device {
    pub(crate) driver: Shared<dyn Remote + Send>,
    pub(crate) interface: Interface,
    /// The path of the driver's type.
    pub(crate) path: &'static str,
    /// The name that was given to it.
    pub(crate) name: Option<String>,
    pub(crate) prefix: String,
    pub(crate) release_hook: Option<ReleaseHook>,
    pub(crate) overrun: Duration,
}

pub(crate) type ReleaseHook = Box<dyn Fn(&mut dyn Any, Release) + Send + Sync>;

/// Why a client no longer holds the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// It has finished, and said so.
    Finished,
    /// Its connection was lost, and it did not come back in time.
    Lost,
    /// It was asked to make room for others.
    HandedOver,
    /// The server is stopping.
    Stopping,
    /// The device is removed from its server.
    Removed,
}

impl Device {
    /// Creates a device with a default name and no prefix, from a driver or a [`Shared`] one.
    pub fn new(driver: impl IntoDevice) -> Self {
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

    /// Puts `prefix` before the name of every method: `pump_` makes `read_voltage` be `pump_read_voltage`, and the property `range`
    /// be `get_pump_range` and `set_pump_range`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long a call must have run before it can make the device count as stuck; 10 s by default.
    ///
    /// A device is stuck when a call has run for this long and its caller has given it up for at least a second: cancelled
    /// it, timed out, or gone for good. Its other callers are then refused at once, and told which method hangs; other
    /// devices, and other clients, go on. The device can be used again once the driver returns and its release hook, if it
    /// has one, has run. A call whose caller still waits never makes a device stuck, however long it takes.
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
/// Implemented by itself; there is nothing to write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be served as a device",
    label = "this is not a device",
    note = "put `#[remote]` on the `impl` block with the methods of `{Self}`; if all its blocks are parts, one of them must do without `part` and list the others; if the block has `driver = \"feature\"`, switch that feature on",
    note = "if it holds something that is not `Send`, such as an `Rc`, open it on a thread of its own: `Device::on_thread(|| ..)`",
    note = "if `{Self}` implements a `#[remote]` trait, wrap it in `<Trait>Device`: `MeterDevice(driver)` for a trait `Meter`"
)]
pub trait IntoDevice {
    /// The device.
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
    fn from(driver: Shared<T>) -> Self {
        Self {
            driver: driver.into_dyn(),
            interface: T::interface(),
            path: std::any::type_name::<T>(),
            name: None,
            prefix: String::new(),
            release_hook: None,
            overrun: OVERRUN,
        }
    }
}
