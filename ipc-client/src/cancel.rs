//! Cancelling calls from elsewhere in the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// Cancels calls from elsewhere in the program, for example from a Ctrl-C handler.
///
/// Cheap to clone; all clones are the same token. Attach it to calls with
/// [`Client::cancel_with`](crate::Client::cancel_with) or
/// [`AsyncClient::cancel_with`](crate::AsyncClient::cancel_with). A token stays cancelled: use a new one for later calls.
///
/// Not the type of the same name in `tokio_util`, because its wait is a future, which a blocking call cannot combine with
/// reading a socket.
#[derive(Clone, Debug, Default)]
pub struct CancellationToken(Arc<TokenState>);

#[derive(Debug, Default)]
struct TokenState {
    is_cancelled: AtomicBool,
    /// The async clients that have calls with this token. Blocking calls check the token by themselves.
    listeners: Mutex<Vec<Weak<Notify>>>,
}

impl CancellationToken {
    /// Creates a token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the calls that the token is attached to, and all later ones. Async calls end at once, blocking calls
    /// within about 50 ms, whether or not the driver reacts; the driver is asked to stop. Never blocks.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Release);
        let listeners = std::mem::take(&mut *self.listeners());
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            listener.notify_one();
        }
    }

    /// Returns true once [`cancel`](Self::cancel) has been called.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Acquire)
    }

    /// Notifies `listener` when the token is cancelled. Check [`is_cancelled`](Self::is_cancelled) afterwards: the token
    /// may already be cancelled.
    pub(crate) fn notify(&self, listener: &Arc<Notify>) {
        let listener = Arc::downgrade(listener);
        let mut listeners = self.listeners();
        if !listeners.iter().any(|known| known.ptr_eq(&listener)) {
            listeners.retain(|known| known.strong_count() > 0);
            listeners.push(listener);
        }
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<Notify>>> {
        let listeners = self.0.listeners.lock();
        listeners.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_remembers_each_living_client_once() {
        let token = CancellationToken::new();
        let client = Arc::new(Notify::new());
        for _ in 0..100 {
            token.notify(&Arc::new(Notify::new()));
            token.notify(&client);
        }
        assert!(token.listeners().len() <= 2);
    }
}
