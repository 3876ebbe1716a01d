//! The order of claims: whose turn it is, what each waits for, and who would wait for whom in a circle.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::LeaseTable;
use super::claim::Claim;
use super::devices::Phase;
use super::limits::Wait;

impl LeaseTable {
    /// Returns the claims that come before the one at `at`, with a device that both name: those that hold such a device, and
    /// those that were asked for earlier. The claim `granted` counts as one that holds its devices.
    fn before(
        &self,
        at: usize,
        granted: Option<usize>,
    ) -> impl Iterator<Item = (&Claim, &Arc<str>)> {
        let claim = self.claims.get(at);
        let others = self.claims.iter().enumerate();
        others.filter_map(move |(other_at, other)| {
            let is_held = other.is_held() || granted == Some(other_at);
            let comes_first = is_held || other_at < at && !has_mutant!(self, Barges);
            let shared = claim
                .filter(|_| comes_first && other_at != at)?
                .shares(other)?;
            Some((other, shared))
        })
    }

    /// Returns true if the claim at `at` is granted as soon as it is asked for.
    pub(super) fn is_next(&self, at: usize) -> bool {
        let Some(claim) = self.claims.get(at) else {
            return false;
        };
        let is_out = claim.is_passed_over() && !has_mutant!(self, GrantsToTheLost);
        let mut devices = claim.devices.iter();
        let is_released = |device| {
            !matches!(self.closed.get(device), Some(Phase::Releasing { .. }))
                || has_mutant!(self, GrantsBeforeTheHook)
        };
        if claim.is_held() || is_out || !devices.all(is_released) {
            return false;
        }
        let mut passes_over = false;
        for (other, shared) in self.before(at, None) {
            let is_in_part =
                has_mutant!(self, GrantsInPart) && claim.devices.first() != Some(shared);
            if !other.is_passed_over() && !is_in_part {
                return false;
            }
            passes_over = true;
        }
        // Whoever is passed over waits for this claim from now on.
        !passes_over || self.circle(claim.party, Some(at)).is_none()
    }

    /// Returns true if nobody has the devices of the claim at `at`, or comes before it: they are being put into their safe state,
    /// which even a claim that does not wait for others waits for.
    pub(super) fn waits_for_hooks_only(&self, at: usize) -> bool {
        self.before(at, None).next().is_none()
    }

    /// Returns the place of the claim at `at` in the line, from 1: how many are granted before it, and those before them.
    pub(super) fn place(&self, at: usize) -> u32 {
        let mut devices = BTreeSet::new();
        let mut place = 0;
        let (up_to, _) = self.claims.split_at_checked(at + 1).unwrap_or_default();
        for claim in up_to.iter().rev() {
            let is_behind = claim.devices.iter().any(|device| devices.contains(device));
            if place == 0 || is_behind && !claim.is_held() && !claim.is_passed_over() {
                devices.extend(&claim.devices);
                place += 1;
            }
        }
        place
    }

    /// Returns the circle that begins and ends at `party`, in which each party waits for the next one. The claim `granted`
    /// counts as one that holds its devices.
    pub(super) fn circle(&self, party: u64, granted: Option<usize>) -> Option<Vec<Wait>> {
        let mut reached_from: BTreeMap<u64, (u64, Wait)> = BTreeMap::new();
        let mut queue = VecDeque::from([party]);
        while let Some(waits) = queue.pop_front() {
            for (at, claim) in self.claims.iter().enumerate() {
                if claim.party != waits || claim.is_held() || granted == Some(at) {
                    continue;
                }
                for (other, device) in self.before(at, granted) {
                    if let Entry::Vacant(entry) = reached_from.entry(other.party) {
                        let wait = Wait {
                            device: Arc::clone(device),
                            party: other.party,
                        };
                        entry.insert((waits, wait));
                        queue.push_back(other.party);
                    }
                }
            }
        }
        let mut circle = VecDeque::new();
        let mut last = party;
        while let Some((before, wait)) = reached_from.get(&last) {
            circle.push_front(wait.clone());
            last = *before;
            if last == party {
                break;
            }
        }
        (!circle.is_empty()).then(|| circle.into())
    }
}
