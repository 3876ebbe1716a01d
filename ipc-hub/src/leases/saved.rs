//! Leases that outlive the server.

use std::time::{Duration, Instant};

use ipc_core::interface::commands::LeaseRequest;

use super::changes::Change;
use super::claim::{Claim, Stage};
use super::clock::Clock;
use super::{LeaseTable, RESERVED};

/// How long a lease is reserved for its client after a restart of the server.
const RESERVED_FOR: Duration = Duration::from_secs(60);

impl LeaseTable {
    /// Returns the leases of clients that have an identity, as requests for what is left of them. They change when a lease is
    /// [granted](Change::Granted) or [ended](Change::Ended), and with [`renew`](Self::renew).
    pub fn saved(&self, now: Instant) -> Vec<LeaseRequest> {
        let claims = self.claims.iter();
        let saved = claims.filter(|claim| claim.is_held() && !claim.identity.is_empty());
        saved.map(|claim| claim.saved(now)).collect()
    }

    /// Reserves [saved](Self::saved) leases for 60 s, for clients that claim them with the same identity and number. Leaves
    /// out those that are no longer possible. Called before any client comes.
    pub fn restore(
        &mut self,
        saved: Vec<LeaseRequest>,
        known: impl Fn(&str) -> bool,
        now: Instant,
    ) {
        for request in saved {
            let Ok(mut claim) = self.check(RESERVED, request, &known, now) else {
                continue;
            };
            let clashes =
                |other: &Claim| other.number == claim.number || other.shares(&claim).is_some();
            if claim.identity.is_empty() || self.claims.iter().any(clashes) {
                continue;
            }
            claim.stage = Stage::held(claim.lasts, now);
            claim.doubt = Some(Clock::new(now, RESERVED_FOR));
            for device in &claim.devices {
                self.changes.push_back(Change::Give {
                    device: device.clone(),
                    party: RESERVED,
                    refuses_reads: claim.refuses_reads,
                });
            }
            self.claims.push(claim);
        }
    }
}

impl Claim {
    fn saved(&self, now: Instant) -> LeaseRequest {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let left = match &self.stage {
            Stage::Held {
                ends: Some(ends), ..
            } => Some(ends.due().saturating_duration_since(now)),
            _ => None,
        };
        LeaseRequest {
            claim: self.number,
            devices: self
                .devices
                .iter()
                .map(|device| device.to_string())
                .collect(),
            because: self.because.clone(),
            refuses_reads: self.refuses_reads,
            grace_ms: Some(ms(self.grace)),
            for_ms: left.map(ms),
            identity: self.identity.clone(),
            may_wait: true,
        }
    }
}
