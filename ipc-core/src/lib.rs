//! The protocol of networked instruments, without any input or output of its own.

// `usize` may have 32 bits: a cast from `u64` can lose the upper half.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

pub mod backoff;
#[doc(hidden)]
pub mod contain;
pub mod error;
pub mod interface;
#[doc(hidden)]
pub mod native;
#[doc(hidden)]
pub mod private;
pub mod secure;
pub mod session;
mod sync;
pub mod wire;

pub use error::{CallError, NotSent};
pub use interface::args::Args;
pub use interface::caller::{AsyncCaller, BlockingCaller, Caller, DeviceError, Proxy};
pub use interface::context::CallContext;
pub use interface::describe::ServerDescription;
pub use interface::function::{BoxedFunction, Function, IntoFunction, Returns};
pub use interface::local::Local;
pub use interface::mock::{AsyncMock, Mock, MockAnswer, MockCall};
pub use interface::own_thread::OpenError;
pub use interface::registry::{RegisterError, Registry};
pub use interface::remote::{Device, IntoDevice, Release, Remote, Shared};
pub use interface::schema::Describe;
pub use interface::slot::{DriverGuard, Stuck};
pub use interface::value::Value;
pub use interface::wire_type::Wire;
pub use ipc_derive::remote;
pub use secure::Secret;
pub use wire::failure::{Fault, FaultError, Fenced, Held, OutOfLimits, Refusal};
