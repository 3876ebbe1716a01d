//! Serving one client: its connection, its calls, and its place.

pub(crate) mod activity;
mod batch;
mod calls;
pub(crate) mod claim;
mod departure;
mod fences;
mod gate_wait;
mod handover;
mod host;
mod interruption;
mod long_calls;
pub(crate) mod mailbox;
mod pump;
mod reader;
mod serving;
pub(crate) mod shared_session;
pub(crate) mod threads;
mod worker;
mod write_queue;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::wire::ctrl::Hello;
use ipc_hub::event::ServerEvent;
use ipc_hub::party::Party;
use ipc_hub::work::Work;

use self::reader::SocketReader;
use self::serving::Serving;
use self::worker::Worker;
use crate::connection::Connection;
use crate::session::activity::Activity;
use crate::session::claim::SessionClaim;
use crate::session::mailbox::Mailbox;
use crate::state::{ActiveSession, Place, ServerState};

/// A client that is to be served, with all that this takes.
pub(crate) struct AdmittedClient {
    pub(crate) state: Arc<ServerState>,
    /// Its own place; for a lane, also that of its client.
    pub(crate) places: Vec<Arc<dyn Place>>,
    pub(crate) activity: Arc<Activity>,
    /// Puts the session back if no thread can be had.
    pub(crate) claim: SessionClaim,
    /// The client program of a lane; `None` if the session has one of its own.
    pub(crate) party: Option<Arc<Party>>,
    pub(crate) connection: Connection,
    pub(crate) hello: Hello,
}

/// Serves a client on a thread of its own.
pub(crate) fn spawn(client: AdmittedClient) -> io::Result<()> {
    client.state.hub.tick().start()?;
    let work = client.state.hub.begin_work();
    let threads = Arc::clone(&client.state.threads);
    threads.run(move || serve(client, work))
}

fn serve(client: AdmittedClient, work: Work) {
    let AdmittedClient {
        state,
        places,
        activity,
        claim,
        party,
        connection,
        hello,
    } = client;
    let is_new = claim.is_new();
    let Some(session) = claim.take() else {
        return;
    };
    let party = match party {
        Some(party) => session.set_party(party),
        None => session.party(&state.hub, hello.resume.is_some() && is_new),
    };
    let mailbox = Arc::new(Mailbox::new());
    let out = ActiveSession {
        mailbox: Arc::clone(&mailbox),
        activity: Arc::clone(&activity),
        party: Arc::clone(&party),
        role: hello.role,
        place: places.first().map(Arc::downgrade),
    };
    state.set_active_session(session.key(), Some(out));
    let serving = Serving::new(state, activity, mailbox, session, party, places, &hello);
    let weak = Arc::downgrade(&serving);
    serving.state.hub.tick().monitor(weak);
    let granted = || ServerEvent::Granted(serving.activity.info(0, Instant::now()));
    serving.state.hub.emit_with(granted);
    let mut reader = Box::new(SocketReader::new());
    serving.attach(&mut reader, connection, &hello);
    if let Some(mut worker) = Worker::new(&serving, work) {
        worker.serve(Some(reader));
    }
}
