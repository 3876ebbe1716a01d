//! Noticing that this process, or its computer, was suspended.

use std::time::{Duration, Instant};

/// How late a wait woke that was to end at `due`; zero if it is not worth mentioning.
///
/// A process that was stopped, or whose virtual machine was, wakes late. What others did not do in the meantime must
/// not be held against them.
pub(crate) fn overslept(due: Instant) -> Duration {
    let late = Instant::now().saturating_duration_since(due);
    match late > TOLERANCE {
        true => late,
        false => Duration::ZERO,
    }
}

/// A busy system wakes a thread or a task late, too, but hardly ever by this much.
const TOLERANCE: Duration = Duration::from_secs(1);
