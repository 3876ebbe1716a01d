//! The time, as it is passed to a session.

use std::time::Instant;

/// Tells the time.
///
/// An [`Instant`] always tells the time that it is. Taking the answer to a call needs no time, so a clock of another type
/// can leave the system's clock unread until it is asked.
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
