//! The rules of the table, in virtual time.

mod clocks;
mod devices;
mod fences;
mod line;
mod random;
mod requests;
mod saved;

use std::time::{Duration, Instant};

use ipc_core::interface::commands::{ClaimState, LeaseRequest};

use super::{Change, LeaseError, LeaseLimits, LeaseTable};

/// A table, and the hub around it as far as it is told: it carries changes out at once, but leaves hooks to the test.
struct Bench {
    table: LeaseTable,
    now: Instant,
    changes: Vec<Change>,
    /// A party of which a call runs.
    busy: Option<u64>,
}

fn bench() -> Bench {
    Bench {
        table: LeaseTable::new(LeaseLimits::default()),
        now: Instant::now(),
        changes: Vec::new(),
        busy: None,
    }
}

/// The request of the claim with this number, for the devices in `devices`.
fn request(claim: u128, devices: &str) -> LeaseRequest {
    LeaseRequest {
        claim,
        devices: devices.split_whitespace().map(str::to_string).collect(),
        may_wait: true,
        ..LeaseRequest::default()
    }
}

fn known(device: &str) -> bool {
    ["laser", "meter", "pump"].contains(&device)
}

fn is_held(state: &ClaimState) -> bool {
    matches!(state, ClaimState::Held { .. })
}

fn place(state: &ClaimState) -> u32 {
    match state {
        ClaimState::Waiting { place, .. } => *place,
        other => panic!("{other:?}"),
    }
}

fn why(state: &ClaimState) -> &str {
    match state {
        ClaimState::Ended { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

impl Bench {
    fn try_claim(&mut self, party: u64, request: LeaseRequest) -> Result<ClaimState, LeaseError> {
        let state = self.table.claim(party, request, known, self.now);
        self.drain();
        state
    }

    fn claim(&mut self, party: u64, claim: u128, devices: &str) -> ClaimState {
        self.try_claim(party, request(claim, devices)).unwrap()
    }

    fn asked(&mut self, party: u64, claim: u128) -> ClaimState {
        let state = self.table.asked(party, claim, self.now);
        self.drain();
        state
    }

    fn release(&mut self, party: u64, claim: u128) -> bool {
        let was_there = self.table.release(party, claim, self.now);
        self.drain();
        was_there
    }

    fn drain(&mut self) {
        while let Some(change) = self.table.next_change() {
            self.changes.push(change);
        }
    }

    /// Runs the release hooks that are due.
    fn run_hooks(&mut self) {
        for change in self.taken() {
            if let Change::Release { device, turn, .. } = change {
                self.table.released(&device, turn);
            }
        }
        self.drain();
    }

    /// Returns the changes since the last time.
    fn taken(&mut self) -> Vec<Change> {
        self.drain();
        std::mem::take(&mut self.changes)
    }

    /// The same, in short: "give laser to 1".
    fn told(&mut self) -> Vec<String> {
        self.taken().iter().map(short).collect()
    }

    fn look(&mut self) -> Option<Instant> {
        let busy = self.busy;
        let next = self.table.look(self.now, |party| busy == Some(party));
        self.drain();
        next
    }

    /// Lets time pass, and looks as often as the table asks for.
    fn pass(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        let mut looks = 0;
        while let Some(next) = self.look().filter(|next| *next <= until) {
            self.now = next.max(self.now);
            looks += 1;
            assert!(looks < 10 * (seconds + 10), "looks without end");
        }
        self.now = until;
        self.look();
    }
}

fn short(change: &Change) -> String {
    match change {
        Change::Close { device } => format!("close {device}"),
        Change::Release { device, why, .. } => format!("release {device}: {why}"),
        Change::Give { device, party, .. } => format!("give {device} to {party}"),
        Change::Open { device } => format!("open {device}"),
        Change::Granted { party, claim } => format!("{claim} of {party} granted"),
        Change::Ended {
            party, claim, end, ..
        } => format!("{claim} of {party} {end}"),
    }
}
