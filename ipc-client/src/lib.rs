//! Uses instruments that hang on another computer, from scripts and from async programs.
//!
//! [`Client`] is for scripts: its calls return when they are over. [`AsyncClient`] is for programs on tokio: its calls
//! are futures. Both connect again by themselves, and neither lets a command run twice without saying so.
//!
//! ```no_run
//! use ipc_client::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("192.168.1.10").connect()?;
//! println!("{}", client.help()?);
//! let volts: f64 = client.call_by_name("pump_read_voltage", 20)?;
//! # Ok(())
//! # }
//! ```

// A computer of 32 bits is a computer, too.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod asynchronous;
mod blocking;
mod builder;
mod call;
mod callback;
mod cancel;
mod dial;
mod engine;
mod error;
mod guesses;
mod handle;
mod identity;
mod local;
mod outage;
mod own_ends;
mod retry;
mod socket;
mod state;

pub use asynchronous::{AsyncClient, ReplyFuture};
pub use blocking::Client;
pub use builder::ClientBuilder;
pub use cancel::CancelToken;
pub use error::{ConnectError, SystemError};
pub use local::AsyncLocal;
pub use retry::Retry;
pub use state::ConnectionState;

// A program needs this crate and that of its driver, and no other.
pub use ipc_core::interface::caller::OutgoingCall;
pub use ipc_core::interface::describe::{
    Argument, DeviceDescription, Interface, Method, MethodKind, ServerDescription,
};
pub use ipc_core::interface::schema::{Describe, Field, Schema, Variant};
/// What the code made by `#[remote(crate = ipc_client)]` calls.
#[doc(hidden)]
pub use ipc_core::private;
pub use ipc_core::secure::{
    ChannelError, IntoSecret, SECRET_VARIABLE, Secret, SecretError, SecretSourceError,
};
pub use ipc_core::session::link::LinkError;
pub use ipc_core::wire::codec::CodecError;
pub use ipc_core::wire::ctrl::{Bye, ByeReason, CtrlMsg, QueueStatus};
pub use ipc_core::wire::failure::{FaultKind, FaultValue, Fenced, Held, OutOfLimits};
pub use ipc_core::wire::frame::FrameError;
pub use ipc_core::wire::preamble::{PreambleError, Role};
pub use ipc_core::{
    Args, AsyncCaller, AsyncMock, BlockingCaller, CallContext, CallError, Caller, Device,
    DeviceError, Fault, FaultError, IntoDevice, Local, Mock, MockAnswer, MockCall, NotSent, Proxy,
    Refusal, RegisterError, Registry, Release, Remote, Shared, Value, Wire, remote,
};
pub use ipc_net::{AddressError, DEFAULT_PORT};
