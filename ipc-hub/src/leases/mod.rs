//! Leases: which clients have which devices for themselves, and which wait for them.
//!
//! A *party* is one client program. A *claim* is a lease that a party has asked for, under a number that the party chose;
//! it waits until it holds all of its devices, and holds them until it ends. [`LeaseTable`] has no clock, no locks and no
//! drivers: the time is an argument, and what is to be done about the devices comes out as [`Change`]s.
//!
//! # Use
//!
//! The hub keeps the table under a lock. Before it lets go of the lock, it takes all changes from
//! [`next_change`](LeaseTable::next_change) and carries them out in order. [`Close`](Change::Close),
//! [`Give`](Change::Give) and [`Open`](Change::Open) are the store of one word in the gate of a device;
//! [`Release`](Change::Release) starts a hook that runs without the lock and is reported with
//! [`released`](LeaseTable::released). [`look`](LeaseTable::look) is due when the previous one said so, and after each
//! operation that may have started a clock: all of them but [`asked`](LeaseTable::asked).
//!
//! # Invariants
//!
//! - A device has at most one holder, and a claim holds all of its devices or none.
//! - Claims for overlapping sets of devices are granted in the order in which they were asked for. A claim is *passed
//!   over* while its party has no connection, and once it has not been asked for in 5 s. It keeps its place in the line.
//! - A claim is granted only in answer to its party: when it is made, or when it is [asked](LeaseTable::asked) for. A party
//!   that has given up waiting, or is not connected, never holds devices without knowing.
//! - A lease that ends closes its devices. None of them is given to another party before its release hook has run, with
//!   nobody of the old holder inside. Only a transfer runs no hook.
//! - No lease ends by a clock while its party is busy: as long as a call of it runs, its clocks stand still. The notice of a
//!   kick is not stopped by a call.
//! - No claim is accepted, and no lease transferred or granted, if parties would then wait for each other in a circle.
//! - Every claim that waits ends: it is granted, released, or not asked for. Every lease of a party without a connection
//!   ends with its grace.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use claim::Claim;
use devices::Phase;
use party::Party;

#[cfg(feature = "proof")]
use crate::mutant::Mutant;

mod changes;
mod claim;
mod clock;
mod devices;
mod limits;
mod line;
mod look;
mod party;
mod requests;
mod saved;
#[cfg(test)]
mod tests;
mod view;

pub use changes::{Change, End};
pub use limits::{LeaseError, LeaseLimits, Wait};
pub use party::Fence;

/// The party of a lease that was [restored](LeaseTable::restore) and whose client has not returned yet. It is the owner
/// word of the devices of such a lease, and no client's number.
pub const RESERVED: u64 = u64::MAX - 1;

/// All leases, and the claims that wait for one. See the [module](self).
#[derive(Clone, Debug, Hash)]
pub struct LeaseTable {
    limits: LeaseLimits,
    /// In the order in which they were asked for, whether they wait or hold their devices.
    claims: Vec<Claim>,
    parties: BTreeMap<u64, Party>,
    /// The devices that are closed. All others are held or free.
    closed: BTreeMap<Arc<str>, Phase>,
    changes: VecDeque<Change>,
    /// Number of releases so far.
    turns: u64,
    looked: Option<Instant>,
    #[cfg(feature = "proof")]
    mutant: Option<Mutant>,
}

impl LeaseTable {
    /// Creates a table without leases.
    pub fn new(limits: LeaseLimits) -> Self {
        Self {
            limits,
            claims: Vec::new(),
            parties: BTreeMap::new(),
            closed: BTreeMap::new(),
            changes: VecDeque::new(),
            turns: 0,
            looked: None,
            #[cfg(feature = "proof")]
            mutant: None,
        }
    }

    /// Breaks a rule on purpose.
    #[cfg(feature = "proof")]
    pub fn plant(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// Returns the next thing to do about the devices and to tell the clients, in order.
    pub fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }
}
