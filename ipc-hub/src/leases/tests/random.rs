//! A million random operations, and what must be true after each of them.

mod operations;

use std::collections::{BTreeMap, BTreeSet};

use ipc_core::interface::commands::LeaseInfo;

use super::*;
use crate::leases::RESERVED;

const DEVICES: [&str; 4] = ["chiller", "laser", "meter", "pump"];
const PARTIES: u64 = 5;

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// A claim as the world outside the table knows it.
struct Known {
    party: u64,
    asked: Instant,
    /// The same in later requests, and after a restart.
    request: LeaseRequest,
}

/// The parties, and the devices as far as the table tells.
struct World {
    table: LeaseTable,
    random: Random,
    now: Instant,
    parties: Vec<u64>,
    next_party: u64,
    next_claim: u128,
    lost: BTreeSet<u64>,
    busy: BTreeSet<u64>,
    claims: BTreeMap<u128, Known>,
    /// The owner words of the gates that are not open; 0 for a closed one.
    owners: BTreeMap<String, u64>,
    /// The hooks that are due.
    hooks: Vec<(String, u64)>,
    /// Those of devices that were removed.
    late_hooks: Vec<(String, u64)>,
    kicked: BTreeSet<u128>,
    grants: u64,
    refusals: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            table: LeaseTable::new(LeaseLimits {
                waiting: 9,
                per_party: 3,
                ..LeaseLimits::default()
            }),
            random: Random(seed),
            now: Instant::now(),
            parties: (1..=PARTIES).collect(),
            next_party: PARTIES + 1,
            next_claim: 1,
            lost: BTreeSet::new(),
            busy: BTreeSet::new(),
            claims: BTreeMap::new(),
            owners: BTreeMap::new(),
            hooks: Vec::new(),
            late_hooks: Vec::new(),
            kicked: BTreeSet::new(),
            grants: 0,
            refusals: 0,
        }
    }

    fn party(&mut self) -> u64 {
        let at = usize::try_from(self.random.below(PARTIES)).unwrap();
        self.parties[at]
    }

    fn device(&mut self) -> &'static str {
        let at = usize::try_from(self.random.below(4)).unwrap();
        DEVICES[at]
    }

    /// A claim, and a party that it belongs to, as a rule.
    fn claim(&mut self) -> Option<(u64, u128)> {
        let count = u64::try_from(self.claims.len()).unwrap();
        let at = usize::try_from(self.random.below(count.max(1))).unwrap();
        let (number, known) = self.claims.iter().nth(at)?;
        let (number, party) = (*number, known.party);
        match self.random.percent(2) {
            true => Some((self.party(), number)),
            false => Some((party, number)),
        }
    }

    fn operate(&mut self) {
        match self.random.below(100) {
            0..15 => self.ask_for_new(),
            15..50 => self.ask(),
            50..60 => self.release(),
            60..75 => self.run_a_hook(),
            75..87 => self.look(),
            87..90 => self.toggle_busy(),
            90..94 => self.lose_or_return(),
            94..96 => self.transfer(),
            96..97 => self.renew(),
            97..98 => self.kick(),
            98..99 => self.leave(),
            _ => match self.random.below(8) {
                0 => self.restart(),
                1 => self.remove_a_device(),
                _ => {}
            },
        }
        self.check();
    }

    /// Carries out all changes. `before` lists the claims before the operation, if it may grant one.
    fn drain(&mut self, before: &[LeaseInfo]) {
        let mut changes = 0;
        while let Some(change) = self.table.next_change() {
            changes += 1;
            assert!(changes < 100, "changes without end");
            match change {
                Change::Close { device } => {
                    let owner = self.owners.insert(device.to_string(), 0);
                    assert!(
                        owner.is_some_and(|owner| owner != 0),
                        "{device} was not held"
                    );
                }
                Change::Release { device, turn, .. } => {
                    assert_eq!(self.owners[&*device], 0, "{device} is not closed");
                    self.hooks.push((device.to_string(), turn));
                }
                Change::Open { device } => {
                    self.assert_released(&device);
                    let owner = self.owners.remove(&*device);
                    assert_eq!(owner, Some(0), "{device} was not closed");
                }
                Change::Give { device, party, .. } => {
                    self.assert_released(&device);
                    self.owners.insert(device.to_string(), party);
                }
                Change::Granted { party, claim } => self.granted(party, claim, before),
                Change::Ended { claim, .. } => {
                    self.claims.remove(&claim);
                }
            }
        }
    }

    fn assert_released(&self, device: &str) {
        let is_closed = self.owners.get(device) == Some(&0);
        let is_due = self.hooks.iter().any(|(due, _)| due == device);
        assert!(!is_closed || !is_due, "{device} is not released");
    }

    fn granted(&mut self, party: u64, number: u128, before: &[LeaseInfo]) {
        self.grants += 1;
        let at = before.iter().position(|it| it.claim == number);
        if at.is_some_and(|at| before[at].place == 0) {
            return; // Transferred, or returned to.
        }
        assert!(!self.lost.contains(&party), "granted while lost");
        let all = self.table.list(self.now);
        let granted = all.iter().find(|it| it.claim == number).unwrap();
        for other in before.iter().take(at.unwrap_or(before.len())) {
            let overlaps = other.devices.iter().any(|it| granted.devices.contains(it));
            let asked = self.claims[&other.claim].asked;
            let is_present =
                !self.lost.contains(&other.client) && self.now - asked < Duration::from_secs(5);
            assert!(!overlaps || !is_present, "{granted:?} overtook {other:?}");
        }
    }

    /// What must be true at any time.
    fn check(&mut self) {
        let all = self.table.list(self.now);
        let held = || all.iter().filter(|it| it.place == 0);
        let mut owners = BTreeMap::new();
        for lease in held() {
            let party = if lease.client == 0 {
                RESERVED
            } else {
                lease.client
            };
            for device in &lease.devices {
                let other = owners.insert(device.clone(), party);
                assert_eq!(other, None, "{device} has two holders");
            }
        }
        let words = self.owners.iter().filter(|(_, owner)| **owner != 0);
        let words: BTreeMap<_, _> = words
            .map(|(device, owner)| (device.clone(), *owner))
            .collect();
        assert_eq!(words, owners, "a holder has all of its devices");
        for (device, owner) in &self.owners {
            let is_due = self.hooks.iter().any(|(due, _)| due == device);
            let is_wanted = all
                .iter()
                .any(|it| it.place > 0 && it.devices.contains(device));
            assert!(
                *owner != 0 || is_due || is_wanted,
                "{device} is closed for nobody"
            );
        }
        assert_no_circle(&all);
    }

    /// All parties are connected, each goes on asking, and holders release: everybody gets what they wait for.
    fn serve_all(&mut self) {
        self.busy.clear();
        for party in std::mem::take(&mut self.lost) {
            self.table.party_back(party, self.now);
        }
        self.drain(&[]);
        for round in 0.. {
            assert!(round < 200, "{:?} never end", self.table.list(self.now));
            while !self.hooks.is_empty() {
                self.run_a_hook();
            }
            let all = self.table.list(self.now);
            if all.is_empty() {
                break;
            }
            for lease in all {
                let LeaseInfo { claim, client, .. } = lease;
                match (lease.place, client) {
                    // Its client does not return.
                    (0, 0) => {
                        let (device, now) = (&lease.devices[0], self.now);
                        self.table.kick(device, "ann", "", Duration::ZERO, now);
                    }
                    (0, _) => drop(self.table.release(client, claim, self.now)),
                    _ => drop(self.table.asked(client, claim, self.now)),
                }
                let all = self.table.list(self.now);
                self.drain(&all);
            }
        }
        assert_eq!(self.owners, BTreeMap::new());
    }

    /// All parties lose their connections, and nobody returns.
    fn wait_for_the_end(&mut self) {
        self.busy.clear();
        for party in self.parties.clone() {
            self.table.party_lost(party, self.now);
            self.lost.insert(party);
        }
        for _ in 0..65 {
            self.now += Duration::from_secs(1);
            self.table.look(self.now, |_| false);
            self.drain(&[]);
            while !self.hooks.is_empty() {
                self.run_a_hook();
            }
        }
        assert_eq!(self.table.list(self.now), [], "every claim ends");
        assert_eq!(self.owners, BTreeMap::new(), "every device opens");
        assert_eq!(self.table.look(self.now, |_| false), None);
    }
}

/// Parties wait for those that have their devices or come first. Taking away parties that wait for nobody leaves none.
fn assert_no_circle(all: &[LeaseInfo]) {
    let mut waits = BTreeSet::new();
    for (at, claim) in all.iter().enumerate().filter(|(_, it)| it.place > 0) {
        for (other_at, other) in all.iter().enumerate() {
            let overlaps = other.devices.iter().any(|it| claim.devices.contains(it));
            if overlaps && at != other_at && (other.place == 0 || other_at < at) {
                waits.insert((claim.client, other.client));
            }
        }
    }
    while !waits.is_empty() {
        let waiting: BTreeSet<u64> = waits.iter().map(|(from, _)| *from).collect();
        let before = waits.len();
        waits.retain(|(_, to)| waiting.contains(to));
        assert!(waits.len() < before, "{waits:?} in {all:?}");
    }
}

#[test]
fn a_million_random_operations_break_no_rule() {
    const ROUNDS: u64 = 1000;
    let (mut grants, mut refusals) = (0, 0);
    for seed in 0..ROUNDS {
        let mut world = World::new(seed);
        for _ in 0..1_000_000 / ROUNDS {
            world.operate();
        }
        match seed % 2 {
            0 => world.serve_all(),
            _ => world.wait_for_the_end(),
        }
        grants += world.grants;
        refusals += world.refusals;
    }
    assert!(grants > 20_000, "only {grants} grants");
    assert!(refusals > 20_000, "only {refusals} refusals");
}
