//! Calls whose callers have given up.

use std::time::{Duration, Instant};

/// A call whose caller has given up.
#[derive(Clone, Debug)]
pub(crate) struct GivenUpCall {
    pub(super) number: u64,
    /// The method on the wire, as much of it as is shown.
    pub(crate) method: String,
    pub(super) began: Instant,
    pub(super) given_up: Instant,
    /// True once the log has it.
    pub(super) is_logged: bool,
}

impl GivenUpCall {
    /// How long it had run when its caller gave it up.
    pub(crate) fn ran_for(&self) -> Duration {
        self.given_up.saturating_duration_since(self.began)
    }
}
