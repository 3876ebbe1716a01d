//! The client for async programs: calls are futures.

mod reply;
mod task;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::{Args, AsyncCaller, CallError, Caller};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::builder::{ClientBuilder, Settings};
use crate::call::{CallOptions, no_such_method, positional_or_named};
use crate::error::ConnectError;
use crate::state::{ConnectionState, Watch};
use task::{Command, Task};

pub use reply::ReplyFuture;

/// A connection to a server, for programs on tokio: its calls are futures.
///
/// What is said of [`Client`](crate::Client) about lost connections and busy servers holds here, too. One task of the
/// runtime has the socket, so a lost connection is noticed even between calls. Cheap to clone; all clones, and the
/// handles that [`timeout`](Self::timeout) and its like return, share one connection.
#[derive(Clone)]
pub struct AsyncClient {
    commands: UnboundedSender<Command>,
    watch: Arc<Watch>,
    options: CallOptions,
}

impl AsyncClient {
    /// Begins to set up a client of the server at `address`: `host`, `host:port` or `[::1]:port`. To be ended by
    /// [`connect_async`](ClientBuilder::connect_async) or [`lazy_async`](ClientBuilder::lazy_async).
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(address)
    }

    /// Connects to the server at `address`, everything else by default. Takes at most 10 s.
    pub async fn connect(address: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(address).connect_async().await
    }

    pub(crate) fn new(settings: Arc<Settings>, watch: Arc<Watch>) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (commands, receiver) = unbounded_channel();
        runtime.spawn(Task::new(settings, Arc::clone(&watch), receiver).run());
        Ok(Self {
            commands,
            watch,
            options: CallOptions::default(),
        })
    }

    pub(crate) async fn connect_within(&self, timeout: Duration) -> Result<(), ConnectError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Connect { timeout, reply });
        answer.await.unwrap_or(Err(ConnectError::NoRuntime))
    }

    /// A handle whose calls take at most `timeout` each, from the first time their futures are polled; the default is
    /// as long as it takes. It covers connecting, waiting for the turn of this client, and the call itself.
    pub fn timeout(&self, timeout: Duration) -> Self {
        self.with(|options| options.timeout = Some(timeout))
    }

    /// A handle whose calls take until `deadline` at most, each of them. Together with a [`timeout`](Self::timeout)
    /// the earlier end counts.
    pub fn deadline(&self, deadline: Instant) -> Self {
        self.with(|options| options.deadline = Some(deadline))
    }

    /// A handle whose calls tell `callback` how far they are, from 0 to 1, and what is going on, if the driver says so.
    ///
    /// The callback runs on the client's task and holds it up, so it should be short.
    pub fn on_progress(&self, callback: impl Fn(f64, &str) + Send + Sync + 'static) -> Self {
        self.with(|options| options.progress = Some(Arc::new(callback)))
    }

    /// A handle whose calls may be run more than once if the server is restarted in between. Getters, and methods
    /// that the driver marks so, are anyway.
    pub fn idempotent(&self) -> Self {
        self.with(|options| options.idempotent = true)
    }

    /// Calls a method by its name on the wire; see [`Client::call_by_name`](crate::Client::call_by_name).
    pub fn call_by_name<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> ReplyFuture<R> {
        match positional_or_named(name, &args) {
            Ok(args) => self.call_with(name, &args),
            Err(error) => ReplyFuture::failed(error, self.commands.clone()),
        }
    }

    /// Calls a method by its name on the wire, with arguments by position and by name.
    pub fn call_with<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: &Args,
    ) -> ReplyFuture<R> {
        self.call(OutgoingCall::by_name(name, args))
    }

    /// Everything that the server offers.
    pub fn describe(&self) -> ReplyFuture<ServerDescription> {
        self.call(OutgoingCall::describe())
    }

    /// Names and summaries of everything that the server offers, for a person to read.
    pub async fn help(&self) -> Result<String, CallError> {
        Ok(self.describe().await?.help())
    }

    /// Signature, units, limits and description of one method or property, for a person to read.
    pub async fn help_for(&self, name: &str) -> Result<String, CallError> {
        let description = self.describe().await?;
        let help = description.help_for(name);
        help.ok_or_else(|| no_such_method(name, &description))
    }

    /// How the client stands with its server.
    pub fn state(&self) -> ConnectionState {
        self.watch.state()
    }

    /// Counts how often somebody else may have used the instruments between two connections of this client, or the
    /// server was restarted; see [`Client::handovers`](crate::Client::handovers).
    pub fn handovers(&self) -> u64 {
        self.watch.handovers()
    }

    /// Ends the session: the server is free for others at once. Calls in flight end, later calls end in
    /// `NotSent::Closed`. Returns when the goodbye is on its way, within a fifth of a second. Dropping the last handle
    /// does the same without waiting.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close { done }).is_ok() {
            let _ = closed.await;
        }
    }

    fn with(&self, change: impl FnOnce(&mut CallOptions)) -> Self {
        let mut handle = self.clone();
        change(&mut handle.options);
        handle
    }
}

impl Caller for AsyncClient {
    type Reply<T: Send + 'static> = ReplyFuture<T>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> ReplyFuture<T> {
        ReplyFuture::new(call, self.options.clone(), self.commands.clone())
    }
}

impl AsyncCaller for AsyncClient {
    async fn wait<T: DeserializeOwned + Send + 'static>(
        reply: ReplyFuture<T>,
    ) -> Result<T, CallError> {
        reply.await
    }
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("state", &self.state())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
