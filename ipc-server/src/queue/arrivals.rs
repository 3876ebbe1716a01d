//! Where a connection goes that has sent its `Hello`: to the thread that serves its session, into the queue, or away.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::session::link::LinkError;
use ipc_core::session::table::Greeted;
use ipc_core::wire::ctrl::{ByeReason, ConnectionRole, Hello};
use ipc_core::wire::sanitize::fit_to_show;
use ipc_hub::admission::ClientId;
use ipc_hub::log::About;
use ipc_hub::party::Party;
use ipc_hub::work::Work;

use crate::handshake::pending::PendingConnection;
use crate::queue::beside::admit_beside;
use crate::queue::place::QueuePlace;
use crate::queue::resume::{Resumed, resume};
use crate::queue::waiting::{QueuedClient, wait_for_turn};
use crate::session::activity::Activity;
use crate::session::claim::SessionClaim;
use crate::session::mailbox::{Resumption, ReturningClient};
use crate::session::{self, AdmittedClient};
use crate::state::{Place, ServerState};

/// Resumes the session of a client, lets the client wait for its turn, or refuses it. `_work` makes a stop wait for that.
pub(crate) async fn admit(
    state: Arc<ServerState>,
    mut connection: PendingConnection,
    hello: Hello,
    _work: Work,
) {
    // A refused client has given up its place and session by the time it is told: the refusal may linger.
    match enter(&state, &mut connection, &hello).await {
        Ok(Admitted::Resumes(returning)) => deliver(&state, returning, connection, hello),
        Ok(Admitted::Holds(holder)) => serve(state, connection, hello, holder),
        Err(Rejection::Bye(reason, message)) => connection.refuse(reason, message, &state).await,
        Err(Rejection::Link(error)) => connection.close_failed(error, &state).await,
    }
}

/// How a client is admitted.
enum Admitted {
    /// A thread serves its session and takes the connection.
    Resumes(ReturningClient),
    /// Its turn has come.
    Holds(NextHolder),
}

/// A client whose turn has come, and what it holds.
pub(crate) struct NextHolder {
    /// Its own place; for a lane, also that of its client.
    pub(crate) places: Vec<Arc<dyn Place>>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) claim: SessionClaim,
    /// The client program of a lane; `None` if the session has one of its own.
    pub(crate) party: Option<Arc<Party>>,
}

/// Why a client is not admitted.
pub(crate) enum Rejection {
    /// It is told this reason.
    Bye(ByeReason, String),
    /// Its connection has failed.
    Link(LinkError),
}

impl From<LinkError> for Rejection {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl Rejection {
    pub(crate) fn full(message: impl Into<String>) -> Self {
        Self::Bye(ByeReason::Full, message.into())
    }
}

/// Waits until the client can be served.
async fn enter(
    state: &Arc<ServerState>,
    connection: &mut PendingConnection,
    hello: &Hello,
) -> Result<Admitted, Rejection> {
    check_service(state, hello)?;
    let greeted = state.table().resume(hello, Instant::now());
    let session = match greeted {
        // A new session is made when its turn has come: a client that never gets that far costs no session.
        None | Some(Greeted::Full) => None,
        Some(Greeted::Session(session)) => Some(session),
        Some(Greeted::Out(key)) => match resume(state, connection, hello, key).await? {
            Resumed::ByThread(returning) => return Ok(Admitted::Resumes(returning)),
            Resumed::Parked(session) => Some(session),
            Resumed::Ended => None,
        },
        Some(Greeted::Stale) => {
            let message = "a newer connection of this client has taken over, with a higher number";
            return Err(Rejection::Bye(ByeReason::Superseded, message.into()));
        }
    };
    let claim = session.map(|session| SessionClaim::resumed(state, session));
    let holder = match hello.role {
        ConnectionRole::Control => take_turn(state, connection, hello, claim).await?,
        _ => admit_beside(state, connection, hello, claim)?,
    };
    Ok(Admitted::Holds(holder))
}

fn check_service(state: &ServerState, hello: &Hello) -> Result<(), Rejection> {
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
    Err(Rejection::Bye(ByeReason::WrongService, message))
}

/// Queues the client, and waits until it holds the server.
async fn take_turn(
    state: &Arc<ServerState>,
    connection: &mut PendingConnection,
    hello: &Hello,
    claim: Option<SessionClaim>,
) -> Result<NextHolder, Rejection> {
    let (id, activity) = arrive(state, connection, hello);
    let entered = state.admission().enter(id, Arc::clone(&activity));
    if entered.is_err() {
        let waiting = state.config.queue;
        let message = format!("{waiting} clients wait already; try again later");
        return Err(Rejection::full(message));
    }
    let place = QueuePlace::new(state, id);
    let client = QueuedClient {
        hello,
        session: claim.as_ref().map(SessionClaim::key),
        id,
        activity: &activity,
    };
    let waited = wait_for_turn(state, connection, &client).await;
    if let Some((reason, message)) = activity.request() {
        return Err(Rejection::Bye(reason, message));
    }
    if waited.is_err() && state.is_stopping() {
        let message = "the server is stopping".into();
        return Err(Rejection::Bye(ByeReason::Stopping, message));
    }
    waited?;
    let claim = match claim {
        Some(claim) => claim,
        None => open_session(state, hello)?,
    };
    Ok(NextHolder {
        places: vec![Arc::new(place)],
        activity,
        claim,
        party: None,
    })
}

/// Gives the client of a connection a number, and others something to see of it.
pub(crate) fn arrive(
    state: &ServerState,
    connection: &PendingConnection,
    hello: &Hello,
) -> (ClientId, Arc<Activity>) {
    let id = state.next_client();
    let activity = Activity::new(
        id.0,
        hello.name.clone(),
        connection.peer(),
        state.hub.offers().clone(),
        Instant::now(),
    );
    (id, Arc::new(activity))
}

pub(crate) fn open_session(
    state: &Arc<ServerState>,
    hello: &Hello,
) -> Result<SessionClaim, Rejection> {
    let random = random().map_err(|error| Rejection::full(error.to_string()))?;
    let opened = state.table().open(hello, random, Instant::now());
    let session = opened.ok_or_else(|| {
        Rejection::full("the server keeps as many sessions as it may; try again later")
    })?;
    Ok(SessionClaim::opened(state, session))
}

fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(u128::from_le_bytes(bytes))
}

/// Starts the thread that serves the client.
fn serve(state: Arc<ServerState>, connection: PendingConnection, hello: Hello, holder: NextHolder) {
    let NextHolder {
        places,
        activity,
        claim,
        party,
    } = holder;
    let peer = connection.peer();
    let spawned = connection.into_connection().and_then(|connection| {
        session::spawn(AdmittedClient {
            state: Arc::clone(&state),
            places,
            activity,
            claim,
            party,
            connection,
            hello,
        })
    });
    if let Err(error) = spawned {
        let error = format_args!("cannot serve the client at {peer}: {error}");
        state.bad_connections.error(About::server(), error);
    }
}

/// Gives the connection to the thread that serves the session already.
fn deliver(
    state: &ServerState,
    returning: ReturningClient,
    connection: PendingConnection,
    hello: Hello,
) {
    let peer = connection.peer();
    match connection.into_connection() {
        Ok(connection) => returning.deliver(Resumption { connection, hello }),
        Err(error) => {
            let error = format_args!("cannot resume a session: {error}");
            state.bad_connections.warn(About::peer(peer), error);
        }
    }
}
