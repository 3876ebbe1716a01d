//! How a client waits for its turn.

use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Hello, QueueStatus, SessionKey};
use ipc_hub::admission::ClientId;
use ipc_hub::event::ServerEvent;
use ipc_hub::log::About;
use ipc_hub::time::overslept;
use tokio::time::sleep;

use crate::handshake::pending::PendingConnection;
use crate::queue::idle::IdleWatch;
use crate::session::activity::{Activity, Seen};
use crate::state::ServerState;

/// A client in the queue.
pub(crate) struct QueuedClient<'a> {
    pub(crate) hello: &'a Hello,
    /// The session that it resumes, if any.
    pub(crate) session: Option<SessionKey>,
    pub(crate) id: ClientId,
    pub(crate) activity: &'a Activity,
}

impl QueuedClient<'_> {
    /// Returns true if the session has a newer connection.
    fn is_superseded(&self, state: &ServerState) -> bool {
        let connection = self.hello.connection;
        self.session
            .is_some_and(|key| !state.table().is_newest(key, connection))
    }
}

/// Waits until the client holds the server or is asked to leave, and sends it notices of its place in the meantime.
pub(crate) async fn wait_for_turn(
    state: &ServerState,
    connection: &mut PendingConnection,
    client: &QueuedClient<'_>,
) -> Result<(), LinkError> {
    let mut turns = state.turns();
    let mut last_notice: Option<SentNotice> = None;
    let mut idle_watch = IdleWatch::default();
    let arrived = Instant::now();
    loop {
        turns.borrow_and_update();
        if state.is_stopping() || client.is_superseded(state) {
            return Err(LinkError::Lost("superseded".into()));
        }
        if client.activity.request().is_some() {
            return Ok(());
        }
        let now = Instant::now();
        if takes_turn(state, client, now) {
            return match last_notice {
                Some(_) if arrived.elapsed() >= FRESH => connection.confirm().await,
                _ => Ok(()),
            };
        }
        if let Some(due) = connection.answer_due().filter(|due| *due <= now) {
            connection.check_answer(due)?;
        }
        let (status, mut pause) = status(state, client.id, now);
        if let Some(status) = status {
            pause = pause.min(idle_watch.check(state, &status, now));
            if last_notice.is_none() {
                announce(state, connection, client, &status);
            }
            notify(connection, &mut last_notice, status, now).await?;
        }
        if let Some(notice) = &last_notice {
            pause = pause.min(notice.fresh_for(now));
        }
        if let Some(due) = connection.answer_due() {
            pause = pause.min(due.saturating_duration_since(now));
        }
        let wakes = Instant::now() + pause;
        tokio::select! {
            changed = turns.changed() => {
                changed.map_err(|_| LinkError::Lost("the server is gone".into()))?;
            }
            read = connection.read() => read?,
            () = sleep(pause) => {}
        }
        idle_watch.notice_suspension(state, overslept(wakes));
    }
}

/// Makes a client the holder if it is its turn, and returns whether it was.
fn takes_turn(state: &ServerState, client: &QueuedClient<'_>, now: Instant) -> bool {
    let mut admission = state.admission();
    let Some(me) = admission.try_take(client.id) else {
        return false;
    };
    me.begins_to_hold(now);
    let others_wait = admission.waiting() > 0;
    drop(admission);
    if others_wait {
        // The places and the holder have changed for them.
        state.wake_waiting();
    }
    true
}

/// Returns what to tell a waiting client, and how long until that has to be checked again. The status is `None` while
/// there is no holder: the next one cannot be named yet.
fn status(state: &ServerState, client: ClientId, now: Instant) -> (Option<QueueStatus>, Duration) {
    match state.most_idle(now) {
        Some(holder) => {
            let admission = state.admission();
            let place = admission.place(client);
            let mut seen = holder.activity.seen(now);
            if !holder.leased.is_empty() {
                let leased = holder.leased.join("`, `");
                seen.name = format!("{}, which has a lease of `{leased}`,", seen.name);
            }
            let status = place.map(|place| queue_status(place, admission.waiting(), seen));
            (status, NOTICE_INTERVAL)
        }
        None => (None, SOON),
    }
}

/// Describes the queue to the client at `place`, of `waiting` clients in all.
pub(crate) fn queue_status(place: usize, waiting: usize, holder: Seen) -> QueueStatus {
    let to_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    QueueStatus {
        place: to_u32(place),
        waiting: to_u32(waiting),
        running_ms: holder.running_ms(),
        holder: holder.name,
        holder_address: holder.address,
        held_ms: holder.held_ms,
        idle_ms: holder.idle_ms,
        running: holder.running_text,
    }
}

/// Logs and reports that a client has to wait.
fn announce(
    state: &ServerState,
    connection: &PendingConnection,
    client: &QueuedClient<'_>,
    status: &QueueStatus,
) {
    let about = About::client(format!("{} at {}", client.hello.name, connection.peer()));
    state
        .client_log
        .info(about, format_args!("waits: {status}"));
    state.hub.emit(ServerEvent::Waiting {
        client: client.id.0,
        status: status.clone(),
    });
    state.wake_holder();
}

/// Sends the client its status, if that has changed or the last notice is old.
async fn notify(
    connection: &mut PendingConnection,
    last: &mut Option<SentNotice>,
    status: QueueStatus,
    now: Instant,
) -> Result<(), LinkError> {
    if let Some(last) = last {
        if !last.is_stale(&status, now) {
            return Ok(());
        }
        if last.needs_ping(&status) {
            connection.ping().await?;
        }
    }
    connection.tell_place(status.clone()).await?;
    *last = Some(SentNotice { status, at: now });
    Ok(())
}

/// The last status that a waiting client was sent.
struct SentNotice {
    status: QueueStatus,
    at: Instant,
}

impl SentNotice {
    /// Returns true if the status has changed, or the client has not heard of the server for a while.
    fn is_stale(&self, status: &QueueStatus, now: Instant) -> bool {
        let order =
            |status: &QueueStatus| (status.place, status.waiting, status.holder_address.clone());
        order(&self.status) != order(status) || self.fresh_for(now).is_zero()
    }

    /// Returns true if the client should prove that it is still there before its turn comes: near the front of the queue
    /// with every notice, anywhere when the server changes hands. Clients that are gone then leave the queue together,
    /// instead of holding it up one after another.
    fn needs_ping(&self, status: &QueueStatus) -> bool {
        let changes_hands = self.status.holder_address != status.holder_address;
        changes_hands || status.place <= NEAR_THE_FRONT
    }

    /// Returns how long until the next notice is due.
    fn fresh_for(&self, now: Instant) -> Duration {
        NOTICE_INTERVAL.saturating_sub(now.saturating_duration_since(self.at))
    }
}

/// How long a client counts as present because of its hello. It waits for no longer if the holder was just leaving.
const FRESH: Duration = Duration::from_millis(10);
/// How long to wait for something that is about to change.
pub(crate) const SOON: Duration = Duration::from_millis(20);
/// Maximum time between notices, which also show that the server is alive.
pub(crate) const NOTICE_INTERVAL: Duration = Duration::from_secs(5);
/// Clients up to this place are pinged with every notice.
const NEAR_THE_FRONT: u32 = 8;
