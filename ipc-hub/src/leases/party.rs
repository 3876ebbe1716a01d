//! The parties: whether they are connected, how their claims ended, and which devices they have lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use ipc_core::Release;

use super::changes::End;
use super::claim::{Claim, Stage};
use super::clock::Clock;
use super::{LeaseTable, RESERVED};

/// What the table knows of a party besides its claims.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Party {
    pub(super) is_lost: bool,
    /// The last of its claims that have ended.
    pub(super) ended: VecDeque<Ended>,
    /// The devices that it has lost without being told.
    pub(super) fences: BTreeMap<Arc<str>, Fence>,
}

/// A claim that has ended.
#[derive(Clone, Debug, Hash)]
pub(super) struct Ended {
    pub(super) number: u128,
    pub(super) end: End,
    pub(super) at: Instant,
}

/// How a party lost a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// Who took it away, in words.
    pub by: String,
    /// Why, in words.
    pub why: String,
    /// When.
    pub at: Instant,
}

/// Maximum number of claims that have ended and that are remembered for each party.
const REMEMBERED: usize = 64;

impl LeaseTable {
    /// Notes that a party has lost its connection. Its leases are in doubt, and its claims are passed over, until it is
    /// [back](Self::party_back); each of them ends with its grace.
    pub fn party_lost(&mut self, party: u64, now: Instant) {
        let known = self.parties.entry(party).or_default();
        if known.is_lost {
            return;
        }
        known.is_lost = true;
        for claim in self.claims.iter_mut().filter(|claim| claim.party == party) {
            claim.doubt = Some(Clock::new(now, claim.grace));
        }
        self.settle();
    }

    /// Notes that a party has a connection again.
    pub fn party_back(&mut self, party: u64, now: Instant) {
        if let Some(known) = self.parties.get_mut(&party) {
            known.is_lost = false;
        }
        for claim in self.claims.iter_mut().filter(|claim| claim.party == party) {
            claim.doubt = None;
            if !claim.is_held() {
                claim.stage = Stage::waiting(now);
            }
        }
        self.settle();
        self.prune();
    }

    /// Notes that a party is gone for good. All of its claims end, and the table forgets it. The party must not use the table
    /// after that.
    pub fn party_gone(&mut self, party: u64, why: Release, now: Instant) {
        let is_own = |claim: &Claim| claim.party == party;
        while let Some(at) = self.claims.iter().position(is_own) {
            self.end(at, End::gone(why), now);
        }
        self.parties.remove(&party);
    }

    /// Returns how a party lost a device that it did not release, unless it [was told](Self::was_fenced) since.
    ///
    /// Until then, none of its calls may enter the device while another party has it or nobody has: the party made them
    /// under the lease that has ended. A lease that the party is given later does not change that, because calls made
    /// before may still be under way when that lease ends.
    pub fn fence(&self, party: u64, device: &str) -> Option<&Fence> {
        self.parties.get(&party)?.fences.get(device)
    }

    /// Returns when the party lost the devices that it holds again.
    pub fn regained(&self, party: u64) -> Vec<(String, Instant)> {
        let claims = self.claims.iter();
        let held = claims.filter(|claim| claim.is_held() && claim.party == party);
        let devices = held.flat_map(|claim| claim.devices.iter());
        let lost = |device: &Arc<str>| Some((device.to_string(), self.fence(party, device)?.at));
        devices.filter_map(lost).collect()
    }

    /// Returns what [`fence`](Self::fence) returns, and forgets it: the party knows now, and none of the calls that it made
    /// before it did is under way. What a party was told before a [`Change::Give`](super::Change::Give) of the device is no
    /// reason to call this after it.
    pub fn was_fenced(&mut self, party: u64, device: &str) -> Option<Fence> {
        let fence = self.parties.get_mut(&party)?.fences.remove(device);
        self.prune();
        fence
    }

    pub(super) fn is_lost(&self, party: u64) -> bool {
        self.parties.get(&party).is_some_and(|party| party.is_lost)
    }

    /// Remembers how a claim ended, in case its party asks.
    pub(super) fn remember(&mut self, claim: &Claim, end: &End, now: Instant) {
        let ended = &mut self.parties.entry(claim.party).or_default().ended;
        if ended.len() >= REMEMBERED {
            ended.pop_front();
        }
        ended.push_back(Ended {
            number: claim.number,
            end: end.clone(),
            at: now,
        });
    }

    /// Returns how a claim of the party ended, or one that was reserved for it.
    pub(super) fn ended(&self, party: u64, number: u128) -> Option<&Ended> {
        let parties = [party, RESERVED].into_iter();
        let known = parties.filter_map(|party| self.parties.get(&party));
        let mut ended = known.flat_map(|party| party.ended.iter().rev());
        ended.find(|ended| ended.number == number)
    }

    /// Forgets parties without claims whose sessions have ended, of which `exists` knows nothing.
    pub fn forget_parties(&mut self, exists: impl Fn(u64) -> bool) {
        let claims = &self.claims;
        self.parties.retain(|id, _| {
            *id == RESERVED || claims.iter().any(|claim| claim.party == *id) || exists(*id)
        });
    }

    /// Forgets parties of which there is nothing to know.
    pub(super) fn prune(&mut self) {
        self.parties.retain(|_, party| {
            party.is_lost || !party.ended.is_empty() || !party.fences.is_empty()
        });
    }
}
