//! What parties, hooks and time do to a table.

use std::collections::BTreeSet;
use std::mem;

use ipc_core::Release;
use ipc_core::interface::commands::LeaseInfo;

use super::*;

impl World {
    pub(super) fn ask_for_new(&mut self) {
        let number = self.next_claim;
        self.next_claim += 1;
        let mut devices = BTreeSet::from([self.device()]);
        while self.random.percent(40) {
            devices.insert(self.device());
        }
        let devices: Vec<_> = devices.into_iter().collect();
        let party = self.party();
        let random = &mut self.random;
        let request = LeaseRequest {
            may_wait: random.percent(90),
            for_ms: random.percent(20).then_some(7000),
            grace_ms: random.percent(20).then_some(3000),
            identity: match random.percent(50) {
                true => format!("party {party}"),
                false => String::new(),
            },
            ..request(number, &devices.join(" "))
        };
        let known = Known {
            party,
            asked: self.now,
            request,
        };
        self.claims.insert(number, known);
        self.send(party, number);
    }

    /// Sends a request for a claim, for the first time or again.
    pub(super) fn send(&mut self, party: u64, number: u128) {
        let before = self.table.list(self.now);
        let request = self.claims[&number].request.clone();
        let is_known = |device: &str| DEVICES.contains(&device);
        let state = self.table.claim(party, request, is_known, self.now);
        if state.is_err() {
            self.refusals += 1;
            if before.iter().all(|it| it.claim != number) {
                self.claims.remove(&number);
            }
            assert_eq!(
                self.table.list(self.now),
                before,
                "a refusal changes nothing"
            );
        }
        if state.as_ref().is_ok_and(is_held) {
            self.claims.entry(number).and_modify(|it| it.party = party);
        }
        self.drain(&before);
    }

    pub(super) fn ask(&mut self) {
        let Some((party, number)) = self.claim() else {
            return;
        };
        if self.random.percent(10) {
            return self.send(party, number);
        }
        let before = self.table.list(self.now);
        self.table.asked(party, number, self.now);
        self.drain(&before);
        if let Some(known) = self.claims.get_mut(&number)
            && known.party == party
            && !self.lost.contains(&party)
        {
            known.asked = self.now;
        }
    }

    pub(super) fn release(&mut self) {
        if let Some((party, number)) = self.claim() {
            self.table.release(party, number, self.now);
            self.drain(&[]);
        }
    }

    pub(super) fn run_a_hook(&mut self) {
        if let Some((device, turn)) = self.late_hooks.pop() {
            self.table.released(&device, turn);
            assert_eq!(self.table.next_change(), None, "{device} is another one");
        }
        if !self.hooks.is_empty() {
            let (device, turn) = self.hooks.swap_remove(0);
            self.table.released(&device, turn);
            // Only the first report counts.
            self.table.released(&device, turn);
            self.drain(&[]);
        }
    }

    pub(super) fn look(&mut self) {
        let ms = self.random.below(2000);
        self.now += Duration::from_millis(ms);
        let before = self.table.list(self.now);
        let busy = self.busy.clone();
        let next = self.table.look(self.now, |party| busy.contains(&party));
        let longest = Duration::from_secs(2); // That of a notice.
        assert!(next.is_none_or(|next| next <= self.now + longest));
        self.drain(&[]);
        let after = self.table.list(self.now);
        let waits = |lease: &LeaseInfo| lease.place > 0 || lease.is_doubtful;
        assert!(next.is_some() || !after.iter().any(waits), "no look is due");
        for lease in before.iter().filter(|it| busy.contains(&it.client)) {
            let still = after.iter().find(|it| it.claim == lease.claim);
            let is_kicked = self.kicked.contains(&lease.claim);
            assert!(still.is_some() || is_kicked, "{lease:?} ended while busy");
        }
    }

    pub(super) fn toggle_busy(&mut self) {
        let party = self.party();
        if !self.busy.remove(&party) {
            self.busy.insert(party);
        }
    }

    pub(super) fn lose_or_return(&mut self) {
        let party = self.party();
        match self.lost.remove(&party) {
            true => {
                self.table.party_back(party, self.now);
            }
            false => {
                self.lost.insert(party);
                self.table.party_lost(party, self.now);
            }
        }
        self.drain(&[]);
    }

    pub(super) fn transfer(&mut self) {
        let Some((party, number)) = self.claim() else {
            return;
        };
        let to = self.party();
        let before = self.table.list(self.now);
        match self.table.transfer(party, number, to, self.now) {
            Ok(lease) => {
                assert_eq!(lease.client, to);
                self.claims.get_mut(&number).unwrap().party = to;
            }
            Err(_) => assert_eq!(self.table.list(self.now), before),
        }
        self.drain(&[]);
    }

    pub(super) fn renew(&mut self) {
        if let Some((party, number)) = self.claim() {
            let lasts = self.random.percent(50).then_some(Duration::from_secs(3));
            let before = self.table.list(self.now);
            self.table.renew(party, number, lasts, self.now);
            self.drain(&before);
        }
    }

    pub(super) fn kick(&mut self) {
        let (device, notice) = (self.device(), self.random.below(3));
        let notice = Duration::from_secs(notice);
        if let Some(lease) = self.table.kick(device, "ann", "", notice, self.now) {
            self.kicked.insert(lease.claim);
        }
        self.drain(&[]);
    }

    pub(super) fn leave(&mut self) {
        let at = usize::try_from(self.random.below(PARTIES)).unwrap();
        let party = mem::replace(&mut self.parties[at], self.next_party);
        self.next_party += 1;
        self.table.party_gone(party, Release::Finished, self.now);
        self.lost.remove(&party);
        self.busy.remove(&party);
        self.drain(&[]);
    }

    pub(super) fn restart(&mut self) {
        let saved = self.table.saved(self.now);
        self.table = LeaseTable::new(self.table.limits);
        self.owners.clear();
        self.hooks.clear();
        self.late_hooks.clear();
        self.lost.clear();
        self.busy.clear();
        self.claims
            .retain(|number, _| saved.iter().any(|it| it.claim == *number));
        for (party, at) in (self.next_party..).zip(0..self.parties.len()) {
            let before = mem::replace(&mut self.parties[at], party);
            let own = self.claims.values_mut().filter(|it| it.party == before);
            own.for_each(|it| it.party = party);
        }
        self.next_party += PARTIES;
        self.kicked.clear();
        let is_known = |device: &str| DEVICES.contains(&device);
        self.table.restore(saved, is_known, self.now);
        self.drain(&[]);
    }

    pub(super) fn remove_a_device(&mut self) {
        let device = self.device();
        self.table.device_removed(device, self.now);
        // There is another one of that name at once.
        let late = self.hooks.extract_if(.., |(due, _)| due == device);
        self.late_hooks.extend(late);
        self.owners.remove(device);
        self.drain(&[]);
    }
}
