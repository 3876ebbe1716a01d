//! The devices: how they change hands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::LeaseInfo;
use ipc_core::wire::sanitize::fit_to_show;

use super::changes::{Change, End};
use super::claim::{Claim, Notice, Stage};
use super::party::Fence;
use super::{LeaseTable, RESERVED};
use crate::time::later;

/// How far a closed device is on its way to its next holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Its hook has not run yet, or the call inside has not returned.
    Releasing { turn: u64 },
    /// It is in its safe state, and kept closed for the claim that is next.
    Ready,
}

impl LeaseTable {
    /// Notes that the release hook of a device has run, or is owed because the device hangs, and that nobody of the old
    /// holder is inside. `turn` is that of the [`Change::Release`].
    pub fn released(&mut self, device: &str, turn: u64) {
        if let Some(phase) = self.closed.get_mut(device)
            && *phase == (Phase::Releasing { turn })
        {
            *phase = Phase::Ready;
            self.settle();
        }
    }

    /// Notes that a device was removed from the server. A lease goes on without it, unless it has no other device; a claim
    /// that waits for it ends.
    pub fn device_removed(&mut self, device: &str, now: Instant) {
        self.closed.remove(device);
        for party in self.parties.values_mut() {
            party.fences.remove(device);
        }
        for claim in self.claims.iter_mut().filter(|claim| claim.is_held()) {
            claim.devices.retain(|other| **other != *device);
        }
        while let Some(at) = self
            .claims
            .iter()
            .position(|claim| claim.devices.is_empty() || claim.has(device))
        {
            self.end(at, End::removed(device), now);
        }
        self.prune();
    }

    /// Announces the end of the lease of a device, which comes after `notice`. Returns the lease, or `None` if nobody holds the
    /// device.
    pub fn kick(
        &mut self,
        device: &str,
        by: &str,
        why: &str,
        notice: Duration,
        now: Instant,
    ) -> Option<LeaseInfo> {
        let holds = |claim: &Claim| claim.is_held() && claim.has(device);
        let at = self.claims.iter().position(holds)?;
        let end = End::kicked(&fit_to_show(by), &fit_to_show(why));
        let announced = Notice {
            at: later(now, notice),
            end: end.clone(),
        };
        if let Stage::Held { notice, .. } = &mut self.claims.get_mut(at)?.stage
            && notice.as_ref().is_none_or(|other| announced.at < other.at)
        {
            *notice = Some(announced);
        }
        let lease = self.lease(at, now);
        if notice.is_zero() {
            self.end(at, end, now);
        }
        lease
    }

    /// Gives the claim at `at` its devices.
    pub(super) fn grant(&mut self, at: usize, now: Instant) {
        let Some(claim) = self.claims.get_mut(at) else {
            return;
        };
        claim.stage = Stage::held(claim.lasts, now);
        self.hand_over(at, now);
    }

    /// Makes the party of the lease at `at` the owner of its devices.
    pub(super) fn hand_over(&mut self, at: usize, now: Instant) {
        let held = |other: &Claim, device| other.is_held() && other.has(device);
        let (others, rest) = self.claims.split_at_mut_checked(at).unwrap_or_default();
        let Some((claim, behind)) = rest.split_first_mut() else {
            return;
        };
        claim.since = now;
        let party = claim.party;
        for device in &claim.devices {
            let mut others = others.iter().chain(&*behind);
            if has_mutant!(self, GrantsInPart) && others.any(|other| held(other, device)) {
                continue;
            }
            self.closed.remove(device);
            self.changes.push_back(Change::Give {
                device: Arc::clone(device),
                party,
                refuses_reads: claim.refuses_reads,
            });
        }
        self.changes.push_back(Change::Granted {
            party,
            claim: claim.number,
        });
    }

    /// Ends the claim at `at`.
    pub(super) fn end(&mut self, at: usize, end: End, now: Instant) {
        let claim = self.claims.remove(at);
        let was_held = claim.is_held();
        if was_held {
            self.close(&claim, &end, now);
        }
        self.remember(&claim, &end, now);
        self.changes.push_back(Change::Ended {
            party: claim.party,
            claim: claim.number,
            devices: claim.devices,
            was_held,
            end,
        });
        self.settle();
    }

    /// Takes the devices away from a lease that has ended.
    fn close(&mut self, claim: &Claim, end: &End, now: Instant) {
        if !has_mutant!(self, NeverCloses) {
            let devices = claim.devices.iter().cloned();
            let close = devices.map(|device| Change::Close { device });
            self.changes.extend(close);
        }
        for device in &claim.devices {
            self.turns += 1;
            let turn = self.turns;
            self.closed
                .insert(Arc::clone(device), Phase::Releasing { turn });
            self.changes.push_back(Change::Release {
                device: Arc::clone(device),
                turn,
                party: claim.party,
                why: end.release,
            });
            let is_fenced = !end.is_own && claim.party != RESERVED;
            if is_fenced && !has_mutant!(self, NeverFences) {
                let fence = Fence {
                    by: end.by.clone(),
                    why: end.why.clone(),
                    at: now,
                };
                let party = self.parties.entry(claim.party).or_default();
                party.fences.insert(Arc::clone(device), fence);
            }
        }
    }

    /// Opens the devices that no claim is about to take over.
    pub(super) fn settle(&mut self) {
        let ready = |(_, phase): &(_, &Phase)| **phase == Phase::Ready;
        let ready = self.closed.iter().filter(ready);
        let ready: Vec<Arc<str>> = ready.map(|(device, _)| Arc::clone(device)).collect();
        for device in ready {
            let claims = self.claims.iter().enumerate();
            let mut wanted = claims.filter(|(_, claim)| claim.has(&device));
            if !wanted.any(|(at, _)| self.is_next(at)) {
                self.closed.remove(&device);
                self.changes.push_back(Change::Open { device });
            }
        }
    }
}
