//! What a party asks of the table: claims, their state, and their end.

use std::mem;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::{ClaimState, LeaseInfo, LeaseRequest};

use super::changes::End;
use super::claim::Stage;
use super::clock::Clock;
use super::limits::LeaseError;
use super::{LeaseTable, RESERVED};

impl LeaseTable {
    /// Asks for a lease. It is granted at once if its devices are free, and nobody waits for one of them. `known` returns
    /// whether there is a device of this name.
    ///
    /// Asking again under the same number does what [`asked`](Self::asked) does.
    pub fn claim(
        &mut self,
        party: u64,
        request: LeaseRequest,
        known: impl Fn(&str) -> bool,
        now: Instant,
    ) -> Result<ClaimState, LeaseError> {
        let number = request.claim;
        if self.position_of(party, number).is_some() || self.ended(party, number).is_some() {
            return Ok(self.asked(party, number, now));
        }
        if let Some(claim) = self.position(number).and_then(|at| self.claims.get(at)) {
            return match claim.party == RESERVED && claim.identity == request.identity {
                true => self.adopt(party, number, now),
                false => Err(LeaseError::NumberInUse),
            };
        }
        let may_wait = request.may_wait;
        let mut claim = self.check(party, request, known, now)?;
        self.check_party(party, &claim)?;
        claim.doubt = self.is_lost(party).then(|| Clock::new(now, claim.grace));
        let at = self.claims.len();
        self.claims.push(claim);
        let may_join = self.may_join(at);
        if self.is_next(at) {
            self.grant(at, now);
        } else if !may_wait && !self.waits_for_hooks_only(at) {
            self.end(at, End::not_free(), now);
        } else if let Err(error) = may_join {
            self.claims.truncate(at);
            return Err(error);
        }
        Ok(self.state(party, number, now))
    }

    /// Checks that the claim at `at`, the last one, may wait.
    fn may_join(&self, at: usize) -> Result<(), LeaseError> {
        let waiting = self.claims.iter().filter(|claim| !claim.is_held()).count();
        if waiting > self.limits.waiting {
            return Err(LeaseError::LineIsFull(waiting - 1));
        }
        let party = self.claims.get(at).map_or(0, |claim| claim.party);
        self.circle(party, None)
            .map_or(Ok(()), |circle| Err(LeaseError::Circle(circle)))
    }

    /// Returns the state of a claim, and notes that its party still wants it: it is granted if it is its turn. A party that
    /// waits asks every few milliseconds.
    pub fn asked(&mut self, party: u64, number: u128, now: Instant) -> ClaimState {
        if let Some(at) = self.position_of(party, number)
            && let Some(claim) = self.claims.get_mut(at)
            && let Stage::Waiting { .. } = claim.stage
        {
            if claim.doubt.is_none() {
                claim.stage = Stage::waiting(now);
            }
            if self.is_next(at) {
                self.grant(at, now);
            }
            self.settle();
        }
        self.state(party, number, now)
    }

    /// Ends a claim, whether it waits or holds its devices. Returns false if the party has no such claim.
    pub fn release(&mut self, party: u64, number: u128, now: Instant) -> bool {
        let at = self.position_of(party, number);
        if let Some(at) = at {
            self.end(at, End::released(), now);
        }
        at.is_some()
    }

    /// Sets how long a lease still lasts at most; without limit if `lasts` is `None`. For a claim that waits, the time begins
    /// when it is granted.
    pub fn renew(
        &mut self,
        party: u64,
        number: u128,
        lasts: Option<Duration>,
        now: Instant,
    ) -> ClaimState {
        if let Some(at) = self.position_of(party, number)
            && let Some(claim) = self.claims.get_mut(at)
        {
            claim.lasts = lasts;
            if let Stage::Held { ends, .. } = &mut claim.stage {
                *ends = lasts.map(|lasts| Clock::new(now, lasts));
            }
        }
        self.asked(party, number, now)
    }

    /// Gives a lease to another party, without a release hook. For the party that had it, it has ended.
    pub fn transfer(
        &mut self,
        party: u64,
        number: u128,
        to: u64,
        now: Instant,
    ) -> Result<LeaseInfo, LeaseError> {
        let at = self.position_of(party, number);
        let Some((at, claim)) = at.and_then(|at| Some((at, self.claims.get(at)?))) else {
            return Err(LeaseError::NotHeld);
        };
        if !claim.is_held() {
            return Err(LeaseError::NotHeld);
        }
        if to != party {
            if self.is_lost(to) {
                return Err(LeaseError::NewHolderIsLost);
            }
            self.check_party(to, claim)?;
            let old = claim.clone();
            self.give_to(at, to)?;
            self.remember(&old, &End::transferred(), now);
            if let Some(claim) = self.claims.get_mut(at) {
                // The identity is that of the old holder.
                claim.identity.clear();
            }
            self.hand_over(at, now);
        }
        self.lease(at, now).ok_or(LeaseError::NotHeld)
    }

    /// Gives a reserved lease to the client that it was reserved for, which has returned.
    fn adopt(&mut self, party: u64, number: u128, now: Instant) -> Result<ClaimState, LeaseError> {
        if let Some(at) = self.position(number)
            && let Some(claim) = self.claims.get(at)
        {
            self.check_party(party, claim)?;
            self.give_to(at, party)?;
            self.hand_over(at, now);
        }
        Ok(self.state(party, number, now))
    }

    /// Makes `party` the one that the lease at `at` belongs to, unless parties would then wait in a circle.
    fn give_to(&mut self, at: usize, party: u64) -> Result<(), LeaseError> {
        let is_lost = self.is_lost(party);
        let Some(claim) = self.claims.get_mut(at) else {
            return Ok(());
        };
        let before = mem::replace(&mut claim.party, party);
        if let Some(circle) = self.circle(party, None) {
            if let Some(claim) = self.claims.get_mut(at) {
                claim.party = before;
            }
            return Err(LeaseError::Circle(circle));
        }
        if let Some(claim) = self.claims.get_mut(at) {
            let doubt = claim.doubt.take();
            claim.doubt = doubt.filter(|_| is_lost);
            claim.was_busy = false;
        }
        Ok(())
    }

    pub(super) fn position(&self, number: u128) -> Option<usize> {
        self.claims.iter().position(|claim| claim.number == number)
    }

    /// Returns where a claim is, if it is one of this party.
    pub(super) fn position_of(&self, party: u64, number: u128) -> Option<usize> {
        let mut claims = self.claims.iter();
        claims.position(|claim| claim.number == number && claim.party == party)
    }
}
