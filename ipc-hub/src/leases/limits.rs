//! What a client may ask for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::LeaseRequest;
use ipc_core::wire::sanitize::fit_to_show;
use thiserror::Error;

use super::LeaseTable;
use super::claim::{Claim, GRACE, Stage};

/// Limits of a [`LeaseTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LeaseLimits {
    /// Maximum number of devices in one lease.
    pub devices_per_lease: usize,
    /// Maximum number of claims that wait.
    pub waiting: usize,
    /// Maximum number of leases of one party, and of its claims that wait.
    pub per_party: usize,
}

impl Default for LeaseLimits {
    fn default() -> Self {
        Self {
            devices_per_lease: 32,
            waiting: 256,
            per_party: 64,
        }
    }
}

/// A party waits for a device that another one has, or is to have first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Wait {
    /// The device.
    pub device: Arc<str>,
    /// The party that it is waited for.
    pub party: u64,
}

/// "for client 3, which has `laser` or is before it in the line".
impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, party } = self;
        write!(f, "for client {party} because of `{device}`")
    }
}

/// Why a lease was refused, or not transferred.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// No device is named.
    #[error("a lease needs at least one device, but none is named")]
    NoDevices,
    /// A device is named twice.
    #[error("the device `{0}` is named twice; name each device once")]
    NamedTwice(String),
    /// There is no such device.
    #[error("there is no device `{0}`")]
    UnknownDevice(String),
    /// Too many devices are named.
    #[error("a lease has at most {limit} devices, but {named} are named")]
    TooManyDevices {
        /// How many are named.
        named: usize,
        /// Maximum number.
        limit: usize,
    },
    /// The identity is too long.
    #[error("the identity of a client has at most {0} characters")]
    LongIdentity(usize),
    /// The party has too many leases and claims.
    #[error("this client has {0} leases and claims already; release one of them first")]
    TooMany(usize),
    /// Too many claims wait.
    #[error("{0} claims wait already; try again later")]
    LineIsFull(usize),
    /// The number of the claim is that of another party's.
    #[error("the number of the claim is in use by another client; choose a random one")]
    NumberInUse,
    /// The party holds the device already, or has asked for it.
    #[error(
        "this client has a lease of `{0}` already, or waits for one; a lease is for the whole client, with all its threads"
    )]
    AlreadyAsked(Arc<str>),
    /// Parties would wait for each other for ever: the one that asks for the first of these, which waits for the second,
    /// and so on; the last one is the party itself.
    #[error("clients would wait for each other: this one {}; release what it has first", circle(.0))]
    Circle(Vec<Wait>),
    /// The party does not hold such a lease.
    #[error("this client holds no such lease")]
    NotHeld,
    /// The party that was to get the lease has no connection.
    #[error("the client that was to get the lease has no connection")]
    NewHolderIsLost,
}

fn circle(waits: &[Wait]) -> String {
    let waits: Vec<_> = waits.iter().map(Wait::to_string).collect();
    waits.join(", which waits ")
}

/// Maximum time for which a lease is kept for a client without a connection.
const LONGEST_GRACE: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of characters of an identity.
const IDENTITY: usize = 200;

impl LeaseTable {
    /// Makes a claim of a request, if it is in order.
    pub(super) fn check(
        &self,
        party: u64,
        request: LeaseRequest,
        known: impl Fn(&str) -> bool,
        now: Instant,
    ) -> Result<Claim, LeaseError> {
        let (named, limit) = (request.devices.len(), self.limits.devices_per_lease);
        if named == 0 {
            return Err(LeaseError::NoDevices);
        }
        if named > limit {
            return Err(LeaseError::TooManyDevices { named, limit });
        }
        if request.identity.chars().nth(IDENTITY).is_some() {
            return Err(LeaseError::LongIdentity(IDENTITY));
        }
        if let Some(unknown) = request.devices.iter().find(|device| !known(device)) {
            return Err(LeaseError::UnknownDevice(fit_to_show(unknown)));
        }
        let mut devices: Vec<Arc<str>> = request.devices.into_iter().map(Arc::from).collect();
        devices.sort_unstable();
        let mut pairs = devices.iter().zip(devices.iter().skip(1));
        if let Some((twice, _)) = pairs.find(|(one, other)| one == other) {
            return Err(LeaseError::NamedTwice(twice.to_string()));
        }
        Ok(Claim {
            number: request.claim,
            party,
            identity: request.identity,
            devices,
            because: fit_to_show(&request.because),
            refuses_reads: request.refuses_reads,
            grace: request
                .grace_ms
                .map_or(GRACE, Duration::from_millis)
                .min(LONGEST_GRACE),
            lasts: request.for_ms.map(Duration::from_millis),
            since: now,
            doubt: None,
            was_busy: false,
            stage: Stage::waiting(now),
        })
    }

    /// Checks that a party may have one more lease, of the devices of `claim`.
    pub(super) fn check_party(&self, party: u64, claim: &Claim) -> Result<(), LeaseError> {
        let own = || self.claims.iter().filter(|other| other.party == party);
        if let Some(device) = own().find_map(|other| claim.shares(other)) {
            return Err(LeaseError::AlreadyAsked(Arc::clone(device)));
        }
        match own().count() {
            count if count >= self.limits.per_party => Err(LeaseError::TooMany(count)),
            _ => Ok(()),
        }
    }
}
