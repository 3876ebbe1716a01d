//! What a server offers: devices and functions.

use ipc_core::{BoxedFunction, IntoDescribedFunction, IntoDevice, IntoFunction, Parameter};
use ipc_hub::hosted::Registration;

use super::ServerBuilder;

impl ServerBuilder {
    /// Serves a driver, a [`Shared`](ipc_core::Shared) driver that local code also uses, or a
    /// [`Device`](ipc_core::Device) with a name or a prefix. [`ServerHandle::add_device`](crate::ServerHandle::add_device) does so while the server runs.
    pub fn device(
        mut self,
        device: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Self {
        let device = Box::new(device.into_device());
        self.hosted.add(Registration::Device(device));
        self
    }

    /// Serves a closure or function as `name`. Its arguments are named `arg0`, `arg1`, ...; name them with
    /// [`function_named`](Self::function_named).
    pub fn function<Args>(mut self, name: &str, function: impl IntoFunction<Args>) -> Self {
        let function = function.into_function(name);
        self.hosted.add(Registration::Function(function.into()));
        self
    }

    /// Serves a closure or function as `name`, its arguments described by `parameters`, of which there is one for each: a name,
    /// or a [`Parameter`](ipc_core::Parameter) with unit and default.
    ///
    /// The server does not start if the parameters do not fit the arguments.
    ///
    /// ```
    /// # use ipc_core::Parameter;
    /// # use ipc_server::Server;
    /// let builder = Server::builder().function_named(
    ///     "power",
    ///     [Parameter::named("volts").unit("V"), Parameter::named("ohms").unit("Ω").default(50.0)],
    ///     |volts: f64, ohms: f64| volts * volts / ohms,
    /// );
    /// # drop(builder);
    /// ```
    pub fn function_named<Args, P: Into<Parameter>>(
        mut self,
        name: &str,
        parameters: impl IntoIterator<Item = P>,
        function: impl IntoDescribedFunction<Args>,
    ) -> Self {
        let parameters = parameters.into_iter().map(Into::into).collect();
        let function = function.into_described_function(name, parameters);
        self.hosted.add(Registration::Function(function.into()));
        self
    }

    /// Serves a function with its own name, argument names and documentation: `#[remote]` on `fn add` generates
    /// `add::function()`.
    pub fn remote_function(mut self, function: impl BoxedFunction) -> Self {
        self.hosted
            .add(Registration::Function(function.boxed().into()));
        self
    }

    /// Declares which devices the function or device that was added last uses, by their names. They are reserved for each of
    /// its calls, together and without the risk of a deadlock: nobody comes between two steps, [`lock`](ipc_core::Shared::lock)
    /// gets them at once, and a lease that another client has of one of them refuses the call. An empty list says that it uses
    /// none.
    ///
    /// The server does not start if there is no such device.
    ///
    /// ```
    /// # use ipc_core::{Device, Shared, remote};
    /// # use ipc_server::Server;
    /// # struct Meter;
    /// # #[remote] impl Meter { pub fn volts(&mut self) -> f64 { 0.5 } }
    /// let (pump, signal) = (Shared::new(Meter), Shared::new(Meter));
    /// let builder = Server::builder()
    ///     .device(Device::new(pump.clone()).name("pump").prefix("pump_"))
    ///     .device(Device::new(signal.clone()).name("signal").prefix("signal_"))
    ///     .function("read_voltages", move || (pump.lock().volts(), signal.lock().volts()))
    ///     .uses(["pump", "signal"])
    ///     .function("version", || 7_u32)
    ///     .uses::<&str>([]);
    /// # drop(builder);
    /// ```
    pub fn uses<N: Into<String>>(mut self, devices: impl IntoIterator<Item = N>) -> Self {
        self.hosted
            .uses(devices.into_iter().map(Into::into).collect());
        self
    }
}
