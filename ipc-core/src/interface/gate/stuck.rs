//! Gates behind which a call hangs.

use std::sync::Arc;

use super::super::blocked::Stuck;
use super::{Gate, STUCK};
use crate::sync::Ordering;

/// Something to do, such as to run a release hook.
pub(crate) type Duty = Box<dyn FnOnce() + Send>;

impl Gate {
    /// Refuses everybody else while the call `id` is inside. Returns false if it is not, or no longer.
    pub(crate) fn mark_stuck(&self, id: u64, stuck: Stuck) -> bool {
        let mut state = self.state();
        self.barred.store(STUCK, Ordering::SeqCst);
        // Either this load sees that the call has left, or the call sees, when it leaves, that it is stuck.
        let is_inside = state.reserved == id || self.inside.load(Ordering::SeqCst) == id;
        if is_inside {
            state.stuck = Some(Arc::new(stuck));
        }
        self.update_barred(&state);
        // They look whether the call inside is stuck, or have found it to be so just now.
        state.wake_all();
        is_inside
    }

    /// True while the call inside is known to hang.
    pub(crate) fn is_stuck(&self) -> bool {
        self.barred.load(Ordering::SeqCst) == STUCK
    }

    /// The call that hangs, if one does.
    pub(crate) fn stuck(&self) -> Option<Arc<Stuck>> {
        let state = self.is_stuck().then(|| self.state())?;
        state.stuck.clone()
    }

    /// Leaves this to the stuck call, in place of what `owner` left to it before. Returns false if no call is stuck any more.
    pub(crate) fn leave_to_stuck_call(&self, owner: usize, duty: Duty) -> bool {
        let mut state = self.state();
        let is_stuck = state.stuck.is_some();
        if is_stuck {
            state.last_duties.retain(|(other, _)| *other != owner);
            state.last_duties.push_back((owner, duty));
        }
        is_stuck
    }

    /// Does what is left to a call that was stuck. The device counts as stuck until it is done, and as long as the gate is
    /// reserved for the call.
    #[cold]
    pub(crate) fn do_last_duty(&self) {
        loop {
            let mut state = self.state();
            if state.reserved != 0 {
                return;
            }
            let Some((_, duty)) = state.last_duties.pop_front() else {
                state.stuck = None;
                self.update_barred(&state);
                return;
            };
            drop(state);
            duty();
        }
    }
}
