//! The time, read only where it is needed.

use std::cell::OnceCell;
use std::time::Instant;

use ipc_core::session::client::Clock;

/// The time of one step. Reads the clock when it is first asked, which most steps of a call never do.
pub(crate) struct StepTime {
    earlier: Instant,
    now: OnceCell<Instant>,
}

impl StepTime {
    /// The time of a step that is taken after the time `earlier`.
    pub(crate) fn after(earlier: Instant) -> Self {
        let now = OnceCell::new();
        Self { earlier, now }
    }

    /// Returns a time that is not later than now, without reading the clock.
    pub(crate) fn at_least(&self) -> Instant {
        self.now.get().copied().unwrap_or(self.earlier)
    }
}

impl Clock for StepTime {
    fn now(&self) -> Instant {
        *self.now.get_or_init(Instant::now)
    }
}

/// The time that is now.
impl From<Instant> for StepTime {
    fn from(now: Instant) -> Self {
        Self {
            earlier: now,
            now: now.into(),
        }
    }
}
