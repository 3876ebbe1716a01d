//! The client for scripts: calls return when they are over.

mod channel;
mod line;
mod stream;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::describe::ServerDescription;
use ipc_core::{Args, BlockingCaller, CallError, Caller};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::builder::{ClientBuilder, Settings};
use crate::call::{CallOptions, Timing, no_such_method, positional_or_named};
use crate::callback::Callback;
use crate::cancel::CancelToken;
use crate::error::ConnectError;
use crate::handle::handle_methods;
use crate::state::{ConnectionState, Watch};
use channel::Channel;

/// A connection to a server, for scripts: its calls return when they are over.
///
/// Needs no runtime and no thread of its own. Cheap to clone; all clones, and the handles that
/// [`timeout`](Self::timeout) and its like return, share one connection and may be used from many threads at once. The
/// server runs their calls one after the other, in the order in which they came.
///
/// # When the connection is lost
///
/// A lost connection is noticed at once by a call in flight, and by the next call otherwise. The client connects
/// again, for as long as [`ClientBuilder::retry`] allows, and the call goes on: the server knows which calls it has
/// seen and answers them without running them again. Only if the server itself was restarted may a call end in
/// [`CallError::OutcomeUnknown`], unless it may be repeated. The connection is made inside of calls; between calls
/// nothing happens.
///
/// # When the server is busy
///
/// Calls wait for their turn, without limit unless they have a [`timeout`](Self::timeout); then they end in
/// `NotSent::Busy`, which names the holder.
///
/// A place in the queue is for calls that wait. When the last of them ends, by its timeout or because it is given up,
/// the client leaves the queue at once, so that nobody waits for it; its next call begins at the end of the queue. Who
/// wants to keep the place gives the call the time to wait, and is told of the queue by
/// [`ClientBuilder::on_state`] meanwhile.
#[derive(Clone)]
pub struct Client {
    channel: Arc<Channel>,
    options: CallOptions,
}

impl Client {
    /// Begins to set up a client of the server at `address`: `host`, `host:port` or `[::1]:port`.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(address)
    }

    /// Connects to the server at `address`, everything else by default. Blocks for at most 10 s.
    pub fn connect(address: impl Into<String>) -> Result<Self, ConnectError> {
        Self::builder(address).connect()
    }

    pub(crate) fn new(settings: Arc<Settings>, watch: Arc<Watch>) -> Self {
        Self {
            options: CallOptions::of(&settings),
            channel: Arc::new(Channel::new(settings, watch)),
        }
    }

    pub(crate) fn connect_within(&self, timeout: Duration) -> Result<(), ConnectError> {
        let result = self.channel.connect(timeout);
        result.map_err(ConnectError::told_to_blocking)
    }

    /// Calls a method by its name on the wire, without the types of its driver.
    ///
    /// `args` are by position if a tuple, an array or a single value, by name if a map or a struct, and none if `()`.
    /// A single argument that is itself a list, a map or a struct goes into a tuple: `(vec![1.0, 2.0],)`,
    /// `(Duration::from_secs(1),)`. The result may be a [`Value`](ipc_core::Value) if its type is not known. The server
    /// checks the arguments and says which one does not fit.
    pub fn call_by_name<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> Result<R, CallError> {
        self.call_with(name, &positional_or_named(name, &args)?)
    }

    /// Calls a method by its name on the wire, with arguments by position and by name.
    pub fn call_with<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: &Args,
    ) -> Result<R, CallError> {
        self.call(OutgoingCall::by_name(name, args))
    }

    /// Everything that the server offers.
    pub fn describe(&self) -> Result<ServerDescription, CallError> {
        self.call(OutgoingCall::describe())
    }

    /// Names and summaries of everything that the server offers, for a person to read.
    pub fn help(&self) -> Result<String, CallError> {
        Ok(self.describe()?.help())
    }

    /// Signature, units, limits and description of one method or property, for a person to read.
    pub fn help_for(&self, name: &str) -> Result<String, CallError> {
        let description = self.describe()?;
        let help = description.help_for(name);
        help.ok_or_else(|| no_such_method(name, &description))
    }

    /// Ends the session: the server is free for others at once. Calls of other threads return, later calls end in
    /// `NotSent::Closed`. Dropping the last handle does the same. Takes a fifth of a second at most.
    pub fn close(&self) {
        self.channel.close();
    }

    fn watch(&self) -> &Watch {
        &self.channel.watch
    }
}

handle_methods!(Client);

impl Caller for Client {
    type Reply<T: Send + 'static> = Result<T, CallError>;

    fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        mut call: OutgoingCall,
    ) -> Result<T, CallError> {
        call.set_decode_memory(self.options.decode_memory);
        let frame = call.take_frame()?;
        let started = Instant::now();
        let timeout = self.options.time_left(started);
        let timing = Timing { started, timeout };
        let idempotent = self.options.idempotent || call.is_idempotent();
        let ended = self.channel.call(frame, idempotent, timing, &self.options);
        ended.into_result(&call, timing)
    }
}

impl BlockingCaller for Client {
    fn wait<T: Send + 'static>(reply: Result<T, CallError>) -> Result<T, CallError> {
        reply
    }
}
