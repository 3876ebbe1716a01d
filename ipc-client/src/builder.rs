//! Setting a client up.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::secure::{IntoSecret, SecretError};
use ipc_core::session::client::ClientConfig;
use ipc_core::wire::ctrl::{Feature, Features, Notice, SessionKey};
use ipc_net::{Address, DEFAULT_PORT};

use crate::asynchronous::AsyncClient;
use crate::blocking::Client;
use crate::callback::Callback;
use crate::connection_state::ConnectionState;
use crate::error::ConnectError;
use crate::identity;
use crate::retry::Retry;
use crate::settings::ClientSettings;
use crate::unanswered_proofs::SharedProofs;
use crate::watch::{Watch, WatchCallbacks};

/// Sets up a [`Client`] or an [`AsyncClient`]. Only the address is required.
///
/// Made by [`Client::builder`] and [`AsyncClient::builder`].
#[derive(Clone)]
#[must_use = "a client is made by `connect` or `connect_lazy`"]
pub struct ClientBuilder<C = Client> {
    address: String,
    port: u16,
    settings: ClientSettings,
    connect_timeout: Duration,
    unusable_secret: Option<SecretError>,
    callbacks: WatchCallbacks,
    client: PhantomData<fn() -> C>,
}

/// The builder of an [`AsyncClient`].
pub type AsyncClientBuilder = ClientBuilder<AsyncClient>;

impl Client {
    /// Begins to set up a client of the server at `address`: `host`, `host:port`, `::1` or `[::1]:port`, with the host as
    /// a name or an IP address.
    ///
    /// A link-local IPv6 address needs the network interface of this computer, by name or number: `fe80::1%eth0` or
    /// `[fe80::1%2]:port` (on Windows by number).
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(address.into())
    }

    /// Connects to the server at `address`, with the defaults for everything else. Blocks for at most 10 s.
    pub fn connect(address: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(address).connect()
    }
}

impl AsyncClient {
    /// Begins to set up a client of the server at `address`, which is written as for [`Client::builder`].
    pub fn builder(address: impl Into<String>) -> AsyncClientBuilder {
        ClientBuilder::new(address.into())
    }

    /// Connects to the server at `address`, with the defaults for everything else. Takes at most 10 s.
    pub async fn connect(address: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(address).connect().await
    }
}

impl<C> ClientBuilder<C> {
    fn new(address: String) -> Self {
        let session = ClientConfig {
            name: identity::default_name(),
            features: interruptions(1),
            ..ClientConfig::default()
        };
        Self {
            settings: ClientSettings {
                address: Address::to_connect_to(&address, DEFAULT_PORT).map_err(Into::into),
                session,
                secret: None,
                proofs: SharedProofs::default(),
                retry: Retry::default(),
                liveness: Duration::from_secs(15),
                decode_memory: 256 << 20,
            },
            address,
            port: DEFAULT_PORT,
            connect_timeout: Duration::from_secs(10),
            unusable_secret: None,
            callbacks: WatchCallbacks::default(),
            client: PhantomData,
        }
    }

    /// The port, if the address does not name one. Defaults to [`DEFAULT_PORT`].
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The name of this client, shown in the server's log and to clients that wait. Defaults to the program, the user,
    /// the computer and the process: `scan by alice on lab-pc (pid 123)`. Cut to 200 characters.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.session.name = name.into().chars().take(MAX_NAME).collect();
        self
    }

    /// The service to reach. A server that has a service name rejects clients that ask for another one. Empty by default.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.settings.session.service = service.into();
        self
    }

    /// Maximum size of an answer in bytes. Defaults to 256 MiB. The server is told this limit, and answers with an error
    /// instead of exceeding it. Memory is used only as bytes arrive.
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.settings.session.max_frame = bytes.max(MIN_REPLY);
        self
    }

    /// Maximum memory for a decoded answer in bytes, beyond 8 times its bytes on the wire. Defaults to 256 MiB; at least
    /// 64 KiB.
    ///
    /// It is counted from the sizes of the types before they are decoded. While long lists grow, up to three times as
    /// much memory may be in use. A larger answer ends its call with [`CallError::BadReply`](ipc_core::CallError). Plain
    /// lists of numbers (`Vec<f64>`) need as much memory as they have bytes on the wire, and are not counted.
    pub fn decode_memory(mut self, bytes: usize) -> Self {
        self.settings.decode_memory = bytes;
        self
    }

    /// How long `connect` tries. Defaults to 10 s.
    ///
    /// The server may start, or become free, within this time. Under [`Retry::never`] it must be running already, and
    /// the client only waits for it to become free. Later outages are governed by [`retry`](Self::retry) instead.
    /// `Duration::MAX` means without limit, here as in all other settings of a duration.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long calls wait during an outage. Defaults to 30 s. The first connection has its own
    /// [`connect_timeout`](Self::connect_timeout), except under [`Retry::never`], which allows it one attempt.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// How soon an unplugged cable or a dead computer is noticed. Defaults to 15 s; at least 3 s, at most a day (a longer
    /// time counts as a day). The operating system watches the connection, even while the program is busy.
    pub fn liveness(mut self, liveness: Duration) -> Self {
        self.settings.liveness = liveness.max(Duration::from_secs(3));
        self
    }

    /// How long the server may stay silent on a new connection before it reports where this client stands. Defaults to
    /// 15 s. A connection that is silent for longer is closed, and counts as a failed attempt.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.session.patience = patience;
        self
    }

    /// Calls `callback` at each change of the [`ConnectionState`].
    ///
    /// It runs on the thread of some call (for an async client: on its task) and holds that call up, so it should be
    /// short. It can use a blocking client. Notices come one at a time and in order. If the callback panics, the panic is
    /// logged as an error, the call goes on, and later notices still come.
    pub fn on_state(mut self, callback: impl Fn(&ConnectionState) + Send + Sync + 'static) -> Self {
        self.callbacks.on_state = Some(Callback::new("`on_state`", Arc::new(callback)));
        self
    }

    /// Calls `callback` at each handover: another client may have used the instruments between two connections of this
    /// client, or the server was restarted. Settings made earlier may have changed.
    ///
    /// It runs like that of [`on_state`](Self::on_state). [`Client::handovers`] has the same information for scripts that
    /// prefer to ask.
    pub fn on_handover(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.callbacks.on_handover = Some(Callback::new("`on_handover`", Arc::new(callback)));
        self
    }

    /// Calls `callback` at each [`Notice`] of the server: what becomes of a lease of this client, or that it is to be made
    /// to leave. Servers of this release tell that somebody is about to end a lease, and that a lease has ended.
    ///
    /// It runs like that of [`on_state`](Self::on_state). A blocking client reads notices during its calls only: between
    /// calls, they wait for the next one.
    pub fn on_notice(mut self, callback: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.callbacks.on_notice = Some(Callback::new("`on_notice`", Arc::new(callback)));
        self
    }

    /// Lets calls go on in silence after an interruption: instruments were put into their safe state since the last call
    /// of this client, or the server was restarted.
    ///
    /// By default, the first call after an interruption is refused, once, with
    /// [`Refusal::Interrupted`](ipc_core::Refusal::Interrupted), which says what happened: a script that relies on its
    /// settings stops, or makes them again and goes on. This is for programs that make all settings before each
    /// measurement, and for those that only watch. They learn of some interruptions by
    /// [`on_handover`](Self::on_handover).
    pub fn resume_silently(mut self) -> Self {
        self.settings.session.features = Features::of_client();
        self
    }

    /// Takes it for an interruption, too, if this client has not held the server for a while, and others have held it since:
    /// the next call is refused, once, with [`Refusal::Interrupted`](ipc_core::Refusal::Interrupted). What other clients of a
    /// shared server do while this one holds it, too, is no interruption: a lease keeps them out.
    pub fn strictly(mut self) -> Self {
        self.settings.session.features = interruptions(2);
        self
    }

    /// Makes the client a [`lane`](Client::lane) of a client of another process, whose
    /// [`session_key`](Client::session_key) is `of`: it has the leases of that client, never waits in the queue, and ends
    /// with it.
    pub fn lane_of(mut self, of: SessionKey) -> Self {
        self.settings = self.settings.of_lane(of);
        self
    }

    /// The secret of the server: a string, or a [`Secret`](ipc_core::Secret) from a file or the environment. The
    /// connection is then encrypted, and only a server that knows the same secret is accepted. Without a secret, nothing
    /// is encrypted.
    pub fn secret(mut self, secret: impl IntoSecret) -> Self {
        match secret.into_secret() {
            Ok(secret) => self.settings.secret = Some(secret),
            Err(error) => self.unusable_secret = Some(error),
        }
        self
    }

    pub(crate) fn into_parts(mut self) -> (Arc<ClientSettings>, Arc<Watch>) {
        if let Some(error) = self.unusable_secret {
            self.settings.address = Err(ConnectError::BadSecret(error));
        } else if self.port != DEFAULT_PORT {
            let address = Address::to_connect_to(&self.address, self.port);
            self.settings.address = address.map_err(Into::into);
        }
        // This builder may have made another client before.
        self.settings.proofs = SharedProofs::default();
        let watch = Watch::new(self.callbacks);
        (Arc::new(self.settings), Arc::new(watch))
    }
}

impl ClientBuilder<Client> {
    /// Connects, and waits in the queue if the server is busy.
    ///
    /// A program needs only one client: it is cheap to clone, and the clones share its session. A second client waits for
    /// the first one as for any other, and says so (unless a router or a forwarded port hides the address of the first).
    ///
    /// Blocks for at most the [`connect_timeout`](Self::connect_timeout). Until then it keeps trying to reach the server,
    /// except under [`Retry::never`]; a permanent error is returned at once.
    pub fn connect(self) -> Result<Client, ConnectError> {
        let timeout = self.connect_timeout;
        let client = self.connect_lazy();
        client.connect_within(timeout)?;
        Ok(client)
    }

    /// Returns a client that connects when it is first used. Never blocks; errors are returned by the first call.
    pub fn connect_lazy(self) -> Client {
        let (settings, watch) = self.into_parts();
        Client::new(settings, watch)
    }
}

impl ClientBuilder<AsyncClient> {
    /// Connects, and waits in the queue if the server is busy, as
    /// [the one of a blocking client](ClientBuilder::<Client>::connect) does, without blocking. Dropping the future gives
    /// up the connection and the place in the queue. Fails at once outside of a tokio runtime.
    pub async fn connect(self) -> Result<AsyncClient, ConnectError> {
        let timeout = self.connect_timeout;
        let client = self.connect_lazy()?;
        client.connect_within(timeout).await?;
        Ok(client)
    }

    /// Returns a client that connects when it is first used. Fails only outside of a tokio runtime; other errors are
    /// returned by the first call.
    pub fn connect_lazy(self) -> Result<AsyncClient, ConnectError> {
        let (settings, watch) = self.into_parts();
        AsyncClient::new(settings, watch)
    }
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("address", &self.address)
            .field("port", &self.port)
            .field("session", &self.settings.session)
            .field("retry", &self.settings.retry)
            .field("liveness", &self.settings.liveness)
            .field("connect_timeout", &self.connect_timeout)
            .field("decode_memory", &self.settings.decode_memory)
            .finish_non_exhaustive()
    }
}

/// What a client offers that wants to be told of interruptions, as far as `version` says.
fn interruptions(version: u32) -> Features {
    Features::of_client().with(Feature::Interruptions, version)
}

/// Maximum length of a client's name in characters.
const MAX_NAME: usize = 200;
/// Smallest limit for answers that servers accept, in bytes.
const MIN_REPLY: usize = 64 * 1024;
