//! Setting a server up and starting it.

use std::mem;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::secure::{IntoSecret, SecretError};
use ipc_core::session::table::TableLimits;
use ipc_core::{BoxedFunction, IntoDevice, IntoFunction, Secret};
use ipc_net::{Address, AddressError, DEFAULT_PORT};

use crate::error::StartError;
use crate::handle::{ServerEvent, ServerHandle};
use crate::handshake::access::AccessLimits;
use crate::hosted::{self, Hosted, Offer};
use crate::listener;
use crate::log::{self, About};
use crate::signals::Signals;
use crate::state::Config;

/// A server of instrument drivers; made with [`Server::builder`].
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Sets up a server: loopback only, port 4440, nothing to serve yet.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            address: Address::to_listen_on("127.0.0.1", DEFAULT_PORT),
            port: DEFAULT_PORT,
            hosted: Hosted::default(),
            unusable_secret: None,
            exposed: false,
            hint: false,
            logs_beside_hint: false,
            max_call: None,
            config: Config::default(),
        }
    }
}

/// What is served, where, and under which limits.
#[derive(Debug)]
#[must_use = "a server is started by `run`, `spawn` or `start`"]
pub struct ServerBuilder {
    address: Result<Address, AddressError>,
    port: u16,
    hosted: Hosted,
    unusable_secret: Option<SecretError>,
    exposed: bool,
    hint: bool,
    /// True if hint and log go to the same place.
    logs_beside_hint: bool,
    max_call: Option<usize>,
    config: Config,
}

impl ServerBuilder {
    /// Listens on this name, IPv4 or IPv6 address, with or without a port: `lab-pc`, `192.168.1.10:4441`, `::1`,
    /// `[::1]:4441`, a link-local one with its network interface (`fe80::1%eth0`). `*` means all addresses. The default
    /// is `127.0.0.1`, this computer only.
    pub fn bind(mut self, address: &str) -> Self {
        self.address = Address::to_listen_on(address, self.port);
        self.port = self.address.as_ref().map_or(self.port, Address::port);
        self
    }

    /// Listens on this port; 0 takes any free one. The default is 4440.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Serves a driver: a plain one, a [`Shared`](ipc_core::Shared) one that local code uses as well, or a
    /// [`Device`](ipc_core::Device) with a prefix.
    pub fn device(mut self, device: impl IntoDevice) -> Self {
        self.hosted.add(Offer::Device(device.into_device()));
        self
    }

    /// Serves a closure or function under `name`. Its arguments are called `arg0`, `arg1`, ...
    pub fn function<Args>(mut self, name: &str, function: impl IntoFunction<Args>) -> Self {
        let function = function.into_function(name);
        self.hosted.add(Offer::Function(function.into()));
        self
    }

    /// Serves a function with its own name, arguments and docs: `#[remote]` on `fn add` makes `add::function()`.
    pub fn remote_function(mut self, function: impl BoxedFunction) -> Self {
        self.hosted.add(Offer::Function(function.boxed().into()));
        self
    }

    /// Only clients that ask for this service are admitted; keeps a script from driving the wrong one of two servers.
    /// The default is the empty name, which is also what clients ask for by default.
    pub fn service(mut self, service: &str) -> Self {
        self.config.service = service.to_string();
        self
    }

    /// Only clients with the same secret are admitted, and all that is said is encrypted: a text (an ordinary word will
    /// do, a long one is better), or a [`Secret`](ipc_core::Secret) from a file or the environment.
    pub fn secret(mut self, secret: impl IntoSecret) -> Self {
        self.config.secret = match secret.into_secret() {
            Ok(secret) => Some(secret),
            Err(error) => {
                self.unusable_secret = Some(error);
                None
            }
        };
        self
    }

    /// Lets other computers use the instruments without a secret. Everybody who reaches the port can then use them, and
    /// everybody on the way can read and change what is said.
    pub fn insecure_without_secret(mut self) -> Self {
        self.exposed = true;
        self
    }

    /// At most so many clients wait for their turn; more are sent away. The default is 256.
    pub fn queue(mut self, clients: usize) -> Self {
        self.config.queue = clients;
        self
    }

    /// How long a holder may call nothing until it is asked to make room, if another client waits; it queues again by
    /// itself at its next call. Only calls that enter a driver count. `None` lets it stay. The default is 30 s.
    pub fn idle_handover(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.config.idle_handover = idle.into();
        self
    }

    /// How long the place of a client that lost its connection is kept while no other client waits. While one waits, it is
    /// kept for 0.8 s, or for the grace if that is less. The default is 15 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// When a client whose computer or cable is gone without a word is replaced by the next one that waits: within this
    /// time, or within 4 s where this is 3 s. While no client waits, its place is kept for the [grace](Self::grace) in
    /// addition. The default is 15 s, the least 3 s, the most a day; parts of a second do not count.
    pub fn liveness(mut self, dead_after: Duration) -> Self {
        self.config.liveness = dead_after;
        self
    }

    /// How long [`stop`](ServerHandle::stop) waits for a running call. The default is 5 s. After half of this time the
    /// call is cancelled, for drivers that look at their context; a call that goes on regardless is left behind, without
    /// the release hooks of the devices.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.config.stop_timeout = timeout;
        self
    }

    /// The longest call that is accepted, in bytes. The default is 16 MiB. This counts, before or after
    /// [`session_limits`](Self::session_limits), and not the `max_frame` in there.
    pub fn max_call(mut self, bytes: usize) -> Self {
        self.max_call = Some(bytes);
        self
    }

    /// How much memory the arguments of a call may take once decoded, in bytes, beyond 8 times their bytes on the wire.
    /// The default is 64 MiB, the least 64 KiB. It is counted by the sizes of the types, before they are decoded. While long lists grow, up
    /// to three times as much may be in use. A call that would take more is refused. Plain lists of numbers
    /// (`Vec<f64>`) take in memory what they take on the wire, and are not counted.
    pub fn decode_memory(mut self, bytes: usize) -> Self {
        self.hosted.registry.set_decode_memory(bytes);
        self
    }

    /// Calls `observer` whenever a client begins to wait, gets the server, or gives it back. It runs between calls, so it
    /// should be quick. If it panics, the panic is logged and the server goes on.
    pub fn on_event(mut self, observer: impl Fn(&ServerEvent) + Send + Sync + 'static) -> Self {
        self.hosted.observer = Some(Arc::new(observer));
        self
    }

    /// How many strangers may knock, for how long, and how often a secret may be guessed. A server that would let nobody
    /// in, because a number of strangers, the guesses a minute or the time to say hello is 0, does not start.
    pub fn access_limits(mut self, limits: AccessLimits) -> Self {
        self.config.access = limits;
        self
    }

    /// How many sessions are kept, for how long, and what each may use up. A server that may keep no session, or no call
    /// that waits, does not start. The `max_frame` in here is for those who do not say [`max_call`](Self::max_call).
    pub fn session_limits(mut self, limits: TableLimits) -> Self {
        self.config.table = limits;
        self
    }

    /// Prints on standard error where the server can be reached, what it offers, and client code to paste. The secret
    /// is never part of it.
    pub fn hint(mut self) -> Self {
        self.hint = true;
        self
    }

    /// Serves until the program is told to stop, and returns when it has stopped in good order: a running call may finish,
    /// clients are told, release hooks run, drivers are dropped, and the port is free. Blocks.
    ///
    /// Ctrl-C, SIGTERM, and SIGHUP (a terminal that is closed, a lost ssh session) stop it; on Windows Ctrl-C, a closed
    /// window, a logoff and a shutdown. A second one ends the wait for a running call at once. A signal that is ignored
    /// when the server starts, as SIGHUP is under `nohup`, stays ignored. After `run` has returned, signals have the effect
    /// again that they had before.
    ///
    /// Prints the start-up hint on standard error, and the log as well unless the program has installed a `tracing`
    /// subscriber of its own; see [the crate's documentation](crate#the-log).
    pub fn run(mut self) -> Result<(), StartError> {
        self.hint = true;
        let secret = self.config.secret.as_ref();
        self.logs_beside_hint = log::install_default();
        if self.logs_beside_hint
            && let Some(warning) = secret.and_then(Secret::warning)
        {
            // It was logged when the secret was read, before there was a log.
            log::warn(About::server(), warning);
        }
        let runtime = listener::runtime()?;
        let stopped = runtime.block_on(async {
            let mut signals = Signals::install().map_err(StartError::System)?;
            let handle = self.start().await?;
            signals.wait().await;
            log::info(About::server(), handle.last_words());
            tokio::select! {
                () = handle.stop_async() => {}
                () = signals.wait() => log::warn(
                    About::server(),
                    "stopped without waiting: release hooks may not have run, and drivers may not have been dropped",
                ),
            }
            Ok(())
        });
        runtime.shutdown_background();
        log::flush(Duration::from_millis(200));
        stopped
    }

    /// Serves in the background, on a runtime of its own, until the handle is stopped or dropped.
    pub fn spawn(self) -> Result<ServerHandle, StartError> {
        let runtime = listener::runtime()?;
        let handle = runtime.block_on(self.start())?;
        Ok(handle.with_runtime(runtime))
    }

    /// Serves on the runtime at hand, for programs that have one, until the handle is stopped or dropped.
    pub async fn start(mut self) -> Result<ServerHandle, StartError> {
        let mut hosted = mem::take(&mut self.hosted);
        // Devices that cannot be registered, or not be served, are dropped; that must not happen in async code.
        let registering = hosted::apart(move || {
            let registered = hosted.register();
            (hosted, registered)
        });
        let (hosted, registered) = registering.await.map_err(StartError::System)?;
        let prepared = match registered {
            Ok(()) => self.prepare(),
            Err(error) => Err(error.into()),
        };
        let listener = match prepared {
            Ok(listener) => listener,
            Err(error) => {
                hosted::apart(move || drop(hosted))
                    .await
                    .map_err(StartError::System)?;
                return Err(error);
            }
        };
        if hosted.registry.description().methods().next().is_none() {
            log::warn(
                About::server(),
                "there is nothing to call: `device` or `function` of the builder adds it",
            );
        }
        let handle = listener::start(listener, hosted, self.config)?;
        if self.hint {
            handle.send_hint();
        }
        // The hint has them, too: a log in the same place would repeat it.
        if !self.logs_beside_hint {
            for warning in handle.warnings() {
                log::warn(About::server(), warning);
            }
        }
        Ok(handle)
    }

    /// Checks the settings and opens the port.
    fn prepare(&mut self) -> Result<TcpListener, StartError> {
        if let Some(error) = self.unusable_secret.take() {
            return Err(error.into());
        }
        if let Some(bytes) = self.max_call {
            self.config.table.session.max_frame = bytes;
        }
        if let Some(limit) = limit_of_nobody(&self.config) {
            return Err(StartError::ShutsOut { limit });
        }
        let may_be_reached = self.config.secret.is_some() || self.exposed;
        let address = self.address.as_ref().map_err(Clone::clone)?;
        listener::bind(address, self.port, may_be_reached)
    }
}

/// The limit that is 0 and keeps everybody out, if there is one.
fn limit_of_nobody(config: &Config) -> Option<&'static str> {
    let (access, table) = (&config.access, &config.table);
    [
        ("hello_within", access.hello_within.is_zero()),
        ("strangers", access.strangers == 0),
        ("strangers_per_source", access.strangers_per_source == 0),
        ("guesses_per_minute", access.guesses_per_minute == 0),
        ("sessions", table.sessions == 0),
        ("waiting_calls", table.session.waiting_calls == 0),
        ("waiting_bytes", table.session.waiting_bytes == 0),
    ]
    .into_iter()
    .find_map(|(limit, is_zero)| is_zero.then_some(limit))
}
