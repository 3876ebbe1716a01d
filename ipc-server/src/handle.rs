//! A running server, as its own program sees it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::describe::DeviceDescription;
use ipc_core::wire::ctrl::{ByeReason, QueueStatus};
use ipc_core::{Release, ServerDescription, Stuck};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::banner;
use crate::hosted;
use crate::log::{self, About};
use crate::state::{ServerState, later};

/// A running server. Dropping it stops the server like [`stop`](Self::stop).
#[derive(Debug)]
#[must_use = "dropping the handle stops the server; keep it for as long as the server is to run"]
pub struct ServerHandle {
    state: Arc<ServerState>,
    accepting: AbortHandle,
    /// What is left to be ended; `None` once that has begun.
    ending: Option<Ending>,
}

/// The end of a server, once it accepts nobody any more.
#[derive(Debug)]
struct Ending {
    state: Arc<ServerState>,
    closed: oneshot::Receiver<()>,
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
    /// How many calls it has made since it came, one that runs included.
    pub calls: u64,
    /// The call that runs, if there is one.
    pub running: Option<RunningCall>,
    /// How many bytes have come from it while it held the server.
    pub bytes_received: u64,
    /// How many bytes have gone to it while it held the server.
    pub bytes_sent: u64,
}

/// A call that runs, as the server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningCall {
    /// The name of the device whose method runs; `None` for a function.
    pub device: Option<String>,
    /// The method on the wire; of a name of more than 128 bytes, the beginning.
    pub method: String,
    /// How long it has run.
    pub runs_for: Duration,
}

impl RunningCall {
    /// The method with its device, as messages name it.
    fn called(&self) -> String {
        match &self.device {
            Some(device) => format!("`{}` of `{device}`", self.method),
            None => format!("`{}`", self.method),
        }
    }
}

/// A device, as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// Its name.
    pub name: String,
    /// What stands before the names of its methods on the wire; may be empty.
    pub prefix: String,
    /// The path of the driver's type, such as `powermeter::PowerMeter`.
    pub driver: &'static str,
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
    /// A device, or a function, is stuck: a call was given up and does not return. Calls to it are refused until it does;
    /// everything else goes on.
    Stuck(Stuck),
    /// The call has returned; the device can be used again.
    Recovered {
        /// The name of the device.
        device: String,
    },
}

impl ServerHandle {
    pub(crate) fn new(
        state: Arc<ServerState>,
        accepting: AbortHandle,
        closed: oneshot::Receiver<()>,
    ) -> Self {
        let ending = Some(Ending {
            state: Arc::clone(&state),
            closed,
            runtime: None,
        });
        Self {
            state,
            accepting,
            ending,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Self {
        if let Some(ending) = &mut self.ending {
            ending.runtime = Some(runtime);
        }
        self
    }

    /// Where the server listens, with the port that was chosen for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.state.address
    }

    /// What the server offers.
    pub fn description(&self) -> &ServerDescription {
        &self.state.description
    }

    /// The devices in the order in which they were given to the builder.
    pub fn devices(&self) -> Vec<DeviceInfo> {
        let devices = self.state.description.devices.iter();
        let info = |(device, driver): (&DeviceDescription, &&'static str)| DeviceInfo {
            name: device.name.clone(),
            prefix: device.prefix.clone(),
            driver,
        };
        devices.zip(&self.state.driver_paths).map(info).collect()
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

    /// The devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        let hosted = self.state.hosted();
        hosted.map_or_else(Vec::new, |hosted| hosted.registry.stuck())
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

    /// For a person: where the server can be reached, what it offers, what to be warned of, and a client program to paste.
    /// The secret is never part of it.
    pub fn hint(&self) -> String {
        let ServerState {
            address,
            config,
            description,
            driver_paths,
            ..
        } = &*self.state;
        banner::hint(*address, config, description, driver_paths)
    }

    /// Prints the [`hint`](Self::hint) on standard error. Waits for a slow terminal, but for at most a second.
    pub fn print_hint(&self) {
        self.send_hint();
        log::flush(Duration::from_secs(1));
    }

    /// Prints the hint without waiting.
    pub(crate) fn send_hint(&self) {
        log::print(self.hint() + "\n");
    }

    /// Stops in good order. No new connections are accepted, a running call may finish within the stop timeout (5 s by
    /// default) and is cancelled after half of it, clients are told, and release hooks run. On return the port is free, and every driver, closure and hook
    /// has been dropped, unless a call had to be left behind; a `Drop` that blocks is waited for. Such a call drops them when it ends; the release hooks
    /// run then, too, if the program is still there.
    ///
    /// Blocks; in async code use [`stop_async`](Self::stop_async). Inside a driver method, a hook or the callback of
    /// [`on_event`](crate::ServerBuilder::on_event), which the stop would have to wait for, it returns at once: the call
    /// is still answered, and the server stops behind it.
    pub fn stop(mut self) {
        self.stop_now();
    }

    /// [`stop`](Self::stop) for async code. Dropping the future does not interrupt the stop.
    pub async fn stop_async(mut self) {
        let Some(mut ending) = self.begin_stop() else {
            return;
        };
        // The port is free when the task that accepts has ended, also if it ended badly.
        let _ = (&mut ending.closed).await;
        if self.state.is_inside() {
            ending.wait_elsewhere();
        } else if let Err(error) = hosted::apart(move || ending.wait()).await {
            log::error(
                About::server(),
                format_args!("cannot wait for running calls: {error}"),
            );
        }
    }

    /// What there is to say before a stop.
    pub(crate) fn last_words(&self) -> String {
        let running = self.holder().and_then(|holder| holder.running);
        match running {
            Some(call) => format!(
                "stopping: {} may finish within {:?}; a second signal ends the wait",
                call.called(),
                self.state.config.stop_timeout
            ),
            None => "stopping".into(),
        }
    }

    /// Returns what is left to be done, if nobody does it yet.
    fn begin_stop(&mut self) -> Option<Ending> {
        let ending = self.ending.take()?;
        self.state.set_stopping();
        self.accepting.abort();
        for out in self.state.all_out() {
            out.activity
                .ask_to_leave(ByeReason::Stopping, "the server is stopping");
            out.handoff.wake();
        }
        Some(ending)
    }

    fn stop_now(&mut self) {
        match self.begin_stop() {
            Some(ending) if self.state.is_inside() => ending.wait_elsewhere(),
            Some(ending) => ending.wait(),
            None => {}
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop_now();
    }
}

impl Ending {
    /// Waits for running calls, drops what belongs to the user, and ends the server's own runtime. Blocks.
    fn wait(self) {
        wait_for_work(&self.state);
        self.state.tick.end();
        self.state.drop_hosted();
        log::flush(LOG_WITHIN);
        let Some(runtime) = self.runtime else {
            return;
        };
        // In async code, waiting for a runtime is not allowed.
        match Handle::try_current() {
            Ok(_) => runtime.shutdown_background(),
            Err(_) => runtime.shutdown_timeout(Duration::from_secs(1)),
        }
    }

    /// Waits on a thread of its own: the one at hand is one of those that are waited for.
    fn wait_elsewhere(self) {
        let thread = thread::Builder::new().name("ipc server".into());
        if let Err(error) = thread.spawn(move || self.wait()) {
            log::error(
                About::server(),
                format_args!("cannot wait for running calls: {error}"),
            );
        }
    }
}

fn wait_for_work(state: &ServerState) {
    let calls_and_goodbyes = state.config.stop_timeout.saturating_add(GOODBYES);
    if !state.wait_for_work(later(Instant::now(), calls_and_goodbyes)) {
        let after = state.config.stop_timeout;
        for out in state.all_out() {
            if let Some(call) = out.activity.seen(Instant::now()).running {
                log::error(
                    About::client(out.activity.name()),
                    format_args!(
                        "{} still runs {after:?} after the stop began and is left behind; the safe-state hooks of \
                         the devices have not run",
                        call.called()
                    ),
                );
            }
            // Nobody can say goodbye for its thread, but its client need not wait for it.
            out.activity.cut();
        }
    }
}

/// How long a stop waits, after calls have had their time, for clients to be told and for devices to be put into their
/// safe state.
const GOODBYES: Duration = Duration::from_millis(500);
/// A log that is not read does not hold up a stop for longer than this.
const LOG_WITHIN: Duration = Duration::from_millis(200);
