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
use crate::callback::Callback;
use crate::cancel::CancelToken;
use crate::error::ConnectError;
use crate::handle::handle_methods;
use crate::state::{ConnectionState, Watch};
use task::{Command, Task};

pub use reply::ReplyFuture;

/// A connection to a server, for programs on tokio: its calls are futures.
///
/// What is said of [`Client`](crate::Client) about lost connections and busy servers holds here, too, and all that it
/// can do, this one can under the same names. One task of the runtime has the socket, so a lost connection is noticed
/// even between calls. Cheap to clone; all clones, and the handles that [`timeout`](Self::timeout) and its like return,
/// share one connection and may be used from many tasks at once.
///
/// # What blocks
///
/// Nothing blocks the thread. What takes time is a future; handles, [`state`](Self::state) and
/// [`handovers`](Self::handovers) are there at once.
///
/// # Dropping the future of a call
///
/// Nothing is sent before a future is polled for the first time; from then on its call makes its way whether or not the
/// future is polled. Dropping it, be it by `select!` or by a timeout around it, gives the call up. One that has not left
/// yet never will. For one that has, the server is asked at once to stop it: a driver that looks at its context stops,
/// another one runs to its end, and what it has done to the instrument is done. Nobody learns which; a call that is
/// ended by [`timeout`](Self::timeout) or [`cancel_with`](Self::cancel_with) instead returns an error that tells whether
/// it was sent. The next call waits until the driver has returned.
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
        let options = CallOptions::of(&settings);
        runtime.spawn(Task::new(settings, Arc::clone(&watch), receiver).run());
        Ok(Self {
            commands,
            watch,
            options,
        })
    }

    pub(crate) async fn connect_within(&self, timeout: Duration) -> Result<(), ConnectError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Connect { timeout, reply });
        answer.await.unwrap_or(Err(ConnectError::NoRuntime))
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

    /// Ends the session: the server is free for others at once. Calls in flight end, later calls end in
    /// `NotSent::Closed`. Returns when the goodbye is on its way, within a fifth of a second. Dropping the last handle
    /// does the same without waiting.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Close { done }).is_ok() {
            let _ = closed.await;
        }
    }

    fn watch(&self) -> &Watch {
        &self.watch
    }
}

handle_methods!(AsyncClient);

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
