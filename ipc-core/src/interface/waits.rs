//! Records which thread waits at which gate, to detect deadlocks.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::blocked::Blocked;
use crate::sync::{AtomicU64, Ordering};

/// The gates at which threads wait, by the numbers of the threads. Used only by callers that have to wait.
static WAITS: LazyLock<Mutex<HashMap<u64, Awaited>>> = LazyLock::new(Mutex::default);

/// A gate at which a thread waits.
#[derive(Clone, Debug)]
struct Awaited {
    yields: bool,
    keepers: Arc<Keepers>,
    name: String,
}

/// The threads that keep a gate closed to others: the one inside, and the one that has reserved it; 0 for none.
#[derive(Debug, Default)]
pub(super) struct Keepers {
    inside: AtomicU64,
    reserved: AtomicU64,
}

impl Keepers {
    #[inline]
    pub(super) fn set_inside(&self, thread: u64) {
        self.inside.store(thread, Ordering::Relaxed);
    }

    pub(super) fn set_reserved(&self, thread: u64) {
        self.reserved.store(thread, Ordering::Relaxed);
    }

    /// The thread that keeps the gate closed, however often it leaves the driver; 0 for none.
    pub(super) fn keeper(&self) -> u64 {
        match self.reserved.load(Ordering::Relaxed) {
            0 => self.inside.load(Ordering::Relaxed),
            thread => thread,
        }
    }
}

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// Returns the number of the calling thread, from 1.
pub(super) fn this_thread() -> u64 {
    match NUMBER.get() {
        0 => number_thread(),
        number => number,
    }
}

#[cold]
fn number_thread() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed) + 1;
    NUMBER.set(number);
    number
}

/// Makes the calling thread count as the one with this number, for which it runs a part of a call, until dropped.
pub(super) struct ActsAs(u64);

impl ActsAs {
    pub(super) fn thread(number: u64) -> Self {
        Self(NUMBER.replace(number))
    }
}

impl Drop for ActsAs {
    fn drop(&mut self) {
        NUMBER.set(self.0);
    }
}

/// How a thread waits at a gate.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(super) struct Manner {
    /// It runs a release hook.
    pub(super) is_hook: bool,
    /// It has reserved the gate, and waits for nothing but what is inside.
    pub(super) is_reserved: bool,
    /// It gives up what it has as soon as a release hook waits for that.
    pub(super) yields: bool,
}

/// Records that the calling thread waits at a gate, until dropped.
#[derive(Debug)]
pub(super) struct Wait(u64);

impl Wait {
    /// Begins to wait at the gate of `device`. Fails if it could open only after the calling thread has left that gate or
    /// another one.
    pub(super) fn begin(
        keepers: &Arc<Keepers>,
        device: &str,
        manner: Manner,
    ) -> Result<Self, Blocked> {
        let this = this_thread();
        let mut waits = waits();
        let awaited = Awaited {
            yields: manner.yields,
            keepers: Arc::clone(keepers),
            name: device.to_string(),
        };
        // Follows the chain from the thread that keeps the gate to the one that this waits for, and so on.
        let mut thread = match manner.is_reserved {
            true => keepers.inside.load(Ordering::Relaxed),
            false => keepers.keeper(),
        };
        let mut held = awaited.name.clone();
        for _ in 0..=waits.len() {
            if thread == this {
                let wanted = awaited.name;
                return Err(Blocked::Deadlock { wanted, held });
            }
            match waits.get(&thread) {
                Some(next) if manner.is_hook && next.yields => break,
                Some(next) => (thread, held) = (next.keepers.keeper(), next.name.clone()),
                None => break,
            }
        }
        waits.insert(this, awaited);
        Ok(Self(this))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        waits().remove(&self.0);
    }
}

fn waits() -> MutexGuard<'static, HashMap<u64, Awaited>> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}
