//! Makes an instrument driver usable from another computer: the attribute [`remote`], the values and errors that travel,
//! and stand-ins for tests. All that the crate of a driver depends on.
//!
//! ```
//! use ipc_core::{Local, remote};
//!
//! pub struct Counter {
//!     count: u32,
//! }
//!
//! #[remote]
//! impl Counter {
//!     /// Adds `step` and returns the new count.
//!     pub fn add(&mut self, step: u32) -> u32 {
//!         self.count += step;
//!         self.count
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Serves the driver in this process; `ipc-server` and `ipc-client` do so over a network.
//! let local = Local::new(Counter { count: 0 })?;
//! let counter = CounterProxy::new(&local);
//! assert_eq!(counter.add(2)?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! The crate has no input or output of its own: no sockets, no clock, no runtime.
//!
//! # Features
//!
//! A driver needs none of them. Of the hashes it compiles one, `sha2`, for the fingerprints of its methods.
//!
//! | feature | what it adds |
//! |---|---|
//! | `protocol` | the two ends of a connection, as state machines: handshake, encryption, sessions; `ipc-server` and `ipc-client` enable it |
//! | `ring` | `protocol`, encrypted by `ring`, which needs a C compiler |
//! | `chacha20poly1305` | `protocol`, encrypted in portable Rust; ignored if `ring` is enabled, too |
//! | `proof` | `protocol`, with what the model checker of this project needs |

// `usize` may have 32 bits: a cast from `u64` can lose the upper half.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

#[cfg(feature = "protocol")]
pub mod backoff;
#[doc(hidden)]
pub mod contain;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod interface;
#[cfg(feature = "protocol")]
#[doc(hidden)]
pub mod native;
#[doc(hidden)]
pub mod private;
#[doc(hidden)]
pub mod report;
#[cfg(feature = "protocol")]
pub mod secure;
#[cfg(feature = "protocol")]
pub mod session;
mod sync;
#[doc(hidden)]
pub mod wire;

pub use error::{CallError, NotSent};
pub use interface::args::Args;
pub use interface::blocked::Stuck;
pub use interface::caller::{
    AsyncCaller, BlockingCaller, Caller, DeviceError, OutgoingCall, Proxy,
};
pub use interface::context::CallContext;
pub use interface::describe::{
    Argument, DeviceDescription, Interface, Method, MethodKind, ServerDescription,
};
pub use interface::dynamic::{Described, DynamicDevice, DynamicServer, Found};
pub use interface::function::{
    BoxedFunction, Function, IntoDescribedFunction, IntoFunction, Parameter, Returns,
};
pub use interface::local::Local;
pub use interface::mock::{AsyncMock, Mock, MockAnswer, MockCall};
pub use interface::own_thread::OpenError;
pub use interface::registry::{RegisterError, Registry};
pub use interface::remote::{Device, IntoDevice, Release, Remote, Shared, Urgent};
pub use interface::schema::{Describe, Field, Schema, Variant};
pub use interface::slot::DriverGuard;
pub use interface::value::{Element, ElementType, Numbers, Value};
#[cfg(feature = "json")]
pub use interface::value::{Json, JsonError};
pub use interface::wire_type::Wire;
pub use ipc_derive::remote;
#[cfg(feature = "protocol")]
pub use secure::Secret;
pub use wire::codec::CodecError;
pub use wire::failure::{
    Fault, FaultError, FaultKind, FaultValue, Fenced, Held, OutOfLimits, Refusal,
};
