//! The calling end: what proxies are made of, and what they call through.

mod command;
mod described;
mod device;
mod outgoing;
mod table;

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use self::table::{KnownInterface, MethodTable};
use super::describe::{DeviceDescription, Interface, ServerDescription};
use super::remote::Offer;
use crate::error::CallError;

pub use device::DeviceError;
pub use outgoing::OutgoingCall;

/// Something that calls can be made through: a client, or a device in this very process.
///
/// Proxies are generic over it, so that one proxy serves blocking and async callers alike.
pub trait Caller: Clone {
    /// What a call gives at once: `Result<T, CallError>` for blocking callers, a future of it for async ones.
    type Reply<T: Send + 'static>;

    /// Makes a call.
    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> Self::Reply<T>;
}

/// A [`Caller`] whose calls return when they are over.
pub trait BlockingCaller: Caller {
    /// The result itself.
    fn wait<T: Send + 'static>(reply: Self::Reply<T>) -> Result<T, CallError>;
}

/// A [`Caller`] whose calls return futures.
pub trait AsyncCaller: Caller {
    /// Waits for the result.
    fn wait<T: DeserializeOwned + Send + 'static>(
        reply: Self::Reply<T>,
    ) -> impl Future<Output = Result<T, CallError>> + Send;
}

/// A proxy: the methods of a driver, called through a [`Caller`].
///
/// Every proxy has [`new`](Self::new), [`with_prefix`](Self::with_prefix), [`named`](Self::named) and
/// [`named_async`](Self::named_async) as functions of its own, except for those whose names the driver uses for methods.
/// This trait reaches all of them in any case.
///
/// # Devices by name
///
/// Calls carry the prefix of the device and not its name. A proxy by name therefore looks the prefix up when it is made,
/// in the description of the server, and its calls are as fast as those of any other proxy. If the server is restarted
/// with other prefixes, make the proxy again.
pub trait Proxy<C: Caller>: Offer + Sized {
    /// A proxy for the only device of its type, registered without a prefix.
    fn new(caller: &C) -> Self {
        Self::with_prefix(caller, "")
    }

    /// A proxy for the device that was registered with `prefix`.
    fn with_prefix(caller: &C, prefix: &str) -> Self {
        Self::over(Stub::new(caller, prefix, Self::interface))
    }

    /// A proxy for the device called `device`. Asks the server once for its description, and blocks until it answers.
    ///
    /// # Errors
    ///
    /// The server cannot be asked, has no such device, or the device is of another type.
    fn named(caller: &C, device: &str) -> Result<Self, DeviceError>
    where
        C: BlockingCaller,
    {
        let description = C::wait(caller.call(OutgoingCall::describe()))?;
        Self::from_description(caller, device, &description)
    }

    /// [`named`](Self::named) for async callers.
    fn named_async(
        caller: &C,
        device: &str,
    ) -> impl Future<Output = Result<Self, DeviceError>> + Send
    where
        C: AsyncCaller + Sync,
    {
        let description = C::wait(caller.call(OutgoingCall::describe()));
        async move { Self::from_description(caller, device, &description.await?) }
    }

    /// A proxy for the device called `device` in a description that is at hand: makes many proxies for one question to
    /// the server.
    ///
    /// # Errors
    ///
    /// There is no such device, or it is of another type.
    fn from_description(
        caller: &C,
        device: &str,
        server: &ServerDescription,
    ) -> Result<Self, DeviceError> {
        let known = KnownInterface::of(Self::interface);
        let device = device::find(server, device, &known.interface.name)?;
        Ok(Self::over(Stub::of_device(caller, device, known)))
    }

    /// The proxy around its only part.
    #[doc(hidden)]
    fn over(stub: Stub<C>) -> Self;
}

/// What a generated proxy holds: the caller, and the methods under their names on the wire.
pub struct Stub<C> {
    caller: C,
    table: Arc<MethodTable>,
}

impl<C: Caller> Stub<C> {
    /// Calls the methods of the interface that `describe` returns each time, registered with `prefix`, through `caller`.
    pub fn new(caller: &C, prefix: &str, describe: fn() -> Interface) -> Self {
        Self::with_table(caller, None, prefix, KnownInterface::of(describe))
    }

    /// Calls the methods of an interface at `device`.
    fn of_device(caller: &C, device: &DeviceDescription, known: Arc<KnownInterface>) -> Self {
        let DeviceDescription { name, prefix, .. } = device;
        Self::with_table(caller, Some(name.clone()), prefix, known)
    }

    fn with_table(
        caller: &C,
        device: Option<String>,
        prefix: &str,
        known: Arc<KnownInterface>,
    ) -> Self {
        Self {
            caller: caller.clone(),
            table: Arc::new(MethodTable::new(device, prefix, known)),
        }
    }

    /// Begins a call of method number `index` of the interface.
    pub fn begin(&self, index: usize) -> OutgoingCall {
        OutgoingCall::of_method(&self.table, index)
    }

    /// Makes the call.
    pub fn send<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> C::Reply<T> {
        call.expect::<T>();
        self.caller.call(call)
    }
}

impl<C: Clone> Clone for Stub<C> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            table: Arc::clone(&self.table),
        }
    }
}

impl<C> fmt::Debug for Stub<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(&self.table.interface().name);
        if let Some(device) = &self.table.device {
            shown.field("device", device);
        }
        shown.field("prefix", &self.table.prefix).finish()
    }
}
