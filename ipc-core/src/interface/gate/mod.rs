//! The gate in front of a driver: who may enter, who waits, and in which order.

use std::sync::{Arc, OnceLock, PoisonError};

mod entry;
mod queue;
mod stuck;

use self::entry::UNNAMED;
pub(crate) use self::entry::{Entry, LocalName};
pub(crate) use self::queue::Place;
use self::queue::State;
use super::blocked::{Blocked, Occupant};
use super::readings::Readings;
use super::waits::{self, Keepers};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering};

/// Lets one caller in at a time, in the order in which they came.
///
/// A caller that finds the gate free and the queue empty enters with one exchange, and leaves with two. What others may
/// want to know about the call inside is stored as numbers; texts are made on demand.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Number of callers in the queue.
    waiting: AtomicUsize,
    /// The call inside, as an [`Entry`]; 0 for none.
    inside: AtomicU64,
    /// The number of the method that runs. Means something only while a call is inside.
    method: AtomicUsize,
    /// 0 if everybody may enter, [`STUCK`] if nobody may; otherwise the id of the entry for which the gate is reserved.
    barred: AtomicU64,
    /// The party that has a lease of the device, 0 for none, [`CLOSED`] while it changes hands.
    owner: AtomicU64,
    /// True if the owner lets nobody read.
    refuses_reads: AtomicBool,
    /// The session whose call was let in last; 0 once the release hook has run.
    user: AtomicU64,
    keepers: Arc<Keepers>,
    state: Mutex<State>,
    /// The name of the device, once it has one.
    name: OnceLock<String>,
    readings: Readings,
}

/// The word of a device that changes hands: its release hook is to run, and calls wait.
pub(crate) const CLOSED: u64 = u64::MAX;

/// The word of a gate behind which a call hangs.
const STUCK: u64 = u64::MAX;

impl Gate {
    /// Names the device.
    pub(crate) fn set_name(&self, name: &str) {
        // A driver that is served by two servers keeps its first name.
        let _ = self.name.set(name.to_string());
    }

    pub(crate) fn name(&self) -> &str {
        self.name.get().map_or("a driver", String::as_str)
    }

    /// The last results of methods that only read.
    #[inline]
    pub(crate) fn readings(&self) -> &Readings {
        &self.readings
    }

    /// True if nobody waits.
    #[inline]
    pub(crate) fn has_no_queue(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }

    /// True if nothing keeps this entry out while nobody is inside.
    #[inline]
    pub(crate) fn admits(&self, entry: &Entry) -> bool {
        let barred = self.barred.load(Ordering::Relaxed);
        // Looked at once only: a lease that changes hands must not seem to let in for another reason each time.
        let owner = self.owner.load(Ordering::Acquire);
        let is_open = barred == 0 && (owner == 0 || owner == entry.party);
        is_open || self.admits_all_the_same(entry, owner)
    }

    #[cold]
    fn admits_all_the_same(&self, entry: &Entry, owner: u64) -> bool {
        !self.must_wait(entry, owner) && !self.refuses(entry, owner)
    }

    /// True if the entry cannot be let in now, whoever is inside, but perhaps later.
    fn must_wait(&self, entry: &Entry, owner: u64) -> bool {
        match self.barred.load(Ordering::Relaxed) {
            0 => entry.is_call() && owner == CLOSED,
            // The device changes hands only when the call for which it is reserved has ended.
            barred => barred != entry.id,
        }
    }

    /// True if the lease of `owner` keeps the entry out.
    fn refuses(&self, entry: &Entry, owner: u64) -> bool {
        let may_read = || entry.reads && !self.refuses_reads.load(Ordering::Relaxed);
        entry.is_call() && ![0, CLOSED, entry.party].contains(&owner) && !may_read()
    }

    /// Fails if a lease keeps the entry out, however long it would wait.
    pub(crate) fn check_lease(&self, entry: &Entry) -> Result<(), Blocked> {
        let owner = self.owner();
        match self.refuses(entry, owner) {
            true => Err(Blocked::Held { owner }),
            false => Ok(()),
        }
    }

    /// Returns the party that has a lease of the device, 0 for none, [`CLOSED`] while it changes hands.
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Ordering::Acquire)
    }

    /// Sets the party that has a lease of the device. Calls of others are no longer let in; those that wait are refused, or
    /// wait on if the device is [`CLOSED`].
    pub(crate) fn set_owner(&self, owner: u64, refuses_reads: bool) {
        let state = self.state();
        self.refuses_reads.store(refuses_reads, Ordering::Relaxed);
        self.owner.store(owner, Ordering::SeqCst);
        self.forget_user();
        state.wake_all();
    }

    /// Notes that a call is inside. Returns true if the one before was of another session, or before the last run of the release
    /// hook, or before the lease of the device changed.
    #[inline]
    pub(crate) fn is_first_use(&self, entry: &Entry) -> bool {
        let session = entry.session();
        let is_first = self.user.load(Ordering::Relaxed) != session;
        if is_first {
            self.user.store(session, Ordering::Relaxed);
        }
        is_first
    }

    /// What is inside, or has reserved the gate.
    pub(crate) fn inside(&self) -> Option<Entry> {
        let id = match self.inside.load(Ordering::SeqCst) {
            0 => self.reserved_for()?,
            id => {
                let method = self.method.load(Ordering::Relaxed);
                return Some(Entry {
                    id,
                    method,
                    ..Entry::LOCAL
                });
            }
        };
        Some(Entry { id, ..Entry::LOCAL })
    }

    /// Describes what is inside, or has reserved the gate. `method` names methods.
    pub(crate) fn occupant(
        &self,
        method: impl FnOnce(usize) -> Option<String>,
    ) -> Option<Occupant> {
        let inside = self.inside()?;
        let is_local = inside.id == Entry::LOCAL.id;
        Some(Occupant {
            id: if is_local { 0 } else { inside.id },
            method: method(inside.method),
            local: is_local.then(|| self.local_name()),
        })
    }

    /// True if the entry with this id is inside, or has reserved the gate.
    pub(crate) fn is_kept_by(&self, id: u64) -> bool {
        self.inside.load(Ordering::SeqCst) == id || self.reserved_for() == Some(id)
    }

    pub(crate) fn reserved_for(&self) -> Option<u64> {
        match self.barred.load(Ordering::SeqCst) {
            0 => None,
            STUCK => Some(self.state().reserved).filter(|id| *id != 0),
            id => Some(id),
        }
    }

    /// True if the calling thread is inside, or has reserved the gate.
    pub(crate) fn is_kept_by_thread(&self) -> bool {
        self.keepers.keeper() == waits::this_thread()
    }

    fn local_name(&self) -> String {
        let state = self.state();
        let keeper = self.keepers.keeper();
        // It may have entered just now, and not have said its name yet.
        let inside = state.local.as_ref().filter(|(thread, _)| *thread == keeper);
        inside.map_or_else(|| UNNAMED.into(), |(_, name)| name.to_string())
    }

    /// Number of callers in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Has the next call ask its host whether it may enter, whoever makes it.
    pub(crate) fn forget_user(&self) {
        self.user.store(0, Ordering::Relaxed);
    }

    /// Notes what the local code inside calls itself.
    pub(crate) fn set_local_name(&self, name: LocalName) {
        self.state().local = Some((waits::this_thread(), name));
    }

    fn update_barred(&self, state: &State) {
        let barred = match state.stuck {
            Some(_) => STUCK,
            None => state.reserved,
        };
        self.barred.store(barred, Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn set_inside(&self, entry: &Entry) {
        self.method.store(entry.method, Ordering::Relaxed);
        self.keepers.set_inside(waits::this_thread());
        self.inside.store(entry.id, Ordering::Release);
    }

    #[inline]
    pub(crate) fn set_outside(&self) {
        self.readings.end_use();
        self.keepers.set_inside(0);
        self.inside.swap(0, Ordering::SeqCst);
    }

    /// Reserves the gate for the entry `id`, which is inside. Returns false if it was already.
    pub(crate) fn reserve(&self, id: u64) -> bool {
        let mut state = self.state();
        if state.reserved == id {
            return false;
        }
        state.reserved = id;
        self.keepers.set_reserved(waits::this_thread());
        self.update_barred(&state);
        true
    }

    /// Opens the gate to others again, after what a call that was stuck has to do.
    pub(crate) fn end_reservation(&self) {
        let mut state = self.state();
        state.reserved = 0;
        self.keepers.set_reserved(0);
        let is_stuck = state.stuck.is_some();
        self.update_barred(&state);
        drop(state);
        if is_stuck {
            self.do_last_duty();
        }
        self.wake_next();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
