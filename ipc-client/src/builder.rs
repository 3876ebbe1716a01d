//! What a client is told before it begins.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::Secret;
use ipc_core::secure::{Entropy, IntoSecret, SecretError, Ticket};
use ipc_core::session::client::ClientConfig;
use ipc_core::session::link::Link;
use ipc_core::wire::preamble::Role;
use ipc_net::{Address, DEFAULT_PORT};

use crate::asynchronous::AsyncClient;
use crate::blocking::Client;
use crate::callback::{Callback, HandoverCallback, StateCallback};
use crate::error::ConnectError;
use crate::identity;
use crate::retry::Retry;
use crate::state::{ConnectionState, Watch};

/// Sets a client up. Only the address is needed.
#[derive(Clone)]
#[must_use = "a client is made by `connect`, `lazy`, `connect_async` or `lazy_async`"]
pub struct ClientBuilder {
    address: String,
    port: u16,
    settings: Settings,
    connect_timeout: Duration,
    unusable_secret: Option<SecretError>,
    on_state: Option<StateCallback>,
    on_handover: Option<HandoverCallback>,
}

/// What holds for the whole life of a client.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) address: Result<Address, ConnectError>,
    pub(crate) session: ClientConfig,
    pub(crate) secret: Option<Secret>,
    pub(crate) retry: Retry,
    pub(crate) liveness: Duration,
    pub(crate) decode_memory: usize,
}

impl ClientBuilder {
    /// A client of the server at `address`: `host`, `host:port`, `::1` or `[::1]:port`, the host by name or IP address.
    /// A link-local IPv6 address needs the network interface of this computer, by name or number: `fe80::1%eth0`,
    /// `[fe80::1%2]:port` (on Windows by number).
    pub fn new(address: impl Into<String>) -> Self {
        let session = ClientConfig {
            name: identity::default_name(),
            ..ClientConfig::default()
        };
        let address = address.into();
        Self {
            settings: Settings {
                address: Address::to_connect_to(&address, DEFAULT_PORT).map_err(Into::into),
                session,
                secret: None,
                retry: Retry::default(),
                liveness: Duration::from_secs(15),
                decode_memory: 256 << 20,
            },
            address,
            port: DEFAULT_PORT,
            connect_timeout: Duration::from_secs(10),
            unusable_secret: None,
            on_state: None,
            on_handover: None,
        }
    }

    /// The port, if the address does not name one. The default is [`DEFAULT_PORT`].
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What this client calls itself, for the log of the server and for others who wait. The default is made of the
    /// program, the user, the computer and the process: `scan by alice on lab-pc (pid 123)`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.session.name = name.into().chars().take(MAX_NAME).collect();
        self
    }

    /// The service to reach. A server that was given the name of a service turns away clients that ask for another
    /// one; the default is none.
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.settings.session.service = service.into();
        self
    }

    /// The longest answer to accept, in bytes; the default is 256 MiB. The server is told, and answers with an error
    /// what would be longer. Memory is used only as bytes arrive.
    pub fn max_reply(mut self, bytes: usize) -> Self {
        self.settings.session.max_frame = bytes.max(MIN_REPLY);
        self
    }

    /// How much memory an answer may take once decoded, in bytes, beyond 8 times its bytes on the wire; the default is
    /// 256 MiB, the least 64 KiB. It is counted by the sizes of the types, before they are decoded. While long lists grow, up to three
    /// times as much may be in use. A larger answer ends its call in [`CallError::BadReply`](ipc_core::CallError). Plain
    /// lists of numbers (`Vec<f64>`) take in memory what they take on the wire, and are not counted.
    pub fn decode_memory(mut self, bytes: usize) -> Self {
        self.settings.decode_memory = bytes;
        self
    }

    /// How long [`connect`](Self::connect) tries; the default is 10 s. The server may come up, or become free, within
    /// this time; under [`Retry::never`] it must be up already, and only its becoming free is waited for. Has no effect
    /// on later outages, for which there is [`retry`](Self::retry). `Duration::MAX` waits for ever, here as for all other
    /// times that are waited for.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// For how long each outage is waited for; the default is 30 s. The first connection has its own
    /// [`connect_timeout`](Self::connect_timeout), but for [`Retry::never`], which allows it one try.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.settings.retry = retry;
        self
    }

    /// Within which time a cut cable or a dead computer is noticed; the default is 15 s, the least 3 s, the most a day
    /// (what is longer counts as a day). The system looks after it, also while the program does something else.
    pub fn liveness(mut self, liveness: Duration) -> Self {
        self.settings.liveness = liveness.max(Duration::from_secs(3));
        self
    }

    /// How long the server may be silent before it says where this client stands; the default is 15 s. A connection on
    /// which nothing comes for so long is given up, and counts as a failed try.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.settings.session.patience = patience;
        self
    }

    /// Tells `callback` each change of [`ConnectionState`].
    ///
    /// It runs on the thread of some call (for an async client: on its task) and holds that call up, so it should be
    /// short; it may use the client. Notices come one at a time and in order. If the callback panics, the panic is logged
    /// as an error and goes no further: the call goes on, and later notices still come.
    pub fn on_state(mut self, callback: impl Fn(&ConnectionState) + Send + Sync + 'static) -> Self {
        self.on_state = Some(Callback::new("`on_state`", Arc::new(callback)));
        self
    }

    /// Tells `callback` that somebody else may have used the instruments between two connections of this client, or
    /// that the server was restarted: what the script has set there may have changed.
    ///
    /// Called as [`on_state`](Self::on_state) is. [`Client::handovers`] tells the same to scripts that would rather ask.
    pub fn on_handover(mut self, callback: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_handover = Some(Callback::new("`on_handover`", Arc::new(callback)));
        self
    }

    /// The secret of the server: a text, or a [`Secret`] from a file or the environment. All that is said is then
    /// encrypted, and only a server that knows the same secret is spoken to. Without one, nothing is encrypted.
    pub fn secret(mut self, secret: impl IntoSecret) -> Self {
        match secret.into_secret() {
            Ok(secret) => self.settings.secret = Some(secret),
            Err(error) => self.unusable_secret = Some(error),
        }
        self
    }

    /// Connects, and waits for the turn of this client if the server is busy.
    ///
    /// One client is enough for a program: it is cheap to clone, and the clones share its turn. A second one waits for the
    /// first like for any other, and says so (unless a router or a forwarded port on the way hides where the first one
    /// comes from).
    ///
    /// Blocks for at most the [`connect_timeout`](Self::connect_timeout). Until then a server that cannot be reached is
    /// tried again, unless [`Retry::never`] was asked for; an error that time does not heal ends it at once.
    pub fn connect(self) -> Result<Client, ConnectError> {
        let timeout = self.connect_timeout;
        let client = self.lazy();
        client.connect_within(timeout)?;
        Ok(client)
    }

    /// A client that connects when it is first used. Never blocks; whatever is wrong is told by the first call.
    pub fn lazy(self) -> Client {
        let (settings, watch) = self.into_parts();
        Client::new(settings, watch)
    }

    /// As [`connect`](Self::connect), for a client on tokio. Blocks nothing; dropping the future gives up the
    /// connection, and the place in the queue.
    pub async fn connect_async(self) -> Result<AsyncClient, ConnectError> {
        let timeout = self.connect_timeout;
        let client = self.lazy_async()?;
        client.connect_within(timeout).await?;
        Ok(client)
    }

    /// As [`lazy`](Self::lazy), for a client on tokio. Fails only outside of a runtime.
    pub fn lazy_async(self) -> Result<AsyncClient, ConnectError> {
        let (settings, watch) = self.into_parts();
        AsyncClient::new(settings, watch)
    }

    pub(crate) fn into_parts(mut self) -> (Arc<Settings>, Arc<Watch>) {
        self.settings.address = match self.unusable_secret {
            Some(error) => Err(ConnectError::BadSecret(error)),
            None => Address::to_connect_to(&self.address, self.port).map_err(Into::into),
        };
        let watch = Watch::new(self.on_state, self.on_handover);
        (Arc::new(self.settings), Arc::new(watch))
    }
}

impl fmt::Debug for ClientBuilder {
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

impl Settings {
    /// The one place where it is decided how a connection is protected. `ticket` is what the last one left, if it did.
    pub(crate) fn link(&self, ticket: Option<Ticket>) -> Result<Link, getrandom::Error> {
        let ClientConfig {
            service, max_frame, ..
        } = &self.session;
        let Some(secret) = &self.secret else {
            return Ok(Link::plain(Role::Client, *max_frame));
        };
        let mut entropy = Entropy::gather(getrandom::fill)?;
        if let Some(ticket) = ticket {
            entropy = entropy.with_ticket(ticket);
        }
        Ok(Link::secret(
            Role::Client,
            secret,
            service,
            entropy,
            *max_frame,
        ))
    }

    /// The address for people to read.
    pub(crate) fn address_text(&self) -> String {
        match &self.address {
            Ok(address) => address.to_string(),
            Err(_) => String::new(),
        }
    }
}

/// Names are cut to so many characters: a hello is bounded.
const MAX_NAME: usize = 200;
/// No server answers with less room than this, in bytes.
const MIN_REPLY: usize = 64 * 1024;
