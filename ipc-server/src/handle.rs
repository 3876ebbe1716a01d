//! The handle of a running server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::{DeviceStatus, LeaseInfo};
use ipc_core::wire::ctrl::ByeReason;
use ipc_core::{IntoDevice, RegisterError, ServerDescription, Stuck};
use ipc_hub::RemoveError;
use ipc_hub::event::{ClientInfo, DeviceInfo};
use ipc_hub::hosted;
use ipc_hub::log::{self, About};
use ipc_hub::time::later;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::hint;
use crate::state::ServerState;

/// A running server. Dropping it stops the server like [`stop`](Self::stop).
#[derive(Debug)]
#[must_use = "dropping the handle stops the server; keep it for as long as the server is to run"]
pub struct ServerHandle {
    state: Arc<ServerState>,
    accepting: AbortHandle,
    /// `None` once a stop has begun.
    shutdown: Option<Shutdown>,
}

/// The rest of a stop, once no connections are accepted any more.
#[derive(Debug)]
struct Shutdown {
    state: Arc<ServerState>,
    closed: oneshot::Receiver<()>,
    runtime: Option<Runtime>,
}

impl ServerHandle {
    pub(crate) fn new(
        state: Arc<ServerState>,
        accepting: AbortHandle,
        closed: oneshot::Receiver<()>,
    ) -> Self {
        let shutdown = Some(Shutdown {
            state: Arc::clone(&state),
            closed,
            runtime: None,
        });
        Self {
            state,
            accepting,
            shutdown,
        }
    }

    pub(crate) fn with_runtime(mut self, runtime: Runtime) -> Self {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.runtime = Some(runtime);
        }
        self
    }

    /// Returns the address on which the server listens, with the port that was chosen for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.state.address
    }

    /// Returns the description of everything that clients can call now.
    pub fn offers(&self) -> ServerDescription {
        self.state.hub.offers().load().description().clone()
    }

    /// Returns the devices, in the order in which they were added.
    pub fn devices(&self) -> Vec<DeviceInfo> {
        self.state.hub.device_infos()
    }

    /// Returns the clients that hold the server, and the waiting clients in order.
    pub fn clients(&self) -> Vec<ClientInfo> {
        self.state.clients()
    }

    /// Returns the client that holds the server, if there is one. If the server is shared, returns the one that has held it
    /// for longest; [`clients`](Self::clients) returns all of them.
    pub fn holder(&self) -> Option<ClientInfo> {
        let now = Instant::now();
        let admission = self.state.admission();
        let mut holders = admission.holders();
        holders.next().map(|holder| holder.info(0, now))
    }

    /// Returns the number of waiting clients.
    pub fn waiting(&self) -> usize {
        self.state.admission().waiting()
    }

    /// Returns all leases, and the claims that wait for one, in the order in which they were asked for.
    pub fn leases(&self) -> Vec<LeaseInfo> {
        self.state.hub.leases()
    }

    /// Returns for each device who has leased it, who is inside, and how many calls wait for it.
    pub fn device_states(&self) -> Vec<DeviceStatus> {
        self.state.hub.device_states()
    }

    /// Breaks a rule about leases on purpose.
    #[cfg(feature = "proof")]
    pub fn plant(&self, mutant: ipc_hub::mutant::Mutant) {
        self.state.hub.plant(mutant);
    }

    /// Breaks rules on purpose in the sessions that begin from now on.
    #[cfg(feature = "proof")]
    pub fn plant_in_sessions(&self, mutants: &[ipc_core::session::mutant::Mutant]) {
        self.state.table().plant(mutants);
    }

    /// Returns the devices and functions that are stuck.
    pub fn stuck(&self) -> Vec<Stuck> {
        self.state.hub.stuck()
    }

    /// Adds a device to the running server.
    ///
    /// Connected clients can call it at once: a proxy made by name or by prefix works as for any other device. Blocks
    /// only on an error, while the driver is dropped, for at most 5 s.
    ///
    /// # Errors
    ///
    /// The name of the device or of one of its methods is malformed or taken. The device has been dropped, unless that
    /// hangs; the server goes on unchanged.
    pub fn add_device(
        &self,
        device: impl IntoDevice + Send, // for a driver that is not `Send`: `Device::on_thread(|| ..)`
    ) -> Result<(), RegisterError> {
        self.state.hub.add_device(device.into_device())
    }

    /// Removes the device called `name` from the running server. New calls to it are refused as unknown from now on,
    /// and another device may have the name.
    ///
    /// A call that runs inside the driver may return first. Blocks until everything is done, but for no longer than the
    /// device's [overrun](ipc_core::Device::overrun), 10 s by default; what is left to do is then done as soon as the call
    /// returns. The log names a driver that hangs while it is dropped. A device that removes itself, in a method or in its
    /// hook, is not waited for.
    ///
    /// If the device has a release hook, a client that comes back afterwards learns that devices have been released
    /// meanwhile, as after other hooks.
    ///
    /// # Errors
    ///
    /// There is no such device. The error lists the existing ones.
    pub fn remove(&self, name: &str) -> Result<(), RemoveError> {
        self.state.hub.remove_device(name)
    }

    /// Disconnects the client with this [`id`](ClientInfo::id), and gives it `reason`. Its next call fails
    /// with that reason, and a later one connects again. Returns false if there is no such client.
    ///
    /// Does not block. A running call has 10 s to finish. If it still runs then, or its caller has given it up, it ends
    /// in `CallError::OutcomeUnknown` at the client.
    pub fn disconnect(&self, client: u64, reason: &str) -> bool {
        self.state.disconnect(client, reason)
    }

    /// Returns warnings about the settings, for the person who chose them.
    pub(crate) fn warnings(&self) -> Vec<String> {
        hint::warnings(self.state.address, &self.state.config)
    }

    /// Returns the start-up hint: where the server can be reached, what it offers now, warnings about its settings, and
    /// the code of a client to paste. The secret is never part of it.
    pub fn hint(&self) -> String {
        let ServerState {
            address,
            config,
            hub,
            ..
        } = &*self.state;
        let paths: Vec<_> = hub.devices().iter().map(|d| d.driver_path()).collect();
        hint::hint(*address, config, hub.offers().load().description(), &paths)
    }

    /// Prints the [`hint`](Self::hint) on standard error. Waits for a slow terminal for at most a second.
    pub fn print_hint(&self) {
        self.send_hint();
        log::flush(Duration::from_secs(1));
    }

    /// Prints the hint without waiting for the terminal.
    pub(crate) fn send_hint(&self) {
        log::print(self.hint() + "\n");
    }

    /// Stops the server: no more connections are accepted, a running call may finish, clients are told, and release
    /// hooks run. On return the port is free, and all drivers, closures and hooks have been dropped, one after the other,
    /// except those that hang.
    ///
    /// A running call may finish within the [stop timeout](crate::ServerBuilder::stop_timeout), 5 s by default, and is
    /// cancelled after half of it. A call that still runs then is left behind: its own device stays alive until
    /// it ends, and the release hook of that device runs only then, if the program still exists. The callback of
    /// [`on_event`](crate::ServerBuilder::on_event) has the same time for the events before the stop.
    ///
    /// Whatever hangs while it is dropped is left behind on a thread of its own, when the rest of the stop timeout has
    /// passed, and at least a second; the others are dropped nevertheless. The log names what was left behind. None of it
    /// keeps the program from ending.
    ///
    /// Blocks; in async code use [`stop_async`](Self::stop_async). In a driver method, a hook or the callback of
    /// [`on_event`](crate::ServerBuilder::on_event), for which the stop would have to wait, it returns at once: the call
    /// is still answered, and the server stops in the background.
    pub fn stop(mut self) {
        self.stop_now();
    }

    /// Like [`stop`](Self::stop), for async code. Dropping the future does not interrupt the stop.
    pub async fn stop_async(mut self) {
        let Some(mut shutdown) = self.begin_stop() else {
            return;
        };
        // The port is free when the accepting task has ended, in whatever way.
        let _ = (&mut shutdown.closed).await;
        if self.state.hub.is_inside() {
            shutdown.wait_elsewhere();
        } else if let Err(error) = hosted::on_own_thread(move || shutdown.wait()).await {
            log::error(
                About::server(),
                format_args!("cannot wait for running calls: {error}"),
            );
        }
    }

    /// Returns the log line that announces a stop.
    pub(crate) fn stop_notice(&self) -> String {
        let running = self.clients().into_iter().find_map(|client| client.running);
        match running {
            Some(call) => format!(
                "stopping: {} may finish within {:?}; a second signal ends the wait",
                call.called(),
                self.state.config.stop_timeout
            ),
            None => "stopping".into(),
        }
    }

    /// Closes the port and asks clients to leave. Returns the rest of the stop, unless it has begun already.
    fn begin_stop(&mut self) -> Option<Shutdown> {
        let shutdown = self.shutdown.take()?;
        self.state.set_stopping();
        self.accepting.abort();
        self.state.hub.release_doubtful();
        for session in self.state.active_sessions() {
            session
                .activity
                .ask_to_leave(ByeReason::Stopping, "the server is stopping");
            session.mailbox.wake();
        }
        Some(shutdown)
    }

    fn stop_now(&mut self) {
        match self.begin_stop() {
            Some(shutdown) if self.state.hub.is_inside() => shutdown.wait_elsewhere(),
            Some(shutdown) => shutdown.wait(),
            None => {}
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stop_now();
    }
}

impl Shutdown {
    /// Waits for running calls, drops drivers, closures and hooks, and ends the server's own runtime. Blocks.
    fn wait(self) {
        let calls_and_goodbyes = self.state.config.stop_timeout.saturating_add(GOODBYES);
        let end = later(Instant::now(), calls_and_goodbyes);
        wait_for_work(&self.state, end);
        self.state.threads.close();
        self.state.hub.report_stuck_at_stop();
        self.state.hub.close(end);
        log::info(About::server(), "stopped");
        log::flush(LOG_WITHIN);
        let Some(runtime) = self.runtime else {
            return;
        };
        // Blocking until a runtime has ended is not allowed in async code.
        match Handle::try_current() {
            Ok(_) => runtime.shutdown_background(),
            Err(_) => runtime.shutdown_timeout(Duration::from_secs(1)),
        }
    }

    /// Waits on another thread, because the stop waits for the current one.
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

fn wait_for_work(state: &ServerState, end: Instant) {
    if !state.hub.wait_for_work(end) {
        let after = state.config.stop_timeout;
        for session in state.active_sessions() {
            if let Some(call) = session.activity.seen(Instant::now()).running {
                log::error(
                    About::client(session.activity.name()),
                    format_args!(
                        "{} still runs {after:?} after the stop began and is left behind; release hooks may not have run",
                        call.called()
                    ),
                );
            }
            // Its thread cannot say goodbye, but the client need not wait for it.
            session.activity.cut();
        }
    }
}

/// How long a stop waits, after the time for running calls, for goodbyes and release hooks.
const GOODBYES: Duration = Duration::from_millis(500);
/// How long a log that is not read can delay a stop.
const LOG_WITHIN: Duration = Duration::from_millis(200);
