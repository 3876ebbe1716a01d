//! What the program that runs a server can learn about its clients and devices.

use std::time::Duration;

use ipc_core::interface::registry::ServedDevice;
use ipc_core::wire::ctrl::QueueStatus;
use ipc_core::{Release, Stuck};

/// A client as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Number of this client, unique while the server runs.
    pub id: u64,
    /// 0 for the client that holds the server, 1 for the next in the queue.
    pub place: usize,
    /// The name that the client gave itself.
    pub name: String,
    /// The address from which it is connected.
    pub address: String,
    /// How long ago it arrived, including the time in the queue.
    pub connected: Duration,
    /// How long ago its last call ended or was given up; zero while it waits for one that runs.
    pub idle: Duration,
    /// Number of its calls so far, including one that runs.
    pub calls: u64,
    /// The running call, if there is one, also if the client has given it up.
    pub running: Option<RunningCall>,
    /// Number of bytes received from it while it held the server.
    pub bytes_received: u64,
    /// Number of bytes sent to it while it held the server.
    pub bytes_sent: u64,
}

/// A running call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningCall {
    /// The name of the device whose method runs; `None` for a function.
    pub device: Option<String>,
    /// The method's name on the wire, cut to 128 bytes.
    pub method: String,
    /// How long it has run.
    pub runs_for: Duration,
}

impl ClientInfo {
    /// Creates the information about a client that has made no calls yet.
    pub fn new(id: u64, name: String, address: String) -> Self {
        Self {
            id,
            place: 0,
            name,
            address,
            connected: Duration::ZERO,
            idle: Duration::ZERO,
            calls: 0,
            running: None,
            bytes_received: 0,
            bytes_sent: 0,
        }
    }
}

impl RunningCall {
    /// Creates the information about a call of `method`, which the caller has cut to what can be shown.
    pub fn new(device: Option<String>, method: String, runs_for: Duration) -> Self {
        Self {
            device,
            method,
            runs_for,
        }
    }

    /// Returns the method and its device as messages name them: `` `pump_read` of `pump` ``.
    pub fn called(&self) -> String {
        match &self.device {
            Some(device) => format!("`{}` of `{device}`", self.method),
            None => format!("`{}`", self.method),
        }
    }
}

/// A device that the server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Its name.
    pub name: String,
    /// The prefix of its methods' names on the wire; may be empty.
    pub prefix: String,
    /// The path of the driver's type, such as `powermeter::PowerMeter`.
    pub driver: &'static str,
}

impl DeviceInfo {
    pub(crate) fn of(device: &ServedDevice) -> Self {
        Self {
            name: device.name().to_string(),
            prefix: device.description().prefix.clone(),
            driver: device.driver_path(),
        }
    }
}

/// A change at the server, reported to the callback of `ServerBuilder::on_event`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client has joined the queue.
    Waiting {
        /// Its [`id`](ClientInfo::id).
        client: u64,
        /// Its place, as the server reported it to the client.
        status: QueueStatus,
    },
    /// A client has become the holder of the server.
    Granted(ClientInfo),
    /// A client no longer holds the server, and the release hooks of the devices have run, except that of a device that is
    /// stuck: it runs before [`Recovered`](Self::Recovered).
    Released {
        /// Its [`id`](ClientInfo::id).
        client: u64,
        /// Why.
        why: Release,
    },
    /// A device or function is stuck: a call that its caller has given up does not return. Calls to it are refused
    /// until it does; everything else goes on.
    Stuck(Stuck),
    /// A device has been added to the running server.
    DeviceAdded(DeviceInfo),
    /// A device has been removed from the running server.
    DeviceRemoved(DeviceInfo),
    /// The call, or the release hook, has returned, and the device can be used again.
    Recovered {
        /// The name of the device or function.
        device: String,
    },
}
