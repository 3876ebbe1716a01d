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
    /// The thread inside.
    inside: Arc<AtomicU64>,
    name: String,
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

/// Records that the calling thread waits at a gate, until dropped.
pub(super) struct Wait(u64);

impl Wait {
    /// Begins to wait at the gate of `device`, which the thread `thread_inside` has entered. Fails if the gate could
    /// open only after the calling thread has left that gate or another one.
    pub(super) fn begin(thread_inside: &Arc<AtomicU64>, device: &str) -> Result<Self, Blocked> {
        let this = this_thread();
        let mut waits = waits();
        let awaited = Awaited {
            inside: Arc::clone(thread_inside),
            name: device.to_string(),
        };
        // Follows the chain from the thread inside to the one that it waits for, and so on.
        let inside = |awaited: &Awaited| awaited.inside.load(Ordering::Relaxed);
        let (mut thread, mut held) = (inside(&awaited), awaited.name.clone());
        for _ in 0..=waits.len() {
            if thread == this {
                let wanted = awaited.name;
                return Err(Blocked::Deadlock { wanted, held });
            }
            match waits.get(&thread) {
                Some(next) => (thread, held) = (inside(next), next.name.clone()),
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
