//! The async client: a call is a future.

mod observer;
mod reply;
mod task;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::wire::ctrl::WaitingStatus;
use ipc_core::wire::sanitize::printable;
use ipc_core::{Args, AsyncCaller, CallError, Caller, Described, DynamicDevice, DynamicServer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::call::{CallOptions, no_lane, no_such_method, positional_or_named};
use crate::cancel::CancellationToken;
use crate::client_methods::client_methods;
use crate::commands::ServerCommands;
use crate::connection_state::ConnectionState;
use crate::error::ConnectError;
use crate::settings::ClientSettings;
use crate::watch::Watch;
use observer::ObserverSlot;
use task::{ClientTask, Command};

pub use reply::ReplyFuture;

/// A connection to a server, for programs on tokio: a call is a future.
///
/// It has the methods of [`Client`](crate::Client) under the same names, and behaves in the same way when the connection
/// is lost and when the server is busy. A task of the runtime owns the socket, so that a lost connection is noticed even
/// between calls. Cheap to clone. All clones, and the handles returned by [`timeout`](Self::timeout) and similar methods,
/// share one connection and can be used from many tasks at once.
///
/// # What blocks
///
/// Nothing blocks the thread. Whatever takes time is a future; handles, [`state`](Self::state) and
/// [`handovers`](Self::handovers) return at once.
///
/// # What is fast
///
/// A call takes the least time in a task of the runtime: `tokio::spawn` it, and make calls from there. The future that is
/// given to `block_on`, as that of a `main` under `#[tokio::main]`, is no such task: in a runtime of several threads, each
/// of its calls wakes two threads, which takes about twice as long. In a runtime of the current thread, both take the same
/// time. For one call after the other without anything beside them, [`Client`](crate::Client) is the fastest. Calls that
/// are made together, for example by `join!`, leave in one write.
///
/// # Dropping the future of a call
///
/// Nothing is sent before the future is first polled. From then on, the call proceeds even if the future is not polled.
/// Dropping the future, for example by `select!` or by a timeout around it, cancels the call. A call that has not been
/// sent never will be. For a call that has been sent, the server is asked at once to stop it: a driver that checks its
/// context stops, any other driver runs to the end, and its effect on the instrument remains. The caller does not learn
/// which; to find out, end the call with [`timeout`](Self::timeout) or [`cancel_with`](Self::cancel_with) instead, whose
/// error says whether the call was sent. The next call waits until the driver has returned.
#[derive(Clone)]
pub struct AsyncClient {
    commands: UnboundedSender<Command>,
    watch: Arc<Watch>,
    settings: Arc<ClientSettings>,
    observer: ObserverSlot,
    options: CallOptions,
    described: Described,
}

impl AsyncClient {
    pub(crate) fn new(
        settings: Arc<ClientSettings>,
        watch: Arc<Watch>,
    ) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (commands, receiver) = unbounded_channel();
        let options = CallOptions::new(&settings);
        let task = ClientTask::new(Arc::clone(&settings), Arc::clone(&watch), receiver);
        runtime.spawn(task.run());
        Ok(Self {
            commands,
            watch,
            settings,
            observer: ObserverSlot::new(runtime),
            options,
            described: Described::default(),
        })
    }

    pub(crate) async fn connect_within(&self, timeout: Duration) -> Result<(), ConnectError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Connect { timeout, reply });
        answer.await.unwrap_or(Err(ConnectError::NoRuntime))
    }

    /// Calls a method by its name on the wire, without the types of its driver. The arguments are those of
    /// [`Client::call`](crate::Client::call).
    pub fn call<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> ReplyFuture<R> {
        match positional_or_named(name, &args) {
            Ok(args) => self.call_with_args(name, &args),
            Err(error) => ReplyFuture::failed(error, self.commands.clone()),
        }
    }

    /// Calls a method by its name on the wire, with both positional and named arguments.
    pub fn call_with_args<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: &Args,
    ) -> ReplyFuture<R> {
        Caller::call(self, OutgoingCall::by_name(name, args))
    }

    /// Describes everything that the server offers.
    pub fn describe(&self) -> ReplyFuture<ServerDescription> {
        Caller::call(self, OutgoingCall::describe())
    }

    /// Lists the names and summaries of everything that the server offers, for people to read.
    pub async fn help(&self) -> Result<String, CallError> {
        Ok(printable(self.describe().await?.help()))
    }

    /// Describes one method or property for people to read: signature, units, limits and documentation.
    pub async fn help_for(&self, name: &str) -> Result<String, CallError> {
        let description = self.describe().await?;
        let help = description.help_for(name);
        help.map(printable)
            .ok_or_else(|| no_such_method(name, &description))
    }

    /// A further connection of this client beside its own, for calls that are not to wait for others: the calls of one
    /// connection run one after the other, those of two side by side, if they are for different devices.
    ///
    /// The lane is a client of the same settings with a session of its own; its callbacks for the state of the connection
    /// are not called. For the server, both are one client: a lane has its leases, never waits in the queue, and ends with
    /// it. It connects when it is first used. A lane of a client that has begun another session since, for example because
    /// the server was restarted, gets no connection: make another lane.
    ///
    /// Connects this client first if it has no connection.
    ///
    /// # Errors
    ///
    /// This client gets no connection.
    pub async fn lane(&self) -> Result<Self, CallError> {
        if self.watch().session().is_none() {
            self.describe().await?;
        }
        let of = self.watch().session();
        let of = of.ok_or_else(|| no_lane("the connection was lost"))?;
        let settings = Arc::new(self.settings.of_lane(of));
        let lane = Self::new(settings, Arc::new(Watch::default())).map_err(no_lane)?;
        Ok(lane.changed(|options| *options = self.options.clone()))
    }

    /// Ends the session, so that the server is free for other clients at once. Calls in flight end, and later calls end
    /// with `NotSent::Closed`. Returns when the goodbye has been sent, within 0.2 s for each of up to two connections.
    /// Dropping the last handle does the same without waiting. So does a runtime that ends, but it sends only what the
    /// network takes at once: a goodbye that gets lost leaves the server waiting for this client.
    pub async fn close(&self) {
        observer::close(&self.commands).await;
        self.observer.close().await;
    }

    /// Ends a claim without waiting for the answer.
    pub(crate) fn end_claim(&self, claim: u128) {
        // Fails if the client is closed, which ends its leases.
        let _ = self.commands.send(Command::Withdraw { claim });
    }

    fn watch(&self) -> &Watch {
        &self.watch
    }
}

client_methods!(AsyncClient);

impl Caller for AsyncClient {
    type Reply<T: Send + 'static> = ReplyFuture<T>;

    fn call<T: DeserializeOwned + Send + 'static>(&self, call: OutgoingCall) -> ReplyFuture<T> {
        let observer = match self.options.go_beside(&call) {
            false => None,
            true => self.observer.get_or_start(&self.settings, &self.watch),
        };
        ReplyFuture::new(call, self.options.clone(), self.commands.clone(), observer)
    }
}

impl AsyncCaller for AsyncClient {
    async fn wait<T: DeserializeOwned + Send + 'static>(
        reply: ReplyFuture<T>,
    ) -> Result<T, CallError> {
        reply.await
    }
}
