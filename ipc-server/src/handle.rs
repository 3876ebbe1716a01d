//! A running server, as its own program sees it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::wire::ctrl::{ByeReason, QueueStatus};
use ipc_core::{Release, ServerDescription};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::banner;
use crate::state::{Mail, ServerState, later};

/// A running server. Dropping it stops the server like [`stop`](Self::stop).
#[derive(Debug)]
pub struct ServerHandle {
    state: Arc<ServerState>,
    accepting: AbortHandle,
    closed: Option<oneshot::Receiver<()>>,
    runtime: Option<Runtime>,
}

/// A client, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// Tells this client from all others of this run of the server.
    pub id: u64,
    /// 0 for the holder, 1 for the next in line.
    pub place: usize,
    /// What it calls itself.
    pub name: String,
    /// Where its connection comes from.
    pub address: String,
    /// For how long it has waited for the server and held it.
    pub connected: Duration,
    /// For how long it has not called anything; zero while a call runs.
    pub idle: Duration,
    /// How many calls it has made since it came.
    pub calls: u64,
    /// How many bytes have come from it while it held the server.
    pub bytes_received: u64,
    /// How many bytes have gone to it while it held the server.
    pub bytes_sent: u64,
}

/// What happens at a server; see [`ServerBuilder::on_event`](crate::ServerBuilder::on_event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client has to wait.
    Waiting {
        /// Its id.
        client: u64,
        /// What it was told.
        status: QueueStatus,
    },
    /// A client has the server now.
    Granted(ClientInfo),
    /// A client no longer has the server; its devices are in their safe state.
    Released {
        /// Its id.
        client: u64,
        /// Why.
        why: Release,
    },
}

impl ServerHandle {
    pub(crate) fn new(
        state: Arc<ServerState>,
        accepting: AbortHandle,
        closed: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            state,
            accepting,
            closed: Some(closed),
            runtime: None,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Where the server listens, with the port that was chosen for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.state.address
    }

    /// What the server offers.
    pub fn description(&self) -> &ServerDescription {
        self.state.registry.description()
    }

    /// The client that holds the server, if one does, and those who wait, in their order.
    pub fn clients(&self) -> Vec<ClientInfo> {
        let now = Instant::now();
        let admission = self.state.admission();
        admission
            .clients()
            .map(|(place, client)| client.info(place, now))
            .collect()
    }

    /// The client that holds the server, if one does.
    pub fn holder(&self) -> Option<ClientInfo> {
        let now = Instant::now();
        self.state
            .admission()
            .holder()
            .map(|holder| holder.info(0, now))
    }

    /// How many clients wait for their turn.
    pub fn waiting(&self) -> usize {
        self.state.admission().waiting()
    }

    /// Sends a client away; its program is given `reason`, and does not come back by itself. A running call finishes
    /// first. Returns false if there is no such client.
    pub fn disconnect(&self, client: u64, reason: &str) -> bool {
        let found = {
            let admission = self.state.admission();
            let mut clients = admission.clients();
            clients
                .find(|(_, other)| other.id() == client)
                .map(|(_, found)| Arc::clone(found))
        };
        if let Some(found) = &found {
            found.ask_to_leave(ByeReason::Disconnected, reason);
            self.state.wake_waiting();
        }
        found.is_some()
    }

    /// What a person should know who set it up this way.
    pub(crate) fn warnings(&self) -> Vec<String> {
        banner::warnings(self.state.address, &self.state.config)
    }

    /// Prints on standard error where the server can be reached, what it offers, client code to paste, and what to be
    /// warned of.
    pub fn print_hint(&self) {
        let hint = banner::hint(self.state.address, &self.state.config, self.description());
        // A server whose terminal was closed goes on serving.
        let _ = writeln!(io::stderr().lock(), "{hint}");
    }

    /// Stops in good order: no new connections, a running call may finish (for the stop timeout, 5 s by default),
    /// clients are told, and the port is free on return. Blocks; inside a runtime use [`stop_async`](Self::stop_async).
    pub fn stop(mut self) {
        self.stop_now();
    }

    /// [`stop`](Self::stop) for programs with a runtime.
    pub async fn stop_async(mut self) {
        self.begin_stop();
        if let Some(closed) = self.closed.take() {
            let _ = closed.await;
        }
        let state = Arc::clone(&self.state);
        let waited = tokio::task::spawn_blocking(move || wait_for_work(&state)).await;
        if waited.is_err() {
            tracing::error!("the wait for running calls was cut short");
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    fn begin_stop(&self) {
        self.state.set_stopping();
        self.accepting.abort();
        for out in self.state.all_out() {
            out.activity
                .ask_to_leave(ByeReason::Stopping, "the server is stopping");
            // A thread that has ended meanwhile needs no mail.
            let _ = out.mailbox.send(Mail::Stop);
        }
    }

    fn stop_now(&mut self) {
        let Some(closed) = self.closed.take() else {
            return;
        };
        self.begin_stop();
        match self.runtime.take() {
            Some(runtime) => {
                wait_for_work(&self.state);
                // Inside of another runtime, waiting for one is not allowed.
                match Handle::try_current() {
                    Ok(_) => runtime.shutdown_background(),
                    Err(_) => runtime.shutdown_timeout(Duration::from_secs(1)),
                }
            }
            None => wait_for_work(&self.state),
        }
        drop(closed);
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop_now();
    }
}

fn wait_for_work(state: &ServerState) {
    if !state.wait_for_work(later(Instant::now(), state.config.stop_timeout)) {
        let after = state.config.stop_timeout;
        tracing::error!("a call still runs after {after:?}; it is left behind");
        // Nobody can say goodbye for its thread, but its client need not wait for it.
        for out in state.all_out() {
            out.activity.cut();
        }
    }
}
