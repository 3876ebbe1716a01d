//! What the commands of a server take and return: leases, clients, devices. Both ends of a connection use these types.
//!
//! A command is called by its name with arguments by name, as `lease.claim` with `request`. No command waits: whoever waits
//! for a lease asks for its state again.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The names of the commands.
pub mod name {
    /// Asks for a lease, or for its state if it was asked for before: `request` ([`LeaseRequest`](super::LeaseRequest)).
    /// Returns a [`ClaimState`](super::ClaimState).
    pub const CLAIM: &str = "lease.claim";
    /// Returns the [`ClaimState`](super::ClaimState) of `claim`, and shows the server that its client still wants it.
    pub const STATUS: &str = "lease.status";
    /// Ends `claim`, whether it holds its devices or waits. Returns whether there was such a claim.
    pub const RELEASE: &str = "lease.release";
    /// Sets how long `claim` still lasts: `for_ms`, or no limit without it. Returns a [`ClaimState`](super::ClaimState).
    pub const RENEW: &str = "lease.renew";
    /// Gives the lease `claim` to the client with the id `to`. Returns the [`LeaseInfo`](super::LeaseInfo) of the new holder.
    pub const TRANSFER: &str = "lease.transfer";
    /// Returns all leases, and the claims that wait, as a list of [`LeaseInfo`](super::LeaseInfo).
    pub const LEASES: &str = "lease.list";
    /// Ends the lease of `device` after `notice_ms`, for the reason `because`. Returns the [`Kicked`](super::Kicked) holder.
    pub const KICK_LEASE: &str = "lease.kick";
    /// Returns all clients as a list of [`ClientSummary`](super::ClientSummary).
    pub const CLIENTS: &str = "client.list";
    /// Disconnects the client with the id `client`, for the reason `because`. Returns the [`Kicked`](super::Kicked) client.
    pub const KICK_CLIENT: &str = "client.kick";
    /// Returns all devices as a list of [`DeviceStatus`](super::DeviceStatus).
    pub const DEVICES: &str = "device.list";

    /// The commands that have nothing to do with the session of their caller.
    pub(crate) const OF_NO_SESSION: [&str; 5] = [LEASES, KICK_LEASE, CLIENTS, KICK_CLIENT, DEVICES];
}

/// A lease that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct LeaseRequest {
    /// Chosen at random by the client. Asking again under the same number asks for the same lease.
    pub claim: u128,
    /// The names of the devices, all of which are leased, or none.
    pub devices: Vec<String>,
    /// What for, shown to others. Cut to 200 characters.
    pub because: String,
    /// True if methods that only read are refused to others as well.
    pub refuses_reads: bool,
    /// How long the lease is kept if its client loses its connection; the default of the server without it.
    pub grace_ms: Option<u64>,
    /// How long the lease lasts at most; without limit without it.
    pub for_ms: Option<u64>,
    /// What tells this client from others across restarts of the server; empty for none.
    pub identity: String,
    /// False if the claim ends at once, rather than waits, if it cannot be granted at once.
    pub may_wait: bool,
}

/// Who has a device, or is before a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct HolderInfo {
    /// The device.
    pub device: String,
    /// The [`id`](ClientSummary::id) of the client; 0 for code in the server's own process.
    pub client: u64,
    /// What it calls itself.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// How long it has had the device, in milliseconds.
    pub since_ms: u64,
    /// How long it has not called anything, in milliseconds; 0 while a call runs.
    pub idle_ms: u64,
    /// What it has the device for, in its own words; may be empty.
    pub because: String,
    /// When the lease ends, in milliseconds from now, if that is known.
    pub ends_ms: Option<u64>,
}

/// The state of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ClaimState {
    /// It holds its devices.
    Held {
        /// When it ends, in milliseconds from now, if that is known.
        ends_ms: Option<u64>,
    },
    /// It waits for its turn.
    Waiting {
        /// 1 for the next in line.
        place: u32,
        /// Who has the devices that it waits for. Empty while they are put into their safe state.
        behind: Vec<HolderInfo>,
    },
    /// It has ended.
    Ended {
        /// Who ended it.
        by: String,
        /// Why.
        why: String,
        /// How long ago, in milliseconds.
        ago_ms: u64,
    },
    /// The server knows no such claim.
    Unknown,
}

/// A lease, or a claim that waits for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct LeaseInfo {
    /// The number that the client chose; 0 for the implicit lease of the client that holds a server which is not shared.
    pub claim: u128,
    /// The devices.
    pub devices: Vec<String>,
    /// The [`id`](ClientSummary::id) of the client; 0 for a lease that is reserved for a client that has not returned since the
    /// server was restarted.
    pub client: u64,
    /// What the client calls itself.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// What for, in its own words; may be empty.
    pub because: String,
    /// Its place in the line; 0 if it holds its devices.
    pub place: u32,
    /// How long it has held them, or waited, in milliseconds.
    pub since_ms: u64,
    /// True if its client has lost its connection, and has time to return.
    pub is_doubtful: bool,
    /// When it ends, in milliseconds from now, if that is known.
    pub ends_ms: Option<u64>,
    /// True if methods that only read are refused to others as well.
    pub refuses_reads: bool,
}

/// A client of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct ClientSummary {
    /// Number of this client, unique while the server runs.
    pub id: u64,
    /// 0 for a client that is served, 1 for the next in the queue.
    pub place: u32,
    /// What it calls itself.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// How long ago it arrived, in milliseconds.
    pub connected_ms: u64,
    /// How long it has not called anything, in milliseconds; 0 while a call runs.
    pub idle_ms: u64,
    /// Number of its calls.
    pub calls: u64,
    /// The method that runs, by its name on the wire; empty if none runs.
    pub running: String,
    /// The device whose method runs; empty if none runs, and for a function.
    pub device: String,
    /// How long it has run, in milliseconds.
    pub running_ms: u64,
}

/// A device, and who uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct DeviceStatus {
    /// Its name.
    pub name: String,
    /// The prefix of its methods.
    pub prefix: String,
    /// Who has leased it.
    pub holder: Option<HolderInfo>,
    /// Who is inside: a client's name and address, or what the server's own code calls itself; empty if nobody is.
    pub inside: String,
    /// The method that runs, by its name on the wire; empty if none does.
    pub running: String,
    /// Number of calls that wait for it.
    pub waiting: u32,
    /// True if a call hangs in it.
    pub is_stuck: bool,
}

/// Who was made to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Kicked {
    /// What the client calls itself.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// The method that still runs for it, by its name on the wire; empty if none does. It ends first.
    pub running: String,
}

/// One line for a person: "scan at 10.0.0.7:5000 has had `laser` for 3s, idle for 1s (alignment)".
impl fmt::Display for HolderInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            device,
            name,
            address,
            because,
            ..
        } = self;
        let since = Duration::from_millis(self.since_ms);
        write!(f, "{name} at {address} has had `{device}` for {since:.1?}")?;
        if self.idle_ms > 0 {
            write!(f, ", idle for {:.1?}", Duration::from_millis(self.idle_ms))?;
        }
        if !because.is_empty() {
            write!(f, " ({because})")?;
        }
        match self.ends_ms {
            Some(ends) => write!(f, ", and for {:.1?} more", Duration::from_millis(ends)),
            None => Ok(()),
        }
    }
}

/// For a person: "waiting, place 2; scan at 10.0.0.7:5000 has had `laser` for 3s".
impl fmt::Display for ClaimState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { ends_ms: None } => f.write_str("held"),
            Self::Held {
                ends_ms: Some(ends),
            } => write!(f, "held for {:.1?} more", Duration::from_millis(*ends)),
            Self::Waiting { place, behind } => {
                write!(f, "waiting, place {place}")?;
                behind.iter().try_for_each(|holder| write!(f, "; {holder}"))
            }
            Self::Ended { by, why, ago_ms } => {
                let ago = Duration::from_millis(*ago_ms);
                write!(f, "ended {ago:.1?} ago by {by}: {why}")
            }
            Self::Unknown => f.write_str("unknown to the server"),
        }
    }
}
