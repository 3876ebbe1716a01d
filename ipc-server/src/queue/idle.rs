//! Asking an idle client to leave while others wait.

use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::{ByeReason, QueueStatus};

use crate::session::activity::HEARD_WITHIN;
use crate::state::{Holder, ServerState};

/// Watches the clients that hold the server on behalf of the next one in the queue. Checks every second, to notice when this server was
/// suspended: that time must not count as their idleness.
#[derive(Default)]
pub(crate) struct IdleWatch {
    /// Since when the client has been the next.
    since: Option<Instant>,
}

impl IdleWatch {
    /// Notes that the waiting task was suspended for this long.
    pub(crate) fn notice_suspension(&mut self, state: &ServerState, suspended: Duration) {
        // Only the next client reports it, so that it counts once.
        let Some(since) = self.since.filter(|_| !suspended.is_zero()) else {
            return;
        };
        self.since = Some(since + suspended);
        let now = Instant::now();
        for holder in state.admission().holders() {
            holder.discount_suspension(suspended, now);
        }
    }

    /// Asks the client that has been idle for longest to leave, if it is for too long. Returns how long until the next check.
    pub(crate) fn check(
        &mut self,
        state: &ServerState,
        status: &QueueStatus,
        now: Instant,
    ) -> Duration {
        let next = state.config.idle_handover.filter(|_| status.place == 1);
        let next = next.and_then(|limit| Some((limit, state.most_idle(now)?)));
        let next = next.filter(|(_, holder)| holder.leased.is_empty());
        let Some((
            limit,
            Holder {
                activity: holder, ..
            },
        )) = next
        else {
            self.since = None;
            return Duration::MAX;
        };
        let since = *self.since.get_or_insert(now);
        // The holder may have sent a call that this server has not read yet, being slow or suspended.
        let wait_to_read = limit
            .min(HEARD_WITHIN)
            .saturating_sub(now.saturating_duration_since(since));
        let Some(left) = holder.time_until_idle(limit, now) else {
            return CHECK_INTERVAL;
        };
        let left = left.max(wait_to_read);
        if left.is_zero() && holder.request().is_none() {
            let idle = holder.seen(now).idle_ms / 1000;
            let message = format!("idle for {idle} s while others wait");
            holder.ask_to_leave(ByeReason::IdleHandover, message);
            return CHECK_INTERVAL;
        }
        left.clamp(MIN_INTERVAL, CHECK_INTERVAL)
    }
}

/// Maximum time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum time between two checks.
const MIN_INTERVAL: Duration = Duration::from_millis(20);
