//! The time, as it is passed to a session.

use std::time::Instant;

/// Tells the time.
///
/// An [`Instant`] is the clock that tells this time. The answer to a call can be taken without the time, so that a clock of
/// another type can be one that is read only if it is asked.
pub trait Clock {
    /// Returns the time.
    fn now(&self) -> Instant;
}

impl Clock for Instant {
    fn now(&self) -> Instant {
        *self
    }
}

impl<C: Clock> Clock for &C {
    fn now(&self) -> Instant {
        (**self).now()
    }
}
