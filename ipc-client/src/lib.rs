//! Client for instruments attached to another computer, for scripts and for async programs.
//!
//! [`Client`] is for scripts and threads: a call blocks until it has ended. [`AsyncClient`] is for programs on tokio: a
//! call is a future. Both reconnect by themselves, and neither lets a command run twice without saying so.
//!
//! ```no_run
//! use ipc_client::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("192.168.1.10").connect()?;
//! println!("{}", client.help()?);
//! let volts: f64 = client.call("pump_read_voltage", 20)?;
//! # Ok(())
//! # }
//! ```

// `usize` may have 32 bits: a cast from `u64` can lose the upper half.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod asynchronous;
mod batch;
mod blocking;
mod builder;
mod call;
mod callback;
mod cancel;
mod client_methods;
mod clock;
mod commands;
mod connection_state;
mod dial;
mod engine;
mod error;
mod identity;
mod lease;
mod local;
mod outage;
mod own_connections;
mod reporting;
mod retry;
mod settings;
mod unanswered_proofs;
mod watch;

pub use asynchronous::{AsyncClient, ReplyFuture};
pub use batch::{Batch, Later};
pub use blocking::Client;
pub use builder::{AsyncClientBuilder, ClientBuilder};
pub use cancel::CancellationToken;
pub use commands::ServerCommands;
pub use connection_state::ConnectionState;
pub use error::{ConnectError, SystemError};
pub use identity::client_name;
pub use lease::{Lease, LeaseBuilder, LeaseError, Lessee, NotTransferred};
pub use local::AsyncLocal;
pub use retry::Retry;

// A client program depends on this crate and on that of its driver, and on no other crate of this project.
pub use ipc_core::interface::caller::OutgoingCall;
pub use ipc_core::interface::commands::{
    ClaimState, ClientSummary, DeviceStatus, HolderInfo, Kicked, LeaseInfo,
};
pub use ipc_core::interface::describe::{
    Argument, DeviceDescription, Interface, Method, MethodKind, ServerDescription,
};
pub use ipc_core::interface::schema::{Describe, Field, Schema, Variant};
/// Support for the code that `#[remote(crate = ipc_client)]` generates.
#[doc(hidden)]
pub use ipc_core::private;
pub use ipc_core::secure::{
    ChannelError, IntoSecret, SECRET_VARIABLE, Secret, SecretError, SecretSourceError,
};
pub use ipc_core::session::link::LinkError;
pub use ipc_core::wire::codec::CodecError;
pub use ipc_core::wire::ctrl::{
    Bye, ByeReason, CtrlMsg, Notice, NoticeKind, QueueStatus, SessionKey, WaitingStatus,
};
pub use ipc_core::wire::failure::{FaultKind, FaultValue, Fenced, Held, OutOfLimits};
pub use ipc_core::wire::frame::FrameError;
pub use ipc_core::wire::preamble::{PreambleError, Role};
pub use ipc_core::{
    Args, AsyncCaller, AsyncMock, BlockingCaller, BoxedFunction, CallContext, CallError, Caller,
    Described, Device, DeviceError, DriverGuard, DynamicDevice, DynamicServer, Element,
    ElementType, Fault, FaultError, Found, Function, IntoDevice, Local, Mock, MockAnswer, MockCall,
    NotSent, Numbers, OpenError, Proxy, Refusal, RegisterError, Registry, Release, Remote, Shared,
    Stuck, Value, Wire, args, remote,
};
#[cfg(feature = "json")]
pub use ipc_core::{Json, JsonError};
pub use ipc_net::{AddressError, DEFAULT_PORT};
