//! Client programs as the devices know them: what each of them has used, and what it has to be told before it goes on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// A client program: its session, and the lanes beside it. Lives as long as the session, across connections and stays.
#[derive(Debug)]
pub struct Party {
    id: u64,
    /// Number of interruptions so far. Read for every call.
    interruptions: AtomicU64,
    state: Mutex<PartyState>,
}

#[derive(Debug, Default)]
struct PartyState {
    /// Number of sessions of this party that are served.
    served: usize,
    /// The devices that it has used since their release hooks last ran.
    used: BTreeSet<String>,
    latest: Option<Interruption>,
}

/// What has happened to the devices that a party has used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interruption {
    /// Who caused it.
    pub by: String,
    /// What happened, and why.
    pub why: String,
    /// When.
    pub at: Instant,
}

/// All parties of a server.
#[derive(Debug, Default)]
pub struct Parties {
    parties: Mutex<Vec<Weak<Party>>>,
    last: AtomicU64,
}

impl Party {
    /// Returns its number, unique while the server runs, from 1.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Returns the number of interruptions so far. A session that has been told of fewer has something to tell to its client.
    #[inline]
    pub fn interruptions(&self) -> u64 {
        self.interruptions.load(Ordering::Relaxed)
    }

    /// Returns the latest interruption.
    pub fn interruption(&self) -> Option<Interruption> {
        self.state().latest.clone()
    }

    /// Notes something that the client has to be told before its next call.
    pub fn interrupt(&self, interruption: Interruption) {
        self.state().latest = Some(interruption);
        self.interruptions.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that it uses `device`.
    pub fn note_use(&self, device: &str) {
        let mut state = self.state();
        if !state.used.contains(device) {
            state.used.insert(device.to_string());
        }
    }

    /// Notes that another session of this party is served.
    pub fn begins(&self) {
        self.state().served += 1;
    }

    fn is_served(&self) -> bool {
        self.state().served > 0
    }

    fn state(&self) -> MutexGuard<'_, PartyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interruption {
    /// Creates the description of something that has just happened.
    pub fn new(by: impl Into<String>, why: impl Into<String>, at: Instant) -> Self {
        let (by, why) = (by.into(), why.into());
        Self { by, why, at }
    }
}

impl Parties {
    /// Creates the party of a new session.
    pub fn open(&self) -> Arc<Party> {
        let party = Arc::new(Party {
            id: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            interruptions: AtomicU64::new(0),
            state: Mutex::default(),
        });
        let mut parties = self.lock();
        parties.retain(|party| party.strong_count() > 0);
        parties.push(Arc::downgrade(&party));
        party
    }

    /// Returns the party with this number.
    pub fn get(&self, id: u64) -> Option<Arc<Party>> {
        self.all().into_iter().find(|party| party.id == id)
    }

    /// Notes that a session of `party` is no longer served. Returns true if none of its sessions is.
    pub fn leaves(&self, party: &Party) -> bool {
        let mut state = party.state();
        state.served = state.served.saturating_sub(1);
        state.served == 0
    }

    /// Returns the devices that `party` has used, and no party that is served.
    pub fn left_by(&self, party: &Party) -> BTreeSet<String> {
        let mut left = party.state().used.clone();
        for other in self.all() {
            if other.id != party.id && other.is_served() {
                let used = &other.state().used;
                left.retain(|device| !used.contains(device));
            }
        }
        left
    }

    /// Notes that the release hook of `device` has run: interrupts all parties that had used it, except the one with the
    /// number `but`, which knows.
    pub fn released(&self, device: &str, interruption: &Interruption, but: Option<u64>) {
        for party in self.all() {
            let had_used = party.state().used.remove(device);
            if had_used && but != Some(party.id) {
                party.interrupt(interruption.clone());
            }
        }
    }

    fn all(&self) -> Vec<Arc<Party>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Party>>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_left_by_the_last_party_that_has_used_it() {
        let parties = Parties::default();
        let (a, b) = (parties.open(), parties.open());
        for (party, devices) in [(&a, vec!["laser", "meter"]), (&b, vec!["meter"])] {
            party.begins();
            devices
                .into_iter()
                .for_each(|device| party.note_use(device));
        }
        assert!(parties.leaves(&a));
        assert_eq!(parties.left_by(&a), BTreeSet::from(["laser".to_string()]));
        assert!(parties.leaves(&b));
        assert_eq!(parties.left_by(&b), BTreeSet::from(["meter".to_string()]));
    }

    #[test]
    fn who_has_used_a_device_learns_that_it_was_released() {
        let parties = Parties::default();
        let (a, b, c) = (parties.open(), parties.open(), parties.open());
        a.note_use("laser");
        b.note_use("laser");
        c.note_use("meter");
        let what = Interruption::new("a", "`laser` was switched off", Instant::now());
        parties.released("laser", &what, Some(a.id()));
        parties.released("laser", &what, None);
        let told = [&a, &b, &c].map(|party| party.interruptions());
        assert_eq!(told, [0, 1, 0]);
        assert_eq!(b.interruption(), Some(what));
    }

    #[test]
    fn a_party_goes_with_its_sessions() {
        let parties = Parties::default();
        let party = parties.open();
        let id = party.id();
        assert!(parties.get(id).is_some());
        drop(party);
        assert!(parties.get(id).is_none());
    }
}
