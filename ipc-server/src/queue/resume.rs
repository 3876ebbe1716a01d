//! A client that comes back while an earlier connection still has its session.

use std::time::Instant;

use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Hello, QueueStatus, SessionKey};
use tokio::time::sleep;

use crate::handshake::pending::PendingConnection;
use crate::queue::waiting::{NOTICE_INTERVAL, SOON, queue_status};
use crate::session::mailbox::{ReturningClient, ThreadState};
use crate::session::shared_session::SharedSession;
use crate::state::ServerState;

/// Where the session of a returning client was found.
pub(crate) enum Resumed {
    /// With its thread, which takes the new connection.
    ByThread(ReturningClient),
    /// In the table: its thread has ended in the meantime.
    Parked(SharedSession),
    /// Nowhere: it has ended in the meantime, as after a goodbye over the earlier connection.
    Ended,
}

/// Waits until the session can go on over this connection, and sends the client notices in the meantime.
pub(crate) async fn resume(
    state: &ServerState,
    connection: &mut PendingConnection,
    hello: &Hello,
    key: SessionKey,
) -> Result<Resumed, LinkError> {
    let since = Instant::now();
    let mut returning = None;
    if state.active_session(key).is_none() {
        // An earlier connection may be waiting in the queue with it; it notices, and puts the session back.
        state.wake_waiting();
    }
    loop {
        let reclaimed = state.table().reclaim(key, hello.connection);
        if let Some(session) = reclaimed {
            return Ok(Resumed::Parked(session));
        }
        if !state.table().has(key) {
            return Ok(Resumed::Ended);
        }
        if state.is_stopping() || !state.table().is_newest(key, hello.connection) {
            return Err(LinkError::Lost("superseded".into()));
        }
        if returning.is_none() {
            returning = announce(state, key);
        }
        let ready = async {
            match &returning {
                Some(returning) => returning.thread_is_ready().await,
                // The thread has not started yet, or is about to put the session back.
                None => {
                    sleep(SOON).await;
                    ThreadState::Serving
                }
            }
        };
        tokio::select! {
            thread = ready => match (thread, returning.take()) {
                (ThreadState::Waiting, Some(returning)) => return Ok(Resumed::ByThread(returning)),
                (ThreadState::Serving, unchanged) => returning = unchanged,
                _ => sleep(SOON).await,
            },
            read = connection.read() => read?,
            () = sleep(NOTICE_INTERVAL) => {
                let status = own_call_runs(state, key, hello, since);
                connection.tell_place(status).await?;
            },
        }
    }
}

/// Tells the thread of a session that its client is back, and then cuts the earlier connection. In the other order, the
/// thread could notice the loss while no client is expected.
fn announce(state: &ServerState, key: SessionKey) -> Option<ReturningClient> {
    let session = state.active_session(key)?;
    let returning = session.mailbox.expect()?;
    session.activity.cut();
    Some(returning)
}

/// Returns the notice for a client that waits for its own earlier call. Its place is 0: nobody else is before it.
fn own_call_runs(
    state: &ServerState,
    key: SessionKey,
    hello: &Hello,
    since: Instant,
) -> QueueStatus {
    let held_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let session = state.active_session(key);
    let seen = session.map(|session| session.activity.seen(Instant::now()));
    let seen = seen.unwrap_or_default();
    QueueStatus {
        holder: format!("an earlier call of {}", hello.name),
        holder_address: "this session".into(),
        held_ms,
        idle_ms: 0,
        ..queue_status(0, 0, seen)
    }
}
