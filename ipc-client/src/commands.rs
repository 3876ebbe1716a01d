//! The commands of a server.

use std::fmt;
use std::time::Duration;

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::commands::{ClientSummary, DeviceStatus, Kicked, LeaseInfo, name};
use ipc_core::interface::describe::ServerDescription;
use ipc_core::{Args, Caller, CodecError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The commands of a server: who uses it, who has which device, and how to make them leave.
///
/// Made by [`Client::server`](crate::Client::server) and [`AsyncClient::server`](crate::AsyncClient::server). Each method
/// makes one call with the options of that handle, and returns what a call returns there: a `Result`, or a future of it.
/// If the server does not know a command, the call ends with
/// [`Refusal::UnknownMethod`](ipc_core::Refusal::UnknownMethod).
///
/// # What they wait for
///
/// The server answers commands while drivers run, and a command waits neither for a place nor for other calls of its client:
/// it takes a second connection, the *observer* of the client. So does an urgent method that is called through a proxy. The
/// observer is made by the first such call, connects again by itself, and ends with its client. It does not connect the client
/// itself, and is no part of its [`state`](crate::Client::state). The server lists it as a client of its own, whose name ends
/// in `(observer)`; it serves up to 100 of these and of lanes. To make a client leave, name the entry without that ending.
///
/// Commands about a lease of the client itself, which [`call_command`](Self::call_command) can give, keep to its session and
/// come in the order of its calls. So does everything with a server of an earlier release, which does not serve observers:
/// commands then wait like calls.
///
/// Texts in the answers, such as the names of clients, are as the server sends them.
#[derive(Clone)]
pub struct ServerCommands<C> {
    caller: C,
}

impl<C: Caller> ServerCommands<C> {
    pub(crate) fn new(caller: C) -> Self {
        Self { caller }
    }

    /// Describes everything that the server offers, like [`Client::describe`](crate::Client::describe), also while another
    /// client holds the server.
    pub fn description(&self) -> C::Reply<ServerDescription> {
        self.caller.call(OutgoingCall::describe_beside())
    }

    /// Lists all clients: those that are served, with their lanes and observers, and those that wait.
    pub fn clients(&self) -> C::Reply<Vec<ClientSummary>> {
        self.list(name::CLIENTS)
    }

    /// Lists all leases, and the claims that wait for one. At a server that is not shared, the client that holds it has an
    /// implicit lease of all devices that it has not leased itself, which comes first and has the number 0.
    pub fn leases(&self) -> C::Reply<Vec<LeaseInfo>> {
        self.list(name::LEASES)
    }

    /// Lists all devices, and who uses them.
    pub fn devices(&self) -> C::Reply<Vec<DeviceStatus>> {
        self.list(name::DEVICES)
    }

    /// Disconnects the client with the [`id`](ClientSummary::id) `client`, which is told `because`. A call of it that runs
    /// ends first.
    pub fn kick_client(&self, client: u64, because: &str) -> C::Reply<Kicked> {
        let args = Args::new().named("client", client);
        self.run(
            name::KICK_CLIENT,
            args.and_then(|args| args.named("because", because)),
        )
    }

    /// Ends the lease of `device` after `notice`; its holder is told `because` at once. A call of the holder that runs ends
    /// first. If the lease is the implicit one of the client that holds the server, that client is disconnected.
    pub fn kick_lease(&self, device: &str, because: &str, notice: Duration) -> C::Reply<Kicked> {
        let args = Args::new().named("device", device);
        let args = args.and_then(|args| args.named("because", because));
        self.run(
            name::KICK_LEASE,
            args.and_then(|args| args.named("notice_ms", millis(notice))),
        )
    }

    /// Calls a command by its name on the wire. `args` are a map or a struct with the arguments by name, a tuple of
    /// arguments by position, or `()`.
    pub fn call_command<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: impl Serialize,
    ) -> C::Reply<R> {
        self.run(name, Args::from_serialize(&args))
    }

    fn run<R: DeserializeOwned + Send + 'static>(
        &self,
        name: &str,
        args: Result<Args, CodecError>,
    ) -> C::Reply<R> {
        self.caller.call(OutgoingCall::command(name, args))
    }

    fn list<R: DeserializeOwned + Send + 'static>(&self, name: &str) -> C::Reply<R> {
        let mut call = OutgoingCall::command(name, Ok(Args::new()));
        call.set_idempotent();
        self.caller.call(call)
    }
}

impl<C: fmt::Debug> fmt::Debug for ServerCommands<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerCommands").field(&self.caller).finish()
    }
}

/// A time on the wire: milliseconds, at least one unless there is no time at all.
pub(crate) fn millis(time: Duration) -> u64 {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    match time.is_zero() {
        true => 0,
        false => ms.max(1),
    }
}
