//! The wait of one client for its turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};
use tokio::time::sleep;

use crate::handle::ServerEvent;
use crate::handshake::connection::Newcomer;
use crate::pause::overslept;
use crate::queue::admission::Ticket;
use crate::session::activity::{Activity, MOMENT};
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
    state: &Arc<ServerState>,
    newcomer: &mut Newcomer,
    client: &Waiting<'_>,
) -> Result<(), LinkError> {
    let mut turns = state.turns();
    let mut told: Option<Told> = None;
    let mut lookout = Lookout::default();
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
        let (status, mut tick) = look_around(state, client.ticket, now);
        if let Some(status) = status {
            tick = tick.min(lookout.look(state, &status, now));
            if told.is_none() {
                begin_to_wait(state, newcomer, client, &status);
            }
            tell(newcomer, &mut told, status, now).await?;
        }
        let tick = told
            .as_ref()
            .map_or(tick, |told| tick.min(told.fresh_for(now)));
        let answer = newcomer.answer_due();
        let tick = answer.map_or(tick, |due| tick.min(due.saturating_duration_since(now)));
        let wakes = Instant::now() + tick;
        tokio::select! {
            changed = turns.changed() => {
                changed.map_err(|_| LinkError::Lost("the server is gone".into()))?;
            }
            read = newcomer.read() => read?,
            () = sleep(tick) => {}
        }
        lookout.notice_pause(state, overslept(wakes));
    }
}

/// Tells the client where it stands, if that has changed or was long ago.
async fn tell(
    newcomer: &mut Newcomer,
    told: &mut Option<Told>,
    status: QueueStatus,
    now: Instant,
) -> Result<(), LinkError> {
    if let Some(last) = told {
        if !last.is_stale(&status, now) {
            return Ok(());
        }
        if last.calls_for_ping(&status) {
            newcomer.ping().await?;
        }
    }
    newcomer.tell_place(status.clone()).await?;
    *told = Some(Told { status, at: now });
    Ok(())
}

/// Makes known that a client has to wait.
fn begin_to_wait(
    state: &Arc<ServerState>,
    newcomer: &Newcomer,
    client: &Waiting<'_>,
    status: &QueueStatus,
) {
    let name = &client.hello.name;
    let who = format_args!("{name} at {}", newcomer.peer());
    state.visits.log(who, format_args!("waits: {status}"));
    state.tell(ServerEvent::Waiting {
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

/// What to tell a client that waits, and when to look again. `None` while nobody holds the server: somebody is about to,
/// and cannot be named yet.
fn look_around(
    state: &ServerState,
    ticket: Ticket,
    now: Instant,
) -> (Option<QueueStatus>, Duration) {
    let admission = state.admission();
    if admission.holder().is_none() {
        return (None, SOON);
    }
    (admission.status(ticket, now), TELL_EVERY)
}

/// What the next in line does about a holder that only keeps others waiting. It wakes every second, so that it notices a
/// suspension of this server, which must not count as the holder's idleness.
#[derive(Default)]
struct Lookout {
    /// Since when its client has been the next in line.
    since: Option<Instant>,
}

impl Lookout {
    /// The wait of this task was longer than it should have been, by `pause`.
    fn notice_pause(&mut self, state: &ServerState, pause: Duration) {
        // Only the next in line reports it, or it would count more than once.
        let Some(since) = self.since.filter(|_| !pause.is_zero()) else {
            return;
        };
        self.since = Some(since + pause);
        if let Some(holder) = state.admission().holder() {
            holder.excuse(pause, Instant::now());
        }
    }

    /// Asks an idle holder to leave. Returns when to look again.
    fn look(&mut self, state: &ServerState, status: &QueueStatus, now: Instant) -> Duration {
        let admission = state.admission();
        let (Some(limit), Some(holder), 1) =
            (state.config.idle_handover, admission.holder(), status.place)
        else {
            self.since = None;
            return TELL_EVERY;
        };
        let since = *self.since.get_or_insert(now);
        // The holder may have called already, and this server have been too slow, or suspended, to read it.
        let heard = limit.min(MOMENT);
        let heard_in = heard.saturating_sub(now.saturating_duration_since(since));
        match holder.idle_for_good_in(limit, now) {
            None => LOOK_EVERY,
            Some(left) if left.max(heard_in).is_zero() && holder.request().is_none() => {
                let idle = holder.seen(now).idle_ms / 1000;
                let message = format!("idle for {idle} s while others wait");
                holder.ask_to_leave(ByeReason::IdleHandover, message);
                LOOK_EVERY
            }
            Some(left) => left.max(heard_in).clamp(SOON, LOOK_EVERY),
        }
    }
}

/// What is about to change is looked at again after this time.
pub(crate) const SOON: Duration = Duration::from_millis(20);
/// The next in line looks at the holder at least this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Clients up to this place are pinged with every notice.
const NEAR_THE_FRONT: u32 = 8;
/// Those who wait hear at least this often that the server is alive.
pub(crate) const TELL_EVERY: Duration = Duration::from_secs(5);
