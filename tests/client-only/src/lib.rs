//! A client program that depends on `ipc-client` and a driver, and on no other crate of this project: it compiles only if
//! `ipc-client` has everything that such a program names.

use std::time::Duration;

use ipc_client::{AsyncClient, CallError, Client, ConnectError, ConnectionState, Retry, Secret};
use thermostat::{ThermostatError, ThermostatProxy};

/// A script with all that scripts need.
pub fn script(address: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let client = Client::builder(address)
        .secret(Secret::from_env()?)
        .retry(Retry::forever())
        .on_state(|state: &ConnectionState| eprintln!("{state}"))
        .connect()?;
    let thermostat = ThermostatProxy::new(&client.timeout(Duration::from_secs(1)));
    match thermostat.set_setpoint(90.0) {
        Err(error) if error.downcast() == Some(ThermostatError::TooHot { limit: 80.0 }) => {}
        Err(CallError::Refused(refusal)) => return Err(refusal.into()),
        other => other?,
    }
    Ok(thermostat.read()?.celsius)
}

/// The same for async programs.
pub async fn task(address: &str) -> Result<AsyncClient, ConnectError> {
    AsyncClient::builder(address).connect_lazy()
}

/// Every type that a public signature of `ipc-client` names, or that a public field of such a type has, and what tests of a
/// client program use. To be kept by hand.
pub mod named {
    pub use ipc_client::{
        AddressError, Args, Argument, AsyncCaller, AsyncClient, AsyncClientBuilder, AsyncLocal,
        AsyncMock, BlockingCaller, Bye, ByeReason, CallContext, CallError, Caller,
        CancellationToken, ChannelError, Client, ClientBuilder, CodecError, ConnectError,
        ConnectionState, CtrlMsg, DEFAULT_PORT, Describe, Device, DeviceDescription, DeviceError,
        Fault, FaultError, FaultKind, FaultValue, Field, FrameError, Interface, IntoDevice,
        IntoSecret, LinkError, Local, Method, MethodKind, Mock, MockAnswer, MockCall, NotSent,
        OutgoingCall, PreambleError, Proxy, QueueStatus, Refusal, RegisterError, Registry, Release,
        Remote, ReplyFuture, Retry, Role, SECRET_VARIABLE, Schema, Secret, SecretError,
        SecretSourceError, ServerDescription, Shared, SystemError, Value, Variant, Wire, remote,
    };
}

#[cfg(test)]
#[allow(unreachable_pub, clippy::unwrap_used, reason = "tests")]
mod tests {
    use ipc_client::{Local, remote};

    struct Counter(u32);

    /// A double for tests, with its own small driver.
    #[remote(crate = ipc_client)]
    impl Counter {
        /// Counts.
        pub fn next(&mut self) -> u32 {
            self.0 += 1;
            self.0
        }
    }

    #[test]
    fn a_driver_can_be_written_and_tested_with_this_crate_alone() {
        let counter = CounterProxy::new(&Local::new(Counter(1)).unwrap());
        assert_eq!(counter.next(), Ok(2));
    }

    #[test]
    fn a_driver_of_another_crate_is_used_without_naming_the_core() {
        let client = ipc_client::Client::builder("127.0.0.1:1").connect_lazy();
        let thermostat =
            thermostat::ThermostatProxy::new(&client.timeout(std::time::Duration::ZERO));
        assert!(thermostat.read().unwrap_err().is_not_executed());
        // The program itself names no other crate of the project.
        let manifest = include_str!("../Cargo.toml");
        for other in ["ipc-core", "ipc-server", "ipc-derive"] {
            assert!(!manifest.contains(other), "{other}");
        }
    }
}
