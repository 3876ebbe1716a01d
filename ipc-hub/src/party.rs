//! Client programs as the devices know them: what each of them has used, and what it has to be told before it goes on.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::Notice;

/// A client program: its session, and the lanes beside it. Lives as long as the session, across connections and stays.
#[derive(Debug)]
pub struct Party {
    id: u64,
    /// Number of interruptions so far. Read for every call.
    interruptions: AtomicU64,
    state: Mutex<PartyState>,
}

#[derive(Default)]
struct PartyState {
    /// The sessions of this party that are served, its control session first.
    served: Vec<Arc<dyn PartySession>>,
    /// Who it was when one of them was last served, and when that was.
    last_seen: Option<(PartyInfo, Instant)>,
    /// The devices that it has used since their release hooks last ran.
    used: BTreeSet<String>,
    latest: Option<Interruption>,
}

/// A session that is served, as others see its party by it.
pub trait PartySession: Send + Sync {
    /// Returns who its client is.
    fn info(&self) -> PartyInfo;

    /// Returns true while a call of it runs, or waits for a device, and its client waits for that call.
    fn is_busy(&self) -> bool;

    /// Tells its client something about a lease, if it has a connection. Waits for a slow network for at most a few milliseconds.
    fn notify(&self, notice: &Notice);
}

/// Who a party is, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct PartyInfo {
    /// The [`id`](crate::event::ClientInfo::id) of the client; 0 if it is not served.
    pub client: u64,
    /// What it calls itself.
    pub name: String,
    /// Where it connects from.
    pub address: String,
    /// How long it has not called anything.
    pub idle: Duration,
    /// How long it has held the server.
    pub held: Duration,
    /// False if it has lost its connection.
    pub is_connected: bool,
}

/// What has happened to the devices that a party has used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interruption {
    /// Who caused it; empty if nobody else did.
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

    /// Notes that `session` of this party is served.
    pub fn begins(&self, session: Arc<dyn PartySession>) {
        self.state().served.push(session);
    }

    /// Returns who the client is, or was when it was last served.
    pub fn info(&self) -> PartyInfo {
        match self.sessions().first() {
            Some(session) => session.info(),
            None => self.state().seen_last(),
        }
    }

    /// Returns true while a call of one of its sessions runs, or waits for a device, and its client waits for that call.
    pub fn is_busy(&self) -> bool {
        self.sessions().iter().any(|session| session.is_busy())
    }

    /// Tells its client something about a lease, if it has a connection.
    pub fn notify(&self, notice: &Notice) {
        if let Some(session) = self.sessions().first() {
            session.notify(notice);
        }
    }

    fn sessions(&self) -> Vec<Arc<dyn PartySession>> {
        self.state().served.clone()
    }

    fn is_served(&self) -> bool {
        !self.state().served.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, PartyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartyState {
    /// Who it was when one of its sessions was last served. Idle since then.
    fn seen_last(&self) -> PartyInfo {
        let Some((info, at)) = self.last_seen.clone() else {
            return PartyInfo::default();
        };
        let away = Instant::now().saturating_duration_since(at);
        PartyInfo {
            idle: info.idle + away,
            is_connected: false,
            ..info
        }
    }
}

impl fmt::Debug for PartyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartyState")
            .field("served", &self.served.len())
            .field("used", &self.used)
            .finish_non_exhaustive()
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

    /// Returns the party whose client has this [`id`](crate::event::ClientInfo::id).
    pub fn of_client(&self, client: u64) -> Option<Arc<Party>> {
        let is_it = |party: &Arc<Party>| {
            let sessions = party.sessions();
            sessions
                .iter()
                .any(|session| session.info().client == client)
        };
        self.all().into_iter().find(is_it)
    }

    /// Returns a party that is served: if one client at a time holds the server, the one that does.
    pub(crate) fn any_served(&self) -> Option<Arc<Party>> {
        self.all().into_iter().find(|party| party.is_served())
    }

    /// Notes that `session` of `party` is no longer served. Returns true if none of its sessions is.
    pub fn leaves(&self, party: &Party, session: &Arc<dyn PartySession>) -> bool {
        let info = session.info();
        let mut state = party.state();
        let is_it = |other: &mut Arc<dyn PartySession>| Arc::ptr_eq(other, session);
        let left: Vec<_> = state.served.extract_if(.., is_it).collect();
        if state.served.is_empty() {
            let info = PartyInfo { client: 0, ..info };
            state.last_seen = Some((info, Instant::now()));
        }
        let is_last = state.served.is_empty();
        drop(state);
        drop(left);
        is_last
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

    struct Idle;

    impl PartySession for Idle {
        fn info(&self) -> PartyInfo {
            PartyInfo {
                client: 7,
                ..PartyInfo::default()
            }
        }

        fn is_busy(&self) -> bool {
            false
        }

        fn notify(&self, _notice: &Notice) {}
    }

    #[test]
    fn a_device_is_left_by_the_last_party_that_has_used_it() {
        let parties = Parties::default();
        let (a, b) = (parties.open(), parties.open());
        let session: Arc<dyn PartySession> = Arc::new(Idle);
        for (party, devices) in [(&a, vec!["laser", "meter"]), (&b, vec!["meter"])] {
            party.begins(Arc::clone(&session));
            devices
                .into_iter()
                .for_each(|device| party.note_use(device));
        }
        assert!(parties.leaves(&a, &session));
        assert_eq!(parties.left_by(&a), BTreeSet::from(["laser".to_string()]));
        assert!(parties.leaves(&b, &session));
        assert_eq!(parties.left_by(&b), BTreeSet::from(["meter".to_string()]));
        assert_eq!(b.info().client, 0, "it is not served");
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
