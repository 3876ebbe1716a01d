//! Waiting for conditions, with a time limit.

use std::thread;
use std::time::{Duration, Instant};

/// Waits until `condition` holds. Fails after 20 s and names `what` did not happen.
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    within(Duration::from_secs(20), what, condition);
}

/// Waits until `condition` holds; fails after `bound`. Returns how long it took.
pub fn within(bound: Duration, what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < bound,
            "not within {bound:?}, after {:?}: {what}",
            start.elapsed()
        );
        thread::sleep(Duration::from_millis(3));
    }
    start.elapsed()
}
