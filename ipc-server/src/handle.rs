//! A running server, as its own program sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::ServerDescription;
use ipc_core::wire::ctrl::ByeReason;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::banner;
use crate::state::{Mail, ServerState};

/// A running server. Dropping it stops the server like [`stop`](Self::stop).
#[derive(Debug)]
pub struct ServerHandle {
    state: Arc<ServerState>,
    accepting: AbortHandle,
    closed: Option<oneshot::Receiver<()>>,
    runtime: Option<Runtime>,
}

/// The client that holds the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// What it calls itself.
    pub name: String,
    /// Where its connection comes from.
    pub address: String,
    /// For how long it has held the server.
    pub held: Duration,
    /// For how long it has not called anything; zero while a call runs.
    pub idle: Duration,
    /// How many calls it has made.
    pub calls: u64,
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

    /// The client that holds the server, if one does.
    pub fn holder(&self) -> Option<ClientInfo> {
        let admission = self.state.admission();
        let seen = admission.holder()?.seen(Instant::now());
        Some(ClientInfo {
            name: seen.name,
            address: seen.address,
            held: Duration::from_millis(seen.held_ms),
            idle: Duration::from_millis(seen.idle_ms),
            calls: seen.calls,
        })
    }

    /// How many clients wait for their turn.
    pub fn waiting(&self) -> usize {
        self.state.admission().waiting()
    }

    /// Ends the session of the client that holds the server; its program is given `reason`. A running call finishes
    /// first. Returns false if nobody held the server.
    pub fn disconnect_holder(&self, reason: &str) -> bool {
        let admission = self.state.admission();
        admission
            .holder()
            .map(|holder| holder.ask_to_leave(ByeReason::Disconnected, reason))
            .is_some()
    }

    /// Prints on standard error where the server can be reached, what it offers, and client code to paste.
    pub fn print_hint(&self) {
        eprintln!("{}", banner::hint(self.state.address, self.description()));
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
    if !state.wait_for_work(Instant::now() + state.config.stop_timeout) {
        let after = state.config.stop_timeout;
        tracing::error!("a call still runs after {after:?}; it is left behind");
        // Nobody can say goodbye for its thread, but its client need not wait for it.
        for out in state.all_out() {
            out.activity.cut();
        }
    }
}
