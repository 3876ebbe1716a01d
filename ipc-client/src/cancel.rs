//! Giving calls up from elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Gives calls up from another thread, for example from a handler of Ctrl-C.
///
/// Cheap to clone; all clones are the same token. Attach it to calls with
/// [`Client::cancel_with`](crate::Client::cancel_with). A token stays cancelled: use a new one for what comes next.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that has not been cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up the calls it is attached to, now and later. They return within about 50 ms, whether or not the driver
    /// listens; the driver is asked to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True once [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
