//! What the program that runs a server can learn about its clients and devices.

use std::fmt;
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

/// A change at the server, reported to the callback of `ServerBuilder::on_event`. `Display` is one line of plain words:
/// "`pump` is no longer stuck: the call has returned".
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
    /// A client has got a lease.
    Leased {
        /// Its name and address.
        client: String,
        /// The devices.
        devices: Vec<String>,
        /// What for, in its own words; may be empty.
        because: String,
    },
    /// A lease has ended.
    LeaseEnded {
        /// The name and address of the client that had it.
        client: String,
        /// The devices.
        devices: Vec<String>,
        /// Who ended it.
        by: String,
        /// Why.
        why: String,
    },
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

impl fmt::Display for ServerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { client, status } => write!(f, "client {client} waits: {status}"),
            Self::Granted(ClientInfo {
                id, name, address, ..
            }) => write!(f, "client {id} has the server: {name} at {address}"),
            Self::Released { client, why } => {
                write!(f, "client {client} no longer has the server: {why}")
            }
            Self::Stuck(Stuck {
                device, method, by, ..
            }) => write!(
                f,
                "`{device}` is stuck: `{method}`, called by {by}, does not return; calls to it are refused until it does"
            ),
            Self::Leased {
                client,
                devices,
                because,
            } => {
                write!(f, "{client} has leased {}", quoted(devices))?;
                match because.as_str() {
                    "" => Ok(()),
                    because => write!(f, " ({because})"),
                }
            }
            Self::LeaseEnded {
                client,
                devices,
                by,
                why,
            } => {
                let devices = quoted(devices);
                write!(
                    f,
                    "the lease of {devices} by {client} was ended by {by}: {why}"
                )
            }
            Self::DeviceAdded(device) => write!(f, "added `{}`", device.name),
            Self::DeviceRemoved(device) => write!(f, "removed `{}`", device.name),
            Self::Recovered { device } => {
                write!(f, "`{device}` is no longer stuck: the call has returned")
            }
        }
    }
}

fn quoted(devices: &[String]) -> String {
    format!("`{}`", devices.join("`, `"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_plain_words() {
        let laser = || "laser".to_string();
        let info = ClientInfo::new(7, "scan".into(), "10.0.0.7:5000".into());
        let device = DeviceInfo {
            name: laser(),
            prefix: String::new(),
            driver: "laser::Laser",
        };
        let status = QueueStatus {
            place: 1,
            waiting: 2,
            holder: "sweep".into(),
            holder_address: "10.0.0.8:5000".into(),
            held_ms: 3000,
            idle_ms: 1000,
            running: String::new(),
            running_ms: 0,
        };
        let (client, why) = (7, Release::Finished);
        for (event, line) in [
            (
                ServerEvent::Waiting { client, status },
                "client 7 waits: place 1 of 2 in the queue",
            ),
            (
                ServerEvent::Granted(info),
                "client 7 has the server: scan at 10.0.0.7:5000",
            ),
            (
                ServerEvent::Released { client, why },
                "client 7 no longer has the server: the client has finished",
            ),
            (
                ServerEvent::Leased {
                    client: "scan at 10.0.0.7:5000".into(),
                    devices: vec![laser(), "meter".into()],
                    because: "sweep".into(),
                },
                "scan at 10.0.0.7:5000 has leased `laser`, `meter` (sweep)",
            ),
            (
                ServerEvent::LeaseEnded {
                    client: "scan at 10.0.0.7:5000".into(),
                    devices: vec![laser()],
                    by: "its client".into(),
                    why: "released".into(),
                },
                "the lease of `laser` by scan at 10.0.0.7:5000 was ended by its client: released",
            ),
            (ServerEvent::DeviceAdded(device.clone()), "added `laser`"),
            (ServerEvent::DeviceRemoved(device), "removed `laser`"),
            (
                ServerEvent::Recovered { device: laser() },
                "`laser` is no longer stuck: the call has returned",
            ),
        ] {
            let said = event.to_string();
            assert!(said.starts_with(line) && !said.contains('\n'), "{said}");
        }
    }
}
