//! Leases: devices for one client alone, for a while.

mod asking;
mod asynchronous;
mod blocking;
mod error;
mod guard;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::interface::caller::OutgoingCall;
use ipc_core::interface::commands::{ClaimState, LeaseInfo, LeaseRequest, name};
use ipc_core::{Args, CallError, NotSent};

#[cfg(doc)]
use crate::asynchronous::AsyncClient;
use crate::blocking::Client;
use crate::callback::Callback;
use crate::commands::millis;
use crate::identity;

pub use error::{LeaseError, NotTransferred};
use guard::ClaimGuard;
pub use guard::Lessee;

pub(crate) type ClaimCallback = Callback<dyn Fn(&ClaimState) + Send + Sync>;

/// Asks for a [`Lease`]. Made by [`Client::lease`] and [`AsyncClient::lease`]; [`acquire`](Self::acquire) asks.
#[must_use = "a lease is asked for by `acquire`"]
pub struct LeaseBuilder<C = Client> {
    client: C,
    request: LeaseRequest,
    wait: Duration,
    on_waiting: Option<ClaimCallback>,
}

/// Devices that belong to this client until the lease is released or dropped. Others are refused: their calls to these
/// devices end with [`Refusal::Held`](ipc_core::Refusal::Held), except for methods that only read.
///
/// A lease belongs to the client with all its handles and threads. Proxies need not know of it. Clients that have no lease
/// call devices that nobody has leased as they always do.
///
/// # How it ends
///
/// * [`release`](Self::release) ends it and waits for the server's answer. Dropping the lease ends it without waiting: the
///   release is sent at once if there is a connection, otherwise before the next call. A panic drops it, too.
/// * The time of [`for_at_most`](LeaseBuilder::for_at_most) is over, an operator ends it, or the client has been without a
///   connection for longer than its [`grace`](LeaseBuilder::grace). Calls to the devices are then refused, the first one
///   with [`Refusal::Fenced`](ipc_core::Refusal::Fenced), which says who ended the lease and why.
///
/// In each case the release hooks of the drivers run before another client gets the devices. A call that runs ends first.
///
/// # After a lost connection
///
/// The client connects again within the grace, and still has the lease. [`state`](Self::state) asks the server what is left
/// of it, and [`reacquire`](Self::reacquire) asks for the same lease again, for example when the server was restarted:
/// the instruments may then be in another state.
#[must_use = "the lease ends when it is dropped; keep it in a variable"]
pub struct Lease<C: Lessee = Client> {
    claim: ClaimGuard<C>,
    request: LeaseRequest,
    wait: Duration,
    on_waiting: Option<ClaimCallback>,
}

impl<C> LeaseBuilder<C> {
    pub(crate) fn new(
        client: C,
        devices: impl IntoIterator<Item = impl Into<String>>,
        wait: Duration,
    ) -> Self {
        let request = LeaseRequest {
            devices: devices.into_iter().map(Into::into).collect(),
            ..LeaseRequest::default()
        };
        Self {
            client,
            request,
            wait,
            on_waiting: None,
        }
    }

    /// What the devices are for, shown to others that want them: `"alignment"`. Empty by default; cut to 200 characters.
    pub fn because(mut self, because: impl Into<String>) -> Self {
        self.request.because = because.into();
        self
    }

    /// How long to wait if others have some of the devices. By default, not at all; `Duration::MAX` means for as long as it
    /// takes. Clients are served in the order in which they asked. Release hooks that run on devices which nobody has any more
    /// are waited for in any case, for up to 5 s.
    ///
    /// The time covers the wait for other leases. A client that has no connection yet, or waits in the queue of a busy
    /// server, is bounded by its [`timeout`](Client::timeout) and its [`retry`](crate::ClientBuilder::retry).
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How long the lease lasts at most, from when it is granted. Without limit by default. The clock stands still while a
    /// call of this client runs.
    pub fn for_at_most(mut self, time: Duration) -> Self {
        self.request.for_ms = limited(time);
        self
    }

    /// How long the lease is kept if this client loses its connection. By default the server decides (15 s).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.request.grace_ms = Some(millis(grace));
        self
    }

    /// Refuses other clients also the methods that only read, for measurements that a question would disturb.
    pub fn refuse_reads(mut self) -> Self {
        self.request.refuses_reads = true;
        self
    }

    /// Calls `callback` while the client waits: when its place in the line changes, and every 5 s. The state says who has
    /// the devices.
    ///
    /// The callback runs on the thread or task that waits, and holds up its questions: it must return within 5 s, or others
    /// are served first. If it panics, the panic is logged as an error and the wait goes on.
    pub fn on_waiting(mut self, callback: impl Fn(&ClaimState) + Send + Sync + 'static) -> Self {
        self.on_waiting = Some(Callback::new("`on_waiting`", Arc::new(callback)));
        self
    }
}

impl<C: Lessee> LeaseBuilder<C> {
    /// A lease that is not held yet: nothing has been asked.
    fn into_lease(mut self) -> Result<Lease<C>, LeaseError> {
        self.request.claim = fresh_claim(&self.request)?;
        self.request.may_wait = !self.wait.is_zero();
        self.request.identity = identity::of_process().to_string();
        Ok(Lease {
            claim: ClaimGuard::new(self.client, self.request.claim),
            request: self.request,
            wait: self.wait,
            on_waiting: self.on_waiting,
        })
    }
}

impl<C: Lessee> Lease<C> {
    /// The lease with the number `claim` among all `leases`, which the server has given to this client.
    fn received(client: &C, claim: u128, leases: Vec<LeaseInfo>) -> Option<Self> {
        let lease = leases.into_iter().find(|lease| lease.claim == claim)?;
        Some(Self {
            claim: ClaimGuard::new(client.clone(), claim),
            request: LeaseRequest {
                claim,
                devices: lease.devices,
                because: lease.because,
                refuses_reads: lease.refuses_reads,
                for_ms: lease.ends_ms,
                identity: identity::of_process().to_string(),
                ..LeaseRequest::default()
            },
            wait: Duration::ZERO,
            on_waiting: None,
        })
    }

    /// The devices.
    pub fn devices(&self) -> &[String] {
        &self.request.devices
    }

    /// The number under which the server knows the lease, as in a [`Notice`](crate::Notice) about it.
    pub fn claim(&self) -> u128 {
        self.request.claim
    }

    fn client(&self) -> &C {
        self.claim.client()
    }

    /// Asks about this lease by the command `command`.
    fn command(&self, command: &str) -> OutgoingCall {
        about(self.claim(), command)
    }

    fn renewal(&mut self, time: Duration) -> OutgoingCall {
        self.request.for_ms = limited(time);
        let args = Args::new().named("claim", self.claim());
        let args = args.and_then(|args| args.named("for_ms", self.request.for_ms));
        let mut call = OutgoingCall::command(name::RENEW, args);
        call.set_idempotent();
        call
    }

    fn transfer_to(&self, client: u64) -> OutgoingCall {
        let args = Args::new().named("claim", self.claim());
        OutgoingCall::command(
            name::TRANSFER,
            args.and_then(|args| args.named("to", client)),
        )
    }

    /// The server has ended the lease: the next one has another number.
    fn renumber(&mut self) -> Result<(), LeaseError> {
        self.request.claim = fresh_claim(&self.request)?;
        Ok(())
    }
}

impl<C> fmt::Debug for LeaseBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseBuilder")
            .field("devices", &self.request.devices)
            .field("because", &self.request.because)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<C: Lessee> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("devices", &self.request.devices)
            .field("because", &self.request.because)
            .finish_non_exhaustive()
    }
}

/// Asks about the lease with the number `claim` by the command `command`.
fn about(claim: u128, command: &str) -> OutgoingCall {
    let mut call = OutgoingCall::command(command, Args::new().named("claim", claim));
    call.set_idempotent();
    call
}

/// A random number, so that no two clients choose the same one.
fn fresh_claim(request: &LeaseRequest) -> Result<u128, LeaseError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let error = CallError::NotSent {
            method: name::CLAIM.into(),
            reason: NotSent::Unreachable(format!(
                "the operating system provides no random numbers: {error}"
            )),
        };
        LeaseError::of_call(&request.devices, error)
    })?;
    // 0 stands for no claim.
    Ok(u128::from_le_bytes(bytes).max(1))
}

/// A limit in milliseconds; none if the time is longer than anybody waits.
fn limited(time: Duration) -> Option<u64> {
    (time != Duration::MAX).then(|| millis(time))
}
