//! Leases and claims as clients are told of them. The hub adds the names and addresses of the parties.

use std::time::{Duration, Instant};

use ipc_core::interface::commands::{ClaimState, HolderInfo, LeaseInfo};
use ipc_core::wire::sanitize::fit_to_show;

use super::claim::Claim;
use super::{LeaseTable, RESERVED};

impl LeaseTable {
    /// Returns the holder of a device, without its address and how long it has been idle, and without its name unless the
    /// lease is reserved: the name is then its identity.
    pub fn holder(&self, device: &str, now: Instant) -> Option<HolderInfo> {
        let mut claims = self.claims.iter();
        let claim = claims.find(|claim| claim.is_held() && claim.has(device))?;
        Some(claim.holder(device, now))
    }

    /// Returns all leases, and the claims that wait, in the order in which they were asked for. They lack what the
    /// [holder](Self::holder) of a device lacks.
    pub fn list(&self, now: Instant) -> Vec<LeaseInfo> {
        let claims = 0..self.claims.len();
        claims.filter_map(|at| self.lease(at, now)).collect()
    }

    pub(super) fn lease(&self, at: usize, now: Instant) -> Option<LeaseInfo> {
        let claim = self.claims.get(at)?;
        let (client, name) = claim.shown();
        Some(LeaseInfo {
            claim: claim.number,
            devices: claim
                .devices
                .iter()
                .map(|device| device.to_string())
                .collect(),
            client,
            name,
            address: String::new(),
            because: claim.because.clone(),
            place: match claim.is_held() {
                true => 0,
                false => self.place(at),
            },
            since_ms: ms(now.saturating_duration_since(claim.since)),
            is_doubtful: claim.doubt.is_some(),
            ends_ms: ends_ms(claim, now),
            refuses_reads: claim.refuses_reads,
        })
    }

    /// Returns the state of a claim of this party.
    pub(super) fn state(&self, party: u64, number: u128, now: Instant) -> ClaimState {
        let at = self.position_of(party, number);
        if let Some((at, claim)) = at.and_then(|at| Some((at, self.claims.get(at)?))) {
            return match claim.is_held() {
                true => ClaimState::Held {
                    ends_ms: ends_ms(claim, now),
                },
                false => ClaimState::Waiting {
                    place: self.place(at),
                    behind: self.holders_of(claim, now),
                },
            };
        }
        match self.ended(party, number) {
            Some(ended) => ClaimState::Ended {
                by: ended.end.by.clone(),
                why: ended.end.why.clone(),
                ago_ms: ms(now.saturating_duration_since(ended.at)),
            },
            None => ClaimState::Unknown,
        }
    }

    /// Returns who has the devices of a claim.
    fn holders_of(&self, claim: &Claim, now: Instant) -> Vec<HolderInfo> {
        let devices = claim.devices.iter();
        devices
            .filter_map(|device| self.holder(device, now))
            .collect()
    }
}

impl Claim {
    fn holder(&self, device: &str, now: Instant) -> HolderInfo {
        let (client, name) = self.shown();
        HolderInfo {
            device: device.to_string(),
            client,
            name,
            since_ms: ms(now.saturating_duration_since(self.since)),
            because: self.because.clone(),
            ends_ms: ends_ms(self, now),
            ..HolderInfo::default()
        }
    }

    /// Returns the party and its name as they are shown.
    fn shown(&self) -> (u64, String) {
        match self.party {
            RESERVED => (0, fit_to_show(&self.identity)),
            party => (party, String::new()),
        }
    }
}

fn ends_ms(claim: &Claim, now: Instant) -> Option<u64> {
    let ends = claim.ends()?;
    Some(ms(ends.saturating_duration_since(now)))
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
