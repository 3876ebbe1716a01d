//! The way of one connection from its first byte to the thread that serves it.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::session::link::LinkError;
use ipc_core::session::table::Greeted;
use ipc_core::wire::ctrl::{ByeReason, Hello, QueueStatus, SessionKey};
use ipc_core::wire::text::fit_to_show;
use tokio::time::sleep;

use crate::handshake::connection::Newcomer;
use crate::queue::admission::Ticket;
use crate::queue::waiting::{SOON, TELL_EVERY, Waiting, wait_for_turn};
use crate::session::activity::Activity;
use crate::session::handoff::{Expected, Resumption, ThreadState};
use crate::session::{self, Seat, Session};
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

/// A session taken from the table, put back when dropped; one that is new is removed.
#[derive(Debug)]
pub(crate) struct Claim {
    state: Arc<ServerState>,
    key: SessionKey,
    session: Option<Session>,
    is_new: bool,
}

impl Claim {
    fn of(state: &Arc<ServerState>, session: Session, is_new: bool) -> Self {
        Self {
            state: Arc::clone(state),
            key: session.key(),
            session: Some(session),
            is_new,
        }
    }

    fn new(state: &Arc<ServerState>, hello: &Hello) -> Result<Self, Refusal> {
        let fresh = random().map_err(|error| Refusal::full(error.to_string()))?;
        let opened = state.table().open(hello, fresh, Instant::now());
        let session = opened.ok_or_else(|| {
            Refusal::full("the server keeps as many sessions as it may; try again later")
        })?;
        Ok(Self::of(state, session, true))
    }

    /// The session; from now on nobody puts it back.
    pub(crate) fn take(mut self) -> Option<Session> {
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

/// Serves a connection that has sent its hello: resumes its session, lets it wait for its turn, or refuses it.
pub(crate) async fn admit(state: Arc<ServerState>, mut newcomer: Newcomer, hello: Hello) {
    let _work = state.begin_work();
    // A refused newcomer has given up all it had by the time it is told: refusals may linger.
    match enter(&state, &mut newcomer, &hello).await {
        Ok(Admitted::Returns(expected)) => hand_over(&state, expected, newcomer, hello),
        Ok(Admitted::Holds(turn)) => seat(state, newcomer, hello, turn),
        Err(Refusal::Bye(reason, message)) => newcomer.refuse(reason, message, &state).await,
        Err(Refusal::Link(error)) => newcomer.dismiss(error, &state).await,
    }
}

/// What a newcomer is admitted to.
enum Admitted {
    /// Its session is served by a thread that takes the connection.
    Returns(Expected),
    /// Its turn has come.
    Holds(Turn),
}

/// The server, for a client whose turn has come.
struct Turn {
    place: Place,
    activity: Arc<Activity>,
    claim: Claim,
}

/// Why a newcomer is sent away.
pub(crate) enum Refusal {
    /// It is told the reason.
    Bye(ByeReason, String),
    /// Its connection cannot go on.
    Link(LinkError),
}

impl From<LinkError> for Refusal {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl Refusal {
    fn full(message: impl Into<String>) -> Self {
        Self::Bye(ByeReason::Full, message.into())
    }
}

/// Waits until the newcomer can be served.
async fn enter(
    state: &Arc<ServerState>,
    newcomer: &mut Newcomer,
    hello: &Hello,
) -> Result<Admitted, Refusal> {
    check_service(state, hello)?;
    let greeted = state.table().resume(hello, Instant::now());
    let session = match greeted {
        // A new session is made when its turn has come: a client that never gets so far costs no session.
        None | Some(Greeted::Full) => None,
        Some(Greeted::Session(session)) => Some(session),
        Some(Greeted::Out(key)) => match resume(state, newcomer, hello, key).await? {
            Resumed::ByThread(expected) => return Ok(Admitted::Returns(expected)),
            Resumed::Parked(session) => Some(session),
        },
        Some(Greeted::Stale) => {
            let message = "a newer connection of this client has taken over, with a higher number";
            return Err(Refusal::Bye(ByeReason::Superseded, message.into()));
        }
    };
    let claim = session.map(|session| Claim::of(state, session, false));
    take_turn(state, newcomer, hello, claim)
        .await
        .map(Admitted::Holds)
}

fn check_service(state: &ServerState, hello: &Hello) -> Result<(), Refusal> {
    if hello.service == state.config.service {
        return Ok(());
    }
    let named = |service: &str| match service {
        "" => "without a service name".to_string(),
        name => format!("`{}`", fit_to_show(name)),
    };
    let message = format!(
        "this server is {}, the client asked for one {}; check the address and the service name",
        named(&state.config.service),
        named(&hello.service)
    );
    Err(Refusal::Bye(ByeReason::WrongService, message))
}

async fn take_turn(
    state: &Arc<ServerState>,
    newcomer: &mut Newcomer,
    hello: &Hello,
    claim: Option<Claim>,
) -> Result<Turn, Refusal> {
    let activity = Arc::new(Activity::new(
        state.next_client(),
        hello.name.clone(),
        newcomer.peer(),
        Arc::clone(&state.description),
        Instant::now(),
    ));
    let entered = state.admission().enter(Arc::clone(&activity));
    let Ok(ticket) = entered else {
        let waiting = state.config.queue;
        let message = format!("{waiting} clients wait already; try again later");
        return Err(Refusal::full(message));
    };
    let place = Place {
        state: Arc::clone(state),
        ticket,
    };
    let client = Waiting {
        hello,
        session: claim.as_ref().map(|claim| claim.key),
        ticket,
        activity: &activity,
    };
    let waited = wait_for_turn(state, newcomer, &client).await;
    if let Some((reason, message)) = activity.request() {
        return Err(Refusal::Bye(reason, message));
    }
    if waited.is_err() && state.is_stopping() {
        let message = "the server is stopping".into();
        return Err(Refusal::Bye(ByeReason::Stopping, message));
    }
    waited?;
    let claim = match claim {
        Some(claim) => claim,
        None => Claim::new(state, hello)?,
    };
    Ok(Turn {
        place,
        activity,
        claim,
    })
}

fn seat(state: Arc<ServerState>, newcomer: Newcomer, hello: Hello, turn: Turn) {
    let Turn {
        place,
        activity,
        claim,
    } = turn;
    let peer = newcomer.peer();
    let seated = newcomer.into_connection().and_then(|connection| {
        session::spawn(Seat {
            state: Arc::clone(&state),
            place,
            activity,
            claim,
            connection,
            hello,
        })
    });
    if let Err(error) = seated {
        let error = format_args!("cannot serve the client at {peer}: {error}");
        state.complaints.log_here(error);
    }
}

enum Resumed {
    /// Its thread still has it and takes the connection.
    ByThread(Expected),
    /// Its thread has ended meanwhile.
    Parked(Session),
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
    if state.out(key).is_none() {
        // An earlier connection may wait in the queue with it; it looks, and gives it back.
        state.wake_waiting();
    }
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
            () = sleep(TELL_EVERY) => {
                let status = own_call_runs(state, key, hello, since);
                newcomer.tell_place(status).await?;
            },
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

fn hand_over(state: &ServerState, expected: Expected, newcomer: Newcomer, hello: Hello) {
    let peer = newcomer.peer();
    match newcomer.into_connection() {
        Ok(connection) => expected.deliver(Resumption { connection, hello }),
        Err(error) => {
            let error = format_args!("cannot resume a session: {error}");
            state.complaints.log(peer, error);
        }
    }
}

/// Place 0: nobody else is before this client, only its own earlier call.
fn own_call_runs(
    state: &ServerState,
    key: SessionKey,
    hello: &Hello,
    since: Instant,
) -> QueueStatus {
    let held_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let seen = state.out(key).map(|out| out.activity.seen(Instant::now()));
    let seen = seen.unwrap_or_default();
    QueueStatus {
        place: 0,
        waiting: 0,
        holder: format!("an earlier call of {}", hello.name),
        holder_address: "this session".into(),
        held_ms,
        idle_ms: 0,
        running_ms: seen.running_ms(),
        running: seen.running_text,
    }
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}
