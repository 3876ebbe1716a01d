//! Points in time that may be far away, and waits that took longer than they should.

use std::time::{Duration, Instant};

/// Returns the present time. The models in `tests/interleavings` have a clock of their own.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Returns `now + duration`, or a time some decades ahead if that cannot be represented.
pub fn later(now: Instant, duration: Duration) -> Instant {
    const DECADES: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now.checked_add(duration).unwrap_or(now + DECADES)
}

/// Returns how late a wait ended that was due at `due`, or zero if it was not late by much.
///
/// The process, or its virtual machine, may have been suspended. What peers did not do in the meantime must not be held
/// against them.
pub fn overslept(due: Instant) -> Duration {
    let late = Instant::now().saturating_duration_since(due);
    match late > TOLERANCE {
        true => late,
        false => Duration::ZERO,
    }
}

/// How late a busy system may wake a thread or task.
const TOLERANCE: Duration = Duration::from_secs(1);

/// A time in whole milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
