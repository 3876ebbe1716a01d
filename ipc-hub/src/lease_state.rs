//! The lease table of a hub, with what belongs to it under the same lock.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ipc_core::interface::commands::LeaseRequest;

use crate::leases::{LeaseLimits, LeaseTable};
use crate::saved_leases::LeaseFile;

/// The lease table of a hub, and the thread that looks at its clocks.
#[derive(Debug)]
pub(crate) struct Leasing {
    state: Mutex<LeasingState>,
    /// Wakes the thread that looks at the clocks.
    pub(crate) changed: Condvar,
    /// True once a lease has been asked for: until then, the table need not be locked.
    pub(crate) is_used: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct LeasingState {
    pub(crate) table: LeaseTable,
    /// Where leases of clients with an identity are saved, and what was saved last.
    pub(crate) file: Option<Arc<LeaseFile>>,
    pub(crate) saved: Vec<LeaseRequest>,
    /// Number of states that were saved.
    pub(crate) saves: u64,
    /// When to look at the clocks next.
    pub(crate) next_look: Option<Instant>,
    pub(crate) has_thread: bool,
}

impl Default for Leasing {
    fn default() -> Self {
        Self {
            state: Mutex::new(LeasingState {
                table: LeaseTable::new(LeaseLimits::default()),
                file: None,
                saved: Vec::new(),
                saves: 0,
                next_look: None,
                has_thread: false,
            }),
            changed: Condvar::new(),
            is_used: AtomicBool::new(false),
        }
    }
}

impl Leasing {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LeasingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeasingState {
    /// Returns what is to be saved now, if that has changed, and where.
    pub(crate) fn take_unsaved(&mut self) -> Option<(Arc<LeaseFile>, Vec<LeaseRequest>, u64)> {
        let file = self.file.as_ref()?;
        let leases = self.table.saved(Instant::now());
        // The time that is left of a lease changes all the time.
        let is_same = |a: &LeaseRequest, b: &LeaseRequest| {
            (a.claim, &a.devices, a.for_ms.is_some()) == (b.claim, &b.devices, b.for_ms.is_some())
        };
        let are_same = leases.len() == self.saved.len()
            && leases.iter().zip(&self.saved).all(|(a, b)| is_same(a, b));
        if are_same {
            return None;
        }
        self.saved.clone_from(&leases);
        self.saves += 1;
        Some((Arc::clone(file), leases, self.saves))
    }
}
