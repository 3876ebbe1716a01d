//! The blocking client: a call returns when it has ended.

mod connection;
mod limit;
mod observer;
mod shared;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::wire::ctrl::{SessionKey, WaitingStatus};
use ipc_core::wire::sanitize::printable;
use ipc_core::{Args, BlockingCaller, CallError, Caller, Described, DynamicDevice, DynamicServer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{CallOptions, Timing, no_lane, no_such_method, positional_or_named};
use crate::cancel::CancellationToken;
use crate::client_methods::client_methods;
use crate::commands::ServerCommands;
use crate::connection_state::ConnectionState;
use crate::error::ConnectError;
use crate::settings::ClientSettings;
use crate::watch::Watch;
use shared::SharedConnection;

/// A connection to a server, for scripts and threads: a call blocks until it has ended.
///
/// Needs no async runtime and no thread of its own. Cheap to clone. All clones, and the handles returned by
/// [`timeout`](Self::timeout) and similar methods, share one connection and can be used from many threads at once. The
/// server runs their calls one after the other, in the order in which they were made. The commands of
/// [`server`](Self::server) and urgent methods, when they are called through a proxy, do not wait for them: they have a second
/// connection.
///
/// # When the connection is lost
///
/// A call in flight notices a lost connection at once, otherwise the next call does. The client connects again, for as
/// long as [`ClientBuilder::retry`](crate::ClientBuilder::retry) allows, and the call goes on: the server knows which
/// calls it has already run, and answers them without running them again. Only if the server itself was restarted can a
/// call end with [`CallError::OutcomeUnknown`], unless it may be repeated. The client connects only during calls; between
/// calls it does nothing.
///
/// # When the server is busy
///
/// Calls wait in the queue, without limit unless they have a [`timeout`](Self::timeout); then they end with
/// `NotSent::Busy`, which names the holder.
///
/// A client is in the queue only while one of its calls waits. When the last of them ends, by its timeout or because it
/// is cancelled, the client leaves the queue at once, and its next call joins the end of the queue. To keep the place,
/// give the call enough time; [`ClientBuilder::on_state`](crate::ClientBuilder::on_state) reports the place meanwhile.
#[derive(Clone)]
pub struct Client {
    connection: Arc<SharedConnection>,
    options: CallOptions,
    described: Described,
}

impl Client {
    pub(crate) fn new(settings: Arc<ClientSettings>, watch: Arc<Watch>) -> Self {
        Self {
            options: CallOptions::new(&settings),
            connection: Arc::new(SharedConnection::new(settings, watch)),
            described: Described::default(),
        }
    }

    pub(crate) fn connect_within(&self, timeout: Duration) -> Result<(), ConnectError> {
        let result = self.connection.connect(timeout);
        result.map_err(ConnectError::explained_to_blocking)
    }

    /// Calls a method by its name on the wire, without the types of its driver.
    ///
    /// `args` are positional if they are a tuple, an array or a single value, named if they are a map or a struct, and
    /// `()` if there are none. A single argument that is itself a list, a map or a struct must be put in a tuple:
    /// `(vec![1.0, 2.0],)`, `(Duration::from_secs(1),)`. If the type of the result is not known, use
    /// [`Value`](ipc_core::Value). The server checks the arguments, and the error says which one does not fit.
    pub fn call<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> Result<R, CallError> {
        self.call_with_args(name, &positional_or_named(name, &args)?)
    }

    /// Calls a method by its name on the wire, with both positional and named arguments.
    pub fn call_with_args<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: &Args,
    ) -> Result<R, CallError> {
        Caller::call(self, OutgoingCall::by_name(name, args))
    }

    /// Describes everything that the server offers.
    pub fn describe(&self) -> Result<ServerDescription, CallError> {
        Caller::call(self, OutgoingCall::describe())
    }

    /// Lists the names and summaries of everything that the server offers, for people to read.
    pub fn help(&self) -> Result<String, CallError> {
        Ok(printable(self.describe()?.help()))
    }

    /// Describes one method or property for people to read: signature, units, limits and documentation.
    pub fn help_for(&self, name: &str) -> Result<String, CallError> {
        let description = self.describe()?;
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
    /// Connects this client first if it has no connection, which blocks like a call.
    ///
    /// # Errors
    ///
    /// This client gets no connection.
    pub fn lane(&self) -> Result<Self, CallError> {
        if self.watch().session().is_none() {
            self.describe()?;
        }
        let of = self.watch().session();
        let of = of.ok_or_else(|| no_lane("the connection was lost"))?;
        let settings = self.connection.settings().of_lane(of);
        let lane = Self::new(Arc::new(settings), Arc::new(Watch::default()));
        Ok(lane.changed(|options| *options = self.options.clone()))
    }

    /// What names the session of this client to a [lane of another process](crate::ClientBuilder::lane_of); `None` while
    /// there is no connection.
    pub fn session_key(&self) -> Option<SessionKey> {
        self.watch().session()
    }

    /// Why this client, or else its observer, has last given up connecting. `None` once it is connected again, and while it
    /// still tries. The text is part of the error of each call that waited; this is for programs that tell a server that is
    /// switched off from one that refuses them.
    pub fn connect_error(&self) -> Option<ConnectError> {
        let of_observer = || self.connection.observer.get()?.watch.failure();
        self.watch().failure().or_else(of_observer)
    }

    /// Ends the session, so that the server is free for other clients at once. Calls of other threads return, and later
    /// calls end with `NotSent::Closed`. Dropping the last handle does the same. Blocks for at most 0.2 s for each of up to
    /// two connections.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Ends a claim without waiting for the answer.
    pub(crate) fn end_claim(&self, claim: u128) {
        self.connection.withdraw(claim);
    }

    fn watch(&self) -> &Watch {
        &self.connection.watch
    }
}

client_methods!(Client);

impl Caller for Client {
    type Reply<T: Send + 'static> = Result<T, CallError>;

    fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        self.options.apply_to(&mut call)?;
        let goes_beside = self.options.go_beside(&call);
        let frame = call.take_frame()?;
        let started = Instant::now();
        let timeout = self.options.time_left(started);
        let timing = Timing { started, timeout };
        let idempotent = self.options.idempotent || call.is_idempotent();
        let (connection, options) = (&self.connection, &self.options);
        let end = match goes_beside {
            false => connection.call(frame, idempotent, timing, options),
            true => connection.call_beside(frame, idempotent, timing, options),
        };
        end.into_result(&call, timing)
    }
}

impl BlockingCaller for Client {
    fn wait<T: Send + 'static>(reply: Result<T, CallError>) -> Result<T, CallError> {
        reply
    }
}
