//! The way of one connection from its first byte to the thread that serves it.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::session::link::LinkError;
use ipc_core::session::server::ServerSession;
use ipc_core::session::table::Greeted;
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};
use ipc_core::wire::text::fit_to_show;
use tokio::time::sleep;

use crate::activity::Activity;
use crate::admission::{QueueFull, Ticket};
use crate::connection::Newcomer;
use crate::handle::ServerEvent;
use crate::handoff::{Expected, Resumption, ThreadState};
use crate::session::{self, Seat};
use crate::state::ServerState;

/// A place in the order of clients, given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    state: Arc<ServerState>,
    ticket: Ticket,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.leave(self.ticket);
    }
}

/// A session taken from the table, put back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    state: Arc<ServerState>,
    session: Option<Box<ServerSession>>,
    is_new: bool,
}

impl Claim {
    /// The session; from now on nobody puts it back.
    pub(crate) fn take(mut self) -> Option<Box<ServerSession>> {
        self.session.take()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            if self.is_new {
                self.state.table().remove(session.key());
            } else {
                self.state.table().park(session, Instant::now());
            }
        }
    }
}

/// Takes a connection whose hello has come to where it belongs.
pub(crate) async fn admit(state: Arc<ServerState>, mut newcomer: Newcomer, hello: Hello) {
    if hello.service != state.config.service {
        let named = |service: &str| match service {
            "" => "without a service name".to_string(),
            name => format!("`{}`", fit_to_show(name)),
        };
        let message = format!(
            "this server is {}, the client asked for one {}; check the address and the service name",
            named(&state.config.service),
            named(&hello.service)
        );
        return newcomer.refuse(ByeReason::WrongService, message).await;
    }
    let fresh = match random() {
        Ok(fresh) => fresh,
        Err(error) => return newcomer.refuse(ByeReason::Full, error.to_string()).await,
    };
    let _work = state.begin_work();
    let greeted = state.table().greet(&hello, fresh, Instant::now());
    let session = match greeted {
        Greeted::Session(session) => session,
        Greeted::Out(key) => match resume(&state, &mut newcomer, &hello, key).await {
            Ok(Resumed::ByThread(expected)) => return hand_over(expected, newcomer, hello),
            Ok(Resumed::Parked(session)) => session,
            Err(error) => return newcomer.dismiss(error, &state.complaints).await,
        },
        Greeted::Stale => {
            let message = "a newer connection of this client has taken over, with a higher number"
                .to_string();
            return newcomer.refuse(ByeReason::Superseded, message).await;
        }
        Greeted::Full => {
            let message =
                "the server keeps as many sessions as it may; try again later".to_string();
            return newcomer.refuse(ByeReason::Full, message).await;
        }
    };
    let is_new = hello.resume != Some(session.key());
    let claim = Claim {
        state: Arc::clone(&state),
        session: Some(session),
        is_new,
    };
    take_turn(state, newcomer, hello, claim).await;
}

async fn take_turn(state: Arc<ServerState>, mut newcomer: Newcomer, hello: Hello, claim: Claim) {
    let peer = newcomer.peer();
    let activity = Arc::new(Activity::new(
        state.next_client(),
        hello.name.clone(),
        peer,
        Instant::now(),
    ));
    let entered = state.admission().enter(Arc::clone(&activity));
    let place = match entered {
        Ok(ticket) => Place {
            state: Arc::clone(&state),
            ticket,
        },
        Err(QueueFull) => {
            let message = format!(
                "{} clients wait already; try again later",
                state.config.queue
            );
            return newcomer.refuse(ByeReason::Full, message).await;
        }
    };
    let Some(key) = claim.session.as_ref().map(|session| session.key()) else {
        return;
    };
    let turn = wait_for_turn(&state, &mut newcomer, &hello, key, &place, &activity).await;
    match (turn, activity.request()) {
        (Ok(()), None) => {
            let seated = newcomer.into_connection().and_then(|connection| {
                session::spawn(Seat {
                    state,
                    place,
                    activity,
                    claim,
                    connection,
                    hello,
                })
            });
            if let Err(error) = seated {
                tracing::error!(%peer, "cannot serve a client: {error}");
            }
        }
        (_, Some((reason, message))) => {
            drop(place);
            newcomer.refuse(reason, message).await;
        }
        (Err(_), None) if state.is_stopping() => {
            drop(place);
            newcomer
                .refuse(ByeReason::Stopping, "the server is stopping".into())
                .await;
        }
        (Err(error), None) => {
            drop(place);
            newcomer.dismiss(error, &state.complaints).await;
        }
    }
}

/// Waits until the place is the holder's, telling the client meanwhile where it stands.
async fn wait_for_turn(
    state: &ServerState,
    newcomer: &mut Newcomer,
    hello: &Hello,
    key: SessionKey,
    place: &Place,
    activity: &Activity,
) -> Result<(), LinkError> {
    let mut turns = state.turns();
    let mut told: Option<Told> = None;
    loop {
        turns.borrow_and_update();
        if state.is_stopping() || !state.table().is_newest(key, hello.connection) {
            return Err(LinkError::Lost("superseded".into()));
        }
        if activity.request().is_some() {
            return Ok(());
        }
        let now = Instant::now();
        let is_mine = state.admission().try_take(place.ticket, now);
        if is_mine {
            // The others have somebody else before them now.
            state.wake_waiting();
            return match told {
                Some(_) => newcomer.confirm().await,
                None => Ok(()),
            };
        }
        let (status, tick) = look_around(state, place.ticket, now);
        if let Some(status) = status {
            if told.is_none() {
                let peer = newcomer.peer();
                tracing::info!(%peer, client = hello.name, "waits: {status}");
                state.tell(&ServerEvent::Waiting {
                    client: activity.id(),
                    status: status.clone(),
                });
                state.ask_for_room();
            }
            if told.as_ref().is_none_or(|told| told.is_stale(&status, now)) {
                newcomer.tell_place(status.clone()).await?;
                told = Some(Told { status, at: now });
            }
        }
        let tick = told
            .as_ref()
            .map_or(tick, |told| tick.min(told.fresh_for(now)));
        tokio::select! {
            changed = turns.changed() => {
                changed.map_err(|_| LinkError::Lost("the server is gone".into()))?;
            }
            read = newcomer.read() => read?,
            () = sleep(tick) => {}
        }
    }
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

enum Resumed {
    /// Its thread still has it and takes the connection.
    ByThread(Expected),
    /// Its thread has ended meanwhile.
    Parked(Box<ServerSession>),
}

/// Waits until a session that an earlier connection holds can go on over this one.
async fn resume(
    state: &ServerState,
    newcomer: &mut Newcomer,
    hello: &Hello,
    key: SessionKey,
) -> Result<Resumed, LinkError> {
    let since = Instant::now();
    let mut expected = None;
    loop {
        let reclaimed = state.table().reclaim(key, hello.connection);
        if let Some(session) = reclaimed {
            return Ok(Resumed::Parked(session));
        }
        if state.is_stopping() || !state.table().is_newest(key, hello.connection) {
            return Err(LinkError::Lost("superseded".into()));
        }
        if expected.is_none() {
            expected = announce(state, key);
        }
        let ready = async {
            match &expected {
                Some(expected) => expected.thread_is_ready().await,
                // It has not begun yet, or is about to give the session back.
                None => {
                    sleep(SOON).await;
                    ThreadState::Serving
                }
            }
        };
        tokio::select! {
            thread = ready => match (thread, expected.take()) {
                (ThreadState::Waiting, Some(expected)) => return Ok(Resumed::ByThread(expected)),
                (ThreadState::Serving, unchanged) => expected = unchanged,
                _ => sleep(SOON).await,
            },
            read = newcomer.read() => read?,
            () = sleep(TELL_EVERY) => newcomer.tell_place(own_call_runs(hello, since)).await?,
        }
    }
}

/// Tells the thread of a session that its client is back, and only then cuts the earlier connection: in the other order
/// the thread could find nobody to wait for.
fn announce(state: &ServerState, key: SessionKey) -> Option<Expected> {
    let out = state.out(key)?;
    let expected = out.handoff.expect()?;
    out.activity.cut();
    Some(expected)
}

fn hand_over(expected: Expected, newcomer: Newcomer, hello: Hello) {
    let peer = newcomer.peer();
    match newcomer.into_connection() {
        Ok(connection) => expected.deliver(Resumption { connection, hello }),
        Err(error) => tracing::warn!(%peer, "cannot resume a session: {error}"),
    }
}

/// Place 0: nobody else is before this client, only its own earlier call.
fn own_call_runs(hello: &Hello, since: Instant) -> QueueStatus {
    let held_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    QueueStatus {
        place: 0,
        waiting: 0,
        holder: format!("an earlier call of {}", hello.name),
        holder_address: "this session".into(),
        held_ms,
        idle_ms: 0,
    }
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}

/// What is about to change is looked at again after this time.
const SOON: Duration = Duration::from_millis(20);
/// Those who wait hear at least so often, so that they know the server is alive.
const TELL_EVERY: Duration = Duration::from_secs(5);
