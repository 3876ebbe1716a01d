//! The announced end of the implicit lease.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::front_end::FrontEnd;
use crate::time::later;

/// When a client that holds the server by itself is to be disconnected, if somebody wants that after a notice.
#[derive(Debug, Default)]
pub(crate) struct SeatEnd(Mutex<Option<Pending>>);

#[derive(Debug)]
struct Pending {
    client: u64,
    at: Instant,
    timer: AbortHandle,
}

impl SeatEnd {
    /// Disconnects the client after `notice`. If it is to be disconnected sooner already, nothing changes.
    pub(crate) fn set(
        &self,
        front_end: &Arc<dyn FrontEnd>,
        runtime: &Handle,
        client: u64,
        (by, why): (&str, &str),
        notice: Duration,
    ) {
        let at = later(Instant::now(), notice);
        let mut pending = self.lock();
        if let Some(pending) =
            pending.take_if(|pending| pending.client != client || at < pending.at)
        {
            pending.timer.abort();
        }
        if pending.is_some() {
            return;
        }
        let front_end = Arc::downgrade(front_end);
        let (by, why) = (by.to_string(), why.to_string());
        let timer = runtime.spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            // The client may have left by itself, and its number is given to nobody else.
            if let Some(front_end) = front_end.upgrade() {
                front_end.disconnect(client, &by, &why);
            }
        });
        let timer = timer.abort_handle();
        *pending = Some(Pending { client, at, timer });
    }

    /// Returns how long the client may still stay, if it is to be disconnected.
    pub(crate) fn left(&self, client: u64) -> Option<Duration> {
        let pending = self.lock();
        let pending = pending.as_ref().filter(|it| it.client == client)?;
        Some(pending.at.saturating_duration_since(Instant::now()))
    }

    /// Disconnects nobody any more.
    pub(crate) fn forget(&self) {
        if let Some(pending) = self.lock().take() {
            pending.timer.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pending>> {
        // Each change is a single step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
