//! The wait of one client for its turn.

use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};
use tokio::time::sleep;

use crate::activity::Activity;
use crate::admission::Ticket;
use crate::connection::Newcomer;
use crate::handle::ServerEvent;
use crate::state::ServerState;

/// A client in the queue.
pub(crate) struct Waiting<'a> {
    pub(crate) hello: &'a Hello,
    /// The session that it resumes, if it does.
    pub(crate) session: Option<SessionKey>,
    pub(crate) ticket: Ticket,
    pub(crate) activity: &'a Activity,
}

impl Waiting<'_> {
    /// True if a newer connection of its session has arrived.
    fn is_superseded(&self, state: &ServerState) -> bool {
        let connection = self.hello.connection;
        self.session
            .is_some_and(|key| !state.table().is_newest(key, connection))
    }
}

/// Waits until the place is the holder's, telling the client meanwhile where it stands.
pub(crate) async fn wait_for_turn(
    state: &ServerState,
    newcomer: &mut Newcomer,
    client: &Waiting<'_>,
) -> Result<(), LinkError> {
    let mut turns = state.turns();
    let mut told: Option<Told> = None;
    loop {
        turns.borrow_and_update();
        if state.is_stopping() || client.is_superseded(state) {
            return Err(LinkError::Lost("superseded".into()));
        }
        if client.activity.request().is_some() {
            return Ok(());
        }
        let now = Instant::now();
        let is_mine = state.admission().try_take(client.ticket, now);
        if is_mine {
            // The others have somebody else before them now.
            state.wake_waiting();
            return match told {
                Some(_) => newcomer.confirm().await,
                None => Ok(()),
            };
        }
        if let Some(due) = newcomer.answer_due().filter(|due| *due <= now) {
            newcomer.check_answer(due)?;
        }
        let (status, tick) = look_around(state, client.ticket, now);
        if let Some(status) = status {
            if told.is_none() {
                begin_to_wait(state, newcomer, client, &status);
            }
            if told.as_ref().is_none_or(|told| told.is_stale(&status, now)) {
                newcomer.tell_place(status.clone()).await?;
                if told.is_some_and(|told| told.calls_for_ping(&status)) {
                    newcomer.ping().await?;
                }
                told = Some(Told { status, at: now });
            }
        }
        let tick = told
            .as_ref()
            .map_or(tick, |told| tick.min(told.fresh_for(now)));
        let answer = newcomer.answer_due();
        let tick = answer.map_or(tick, |due| tick.min(due.saturating_duration_since(now)));
        tokio::select! {
            changed = turns.changed() => {
                changed.map_err(|_| LinkError::Lost("the server is gone".into()))?;
            }
            read = newcomer.read() => read?,
            () = sleep(tick) => {}
        }
    }
}

/// Makes known that a client has to wait.
fn begin_to_wait(
    state: &ServerState,
    newcomer: &Newcomer,
    client: &Waiting<'_>,
    status: &QueueStatus,
) {
    let peer = newcomer.peer();
    tracing::info!(%peer, client = client.hello.name, "waits: {status}");
    state.tell(&ServerEvent::Waiting {
        client: client.activity.id(),
        status: status.clone(),
    });
    state.ask_for_room();
}

/// What somebody who waits was told last.
struct Told {
    status: QueueStatus,
    at: Instant,
}

impl Told {
    /// True if it has changed, or was said so long ago that the client may wonder whether the server is alive.
    fn is_stale(&self, status: &QueueStatus, now: Instant) -> bool {
        let order =
            |status: &QueueStatus| (status.place, status.waiting, status.holder_address.clone());
        order(&self.status) != order(status) || self.fresh_for(now).is_zero()
    }

    /// True if the client should show that it is still there, ahead of its turn: near the front of the queue with every
    /// notice, and anywhere when the server changes hands. All that are gone then leave the queue together, and those
    /// behind do not wait for one after the other.
    fn calls_for_ping(&self, status: &QueueStatus) -> bool {
        let changes_hands = self.status.holder_address != status.holder_address;
        changes_hands || status.place <= NEAR_THE_FRONT
    }

    /// How long this will do.
    fn fresh_for(&self, now: Instant) -> Duration {
        TELL_EVERY.saturating_sub(now.saturating_duration_since(self.at))
    }
}

/// What to tell somebody who waits, and when to look again. The next in line asks an idle holder to leave.
fn look_around(
    state: &ServerState,
    ticket: Ticket,
    now: Instant,
) -> (Option<QueueStatus>, Duration) {
    let admission = state.admission();
    if admission.holder().is_none() {
        // Somebody is about to take it: there is nobody to name yet.
        return (None, SOON);
    }
    let status = admission.status(ticket, now);
    let is_next = status.as_ref().is_some_and(|status| status.place == 1);
    let mut tick = TELL_EVERY;
    if let (true, Some(holder), Some(limit)) =
        (is_next, admission.holder(), state.config.idle_handover)
    {
        let idle = holder.idle(now);
        if idle >= limit {
            let message = format!("idle for {} s while others wait", idle.as_secs());
            holder.ask_to_leave(ByeReason::IdleHandover, message);
        } else {
            tick = tick.min((limit - idle).max(SOON));
        }
    }
    (status, tick)
}

/// What is about to change is looked at again after this time.
pub(crate) const SOON: Duration = Duration::from_millis(20);
/// Clients up to this place are pinged with every notice.
const NEAR_THE_FRONT: u32 = 8;
/// Those who wait hear at least this often that the server is alive.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(5);
