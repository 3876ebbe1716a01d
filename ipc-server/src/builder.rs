//! Configuring and starting a server.

use std::mem;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::Secret;
use ipc_core::secure::{IntoSecret, SecretError};
use ipc_core::session::table::TableLimits;
use ipc_hub::event::ServerEvent;
use ipc_hub::hosted::{self, Hosted};
use ipc_hub::log::{self, About};
use ipc_net::{Address, AddressError, DEFAULT_PORT};

use crate::config::Config;
use crate::error::StartError;
use crate::handle::ServerHandle;
use crate::handshake::limits::AccessLimits;
use crate::listener;
use crate::signals::Signals;

mod offers;

/// A server for instrument drivers; see [`Server::builder`].
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Returns a builder for a server on the loopback address and port 4440, with nothing to serve yet.
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

/// Configures a server: what it serves, where, and within which limits.
#[derive(Debug)]
#[must_use = "call `run`, `spawn` or `start` to start the server"]
pub struct ServerBuilder {
    address: Result<Address, AddressError>,
    port: u16,
    hosted: Hosted,
    unusable_secret: Option<SecretError>,
    exposed: bool,
    hint: bool,
    /// True if the hint and the log both go to standard error.
    logs_beside_hint: bool,
    max_call: Option<usize>,
    config: Config,
}

impl ServerBuilder {
    /// Listens on a host name, IPv4 or IPv6 address, with or without a port: `lab-pc`, `192.168.1.10:4441`, `::1`,
    /// `[::1]:4441`, or a link-local address with its network interface (`fe80::1%eth0`). `*` means all addresses. The
    /// default is `127.0.0.1`, for clients on this computer only.
    pub fn bind(mut self, address: &str) -> Self {
        self.address = Address::to_listen_on(address, self.port);
        self.port = self.address.as_ref().map_or(self.port, Address::port);
        self
    }

    /// Listens on this port, or on any free one for 0. The default is 4440.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Admits only clients that ask for this service, so that a script cannot use the wrong one of two servers by mistake.
    /// The default, here and for clients, is the empty name.
    pub fn service(mut self, service: &str) -> Self {
        self.config.service = service.to_string();
        self
    }

    /// Admits only clients with the same secret, and encrypts all connections. The secret is a text (a word will do, a
    /// long text is better) or a [`Secret`](ipc_core::Secret) from a file or the environment.
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

    /// Lets other computers use the instruments without a secret. Everybody who can reach the port can then use them, and
    /// everybody on the network path can read and change the traffic.
    pub fn insecure_without_secret(mut self) -> Self {
        self.exposed = true;
        self
    }

    /// Serves up to 100 clients at the same time, instead of one after the other.
    ///
    /// Calls to one device run one after the other, in the order in which they come; calls to different devices run side by side.
    /// A client that must not be disturbed takes a lease. Further clients wait in the queue. A release hook runs when the last
    /// client that has used its device has left, and when a lease of the device ends: clients that have used the device before
    /// are then refused once, unless they were built to resume silently. A function that does not declare what it
    /// [uses](Self::uses) keeps all devices busy while it runs.
    pub fn shared(self) -> Self {
        self.shared_by(100)
    }

    /// Like [`shared`](Self::shared), for up to this number of clients. With 1, one client at a time holds the server, which is
    /// the default. Each client that is served takes a thread.
    pub fn shared_by(mut self, clients: usize) -> Self {
        self.config.seats = clients;
        self
    }

    /// Keeps the leases of clients that have an identity in this directory, which is created if it does not exist. When the server
    /// comes back after a restart or a crash, these leases are reserved for their clients for 60 s. By default, leases end with the
    /// server. Clients of `ipc-client` have an identity for as long as their program runs.
    ///
    /// Each change of such a lease is on the disk before its client is told of it. The server does not start if the directory cannot be used.
    pub fn state_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.config.state_dir = Some(directory.into());
        self
    }

    /// Maximum number of waiting clients; more are refused. The default is 256.
    pub fn queue(mut self, clients: usize) -> Self {
        self.config.queue = clients;
        self
    }

    /// How long a client that holds the server may be idle before it has to yield to a waiting client. It joins the queue
    /// again by itself at its next call. Only calls that enter a driver count. With `None`, or with a lease, it may stay. Of
    /// several clients, the one that has been idle for longest yields. The default is 30 s.
    pub fn idle_handover(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.config.idle_handover = idle.into();
        self
    }

    /// How long a client that has lost its connection keeps the server while no other client waits. While one waits, it is
    /// 0.8 s, or the grace if that is shorter. The default is 15 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long until a client whose computer or cable has silently vanished is replaced by the next waiting one: about
    /// this time, up to a second more. While no client waits, its place is kept for the [grace](Self::grace) in addition. The
    /// default is 15 s. The time is rounded down to seconds, and limited to 3 s .. 24 h.
    pub fn liveness(mut self, dead_after: Duration) -> Self {
        self.config.liveness = dead_after;
        self
    }

    /// How long [`stop`](ServerHandle::stop) waits for a running call. The default is 5 s. After half of this time the
    /// call is cancelled, which drivers notice through their context. A call that still runs at the end is left behind, and
    /// the release hook of its device does not run before it returns.
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.config.stop_timeout = timeout;
        self
    }

    /// Maximum size of a call in bytes. The default is 16 MiB. Takes precedence over the `max_frame` in
    /// [`session_limits`](Self::session_limits).
    pub fn max_call(mut self, bytes: usize) -> Self {
        self.max_call = Some(bytes);
        self
    }

    /// Maximum memory for the decoded arguments of a call, in bytes, beyond 8 times their size on the wire. A call that
    /// would need more is refused. The default is 64 MiB, the minimum 64 KiB.
    ///
    /// It is calculated from the sizes of the types before they are decoded. While long lists grow, up to three times as
    /// much may be in use. Plain lists of numbers (`Vec<f64>`) are as large in memory as on the wire, and do not count.
    pub fn decode_memory(mut self, bytes: usize) -> Self {
        self.hosted.registry.set_decode_memory(bytes);
        self
    }

    /// Calls `observer` for every [`ServerEvent`]: when a client joins the queue, gets the server or no longer has it, when a
    /// lease begins or ends, when a device hangs and when it has recovered, and when devices are added or removed. `Display` of an event is a line for
    /// a person.
    ///
    /// ```
    /// use ipc_server::{Server, ServerEvent};
    ///
    /// let builder = Server::builder().on_event(|event| match event {
    ///     ServerEvent::Stuck(stuck) => eprintln!("go and look at {}: {event}", stuck.device),
    ///     event => eprintln!("{event}"),
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// It runs on a thread of its own, and delays neither calls nor clients. If it is slow, up to 1024 events wait for it;
    /// then the oldest ones are dropped, and the log says how many. If it panics, the panic is logged and the server goes
    /// on.
    pub fn on_event(mut self, observer: impl Fn(&ServerEvent) + Send + Sync + 'static) -> Self {
        self.hosted.observer = Some(Arc::new(observer));
        self
    }

    /// Sets limits on unauthenticated connections and on guessing the secret. A limit that is zero and would keep out all
    /// clients is an error when the server starts.
    pub fn access_limits(mut self, limits: AccessLimits) -> Self {
        self.config.access = limits;
        self
    }

    /// Sets limits on the number, lifetime and memory of sessions. If it allows no sessions or no waiting calls, the server
    /// does not start. [`max_call`](Self::max_call) takes precedence over the `max_frame` in here.
    pub fn session_limits(mut self, limits: TableLimits) -> Self {
        self.config.table = limits;
        self
    }

    /// Prints the start-up hint on standard error: where the server can be reached, what it offers, and client code to
    /// paste. The secret is never part of it.
    pub fn hint(mut self) -> Self {
        self.hint = true;
        self
    }

    /// Serves until a signal stops the program, and returns when the server has [stopped](ServerHandle::stop). Blocks.
    ///
    /// The signals are Ctrl-C, SIGTERM and SIGHUP (a closed terminal, a lost ssh session); on Windows Ctrl-C, a closed
    /// window, a logoff and a shutdown. A second signal ends the wait for a running call. A signal that is ignored when the
    /// server starts, as SIGHUP is under `nohup`, stays ignored. After `run` has returned, signals have their previous
    /// effect again.
    ///
    /// Prints the start-up hint on standard error, and the log too unless the program has installed a `tracing` subscriber;
    /// see [the crate's documentation](crate#the-log).
    pub fn run(mut self) -> Result<(), StartError> {
        self.hint = true;
        let secret = self.config.secret.as_ref();
        self.logs_beside_hint = log::install_default();
        if self.logs_beside_hint
            && let Some(warning) = secret.and_then(Secret::warning)
        {
            // The secret was read before there was a log.
            log::warn(About::server(), warning);
        }
        let runtime = listener::runtime()?;
        let stopped = runtime.block_on(async {
            let mut signals = Signals::install().map_err(StartError::System)?;
            let handle = self.start().await?;
            signals.wait().await;
            log::info(About::server(), handle.stop_notice());
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

    /// Serves on the current runtime until the handle is stopped or dropped.
    pub async fn start(mut self) -> Result<ServerHandle, StartError> {
        let mut hosted = mem::take(&mut self.hosted);
        let is_shared = self.config.is_shared();
        hosted.registry.set_functions_use_all(is_shared);
        // If this fails, devices are dropped, which must not happen in async code.
        let registering = hosted::on_own_thread(move || {
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
                hosted::on_own_thread(move || drop(hosted))
                    .await
                    .map_err(StartError::System)?;
                return Err(error);
            }
        };
        if hosted.registry.description().methods().next().is_none() {
            log::warn(
                About::server(),
                "there is nothing to call: add something with `device` or `function` of the builder",
            );
        }
        let handle = listener::start(listener, hosted, self.config)?;
        if self.hint {
            handle.send_hint();
        }
        // The hint contains them: a log in the same place would repeat them.
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
        if let Some(limit) = self.config.zero_limit() {
            return Err(StartError::LimitIsZero { limit });
        }
        let may_be_reached = self.config.secret.is_some() || self.exposed;
        let address = self.address.as_ref().map_err(Clone::clone)?;
        listener::bind(address, self.port, may_be_reached)
    }
}
