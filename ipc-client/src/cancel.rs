//! Giving calls up from elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Gives calls up from elsewhere, for example from a handler of Ctrl-C.
///
/// Cheap to clone; all clones are the same token. Attach it to calls with
/// [`Client::cancel_with`](crate::Client::cancel_with) or
/// [`AsyncClient::cancel_with`](crate::AsyncClient::cancel_with). A token stays cancelled: use a new one for what comes
/// next.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    /// The tasks of async clients that have calls under this token. Threads look for themselves.
    listeners: Mutex<Vec<Weak<Notify>>>,
}

impl CancelToken {
    /// A token that has not been cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up the calls it is attached to, now and later. They end at once if they are futures, within about 50 ms
    /// if they block a thread, whether or not the driver listens; the driver is asked to stop. Never blocks.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        let listeners = std::mem::take(&mut *self.listeners());
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.notify_one();
        }
    }

    /// True once [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Wakes `listener` when the token is cancelled; who asks looks at [`is_cancelled`](Self::is_cancelled) afterwards.
    pub(crate) fn wakes(&self, listener: &Arc<Notify>) {
        let listener = Arc::downgrade(listener);
        let mut listeners = self.listeners();
        if !listeners.iter().any(|known| known.ptr_eq(&listener)) {
            listeners.retain(|known| known.strong_count() > 0);
            listeners.push(listener);
        }
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Notify>>> {
        self.0
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_remembers_each_living_client_once() {
        let token = CancelToken::new();
        let client = Arc::new(Notify::new());
        for _ in 0..100 {
            token.wakes(&Arc::new(Notify::new()));
            token.wakes(&client);
        }
        assert!(token.listeners().len() <= 2);
    }
}
