//! Why a gate does not let a caller in.

use std::sync::Arc;
use std::time::Instant;

/// A device or function whose call does not return, although its caller has given the call up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// The device, or the function, that is stuck.
    pub device: String,
    /// The method that runs, by its name on the wire. `on_release` for the release hook of the device, and
    /// `on_release of laser` for that of a device `laser` which hangs in this one.
    pub method: String,
    /// The caller: name and address of the client, or `the server` for a release hook.
    pub by: String,
    /// About when it began.
    pub since: Instant,
}

/// What is inside a driver, or has reserved its gate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupant {
    /// The [id](super::context::call_id) of the call, or the [number](super::registry::ServedDevice::hook_id) of the release
    /// hook; 0 for code in the server's own process.
    pub id: u64,
    /// The method that runs, by its name on the wire. `None` for a release hook, for local code, and for a call that uses
    /// the driver from a method of another device or from a function.
    pub method: Option<String>,
    /// What local code calls itself.
    pub local: Option<String>,
}

/// What a call waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateWait<'a> {
    /// The name of the device or function.
    pub device: &'a str,
    /// Its place in line: 1 for the next.
    pub place: usize,
    /// What it waits for; `None` while the driver is between two of them, and while the device changes hands.
    pub inside: Option<Occupant>,
}

/// Why a caller was not let in.
#[derive(Debug)]
pub(crate) enum Blocked {
    /// The call inside hangs.
    Stuck(Arc<Stuck>),
    /// The caller does not want to wait any longer.
    GivenUp,
    /// Another party has a lease of the device.
    Held { owner: u64 },
    /// A release hook of the device is to run before anybody is let in, and perhaps waits for the caller to leave another one.
    ChangesHands { device: String },
    /// A release hook waits for a device that the caller has reserved.
    InTheWay,
    /// The gate would open only after the caller has left another one: the names of both devices.
    Deadlock { wanted: String, held: String },
}

impl<'a> GateWait<'a> {
    /// Describes a wait for `device`.
    pub fn new(device: &'a str, place: usize, inside: Option<Occupant>) -> Self {
        Self {
            device,
            place,
            inside,
        }
    }
}

impl std::fmt::Display for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stuck(stuck) => write!(
                f,
                "`{}` hangs in `{}`, which {} called",
                stuck.device, stuck.method, stuck.by
            ),
            Self::Held { .. } => f.write_str("another client has a lease of the device"),
            Self::ChangesHands { device } => write!(
                f,
                "`{device}` changes hands: it can be used again after its release hook has run; call again in a moment"
            ),
            Self::InTheWay => f.write_str("a release hook needs what its caller has reserved"),
            Self::GivenUp => f.write_str("its caller gave it up"),
            Self::Deadlock { wanted, held } if wanted == held => write!(
                f,
                "deadlock: `{wanted}` is locked already by the call or thread that wants to lock it"
            ),
            Self::Deadlock { wanted, held } => write!(
                f,
                "deadlock: what has locked `{wanted}` waits for `{held}`, which is locked by the call or thread that \
                 wants to lock `{wanted}`; lock devices in the same order everywhere"
            ),
        }
    }
}
