//! Serves instrument drivers over the network, one client at a time.
//!
//! ```
//! # use ipc_server::Server;
//! let server = Server::builder()
//!     .port(0) // any free one; the default is 4440
//!     .function("add", |a: f64, b: f64| a + b)
//!     .spawn()?;
//! println!("serving on {}", server.local_addr());
//! server.stop();
//! # Ok::<(), ipc_server::StartError>(())
//! ```
//!
//! # Policy
//!
//! One client at a time holds the server; its calls run strictly in order, each answered exactly once. Other clients
//! wait in a queue, first come, first served, and are told their place and who holds the server. A client that says
//! goodbye makes room at once; one whose connection is lost keeps its place for a short grace, so that it can come back
//! and go on: 15 s by default, 0.8 s while others wait. No client can stop the server.
//!
//! # Threads
//!
//! A small tokio runtime accepts connections and lets clients wait. The client that holds the server is served by a
//! thread of its own, which reads, calls the driver and writes, without any hand-over in between. Driver methods may
//! therefore block as long as they need. The calls of the next client come on another thread; never two at once.
//!
//! A plain method finds the server's runtime as an async one does: `tokio::runtime::Handle::current()` and libraries that
//! need a runtime around them, such as `tokio_serial`, work in both.
//!
//! Drivers, closures and hooks are dropped before a stop returns, on a thread that may block: a driver may own a runtime.
//!
//! # The log
//!
//! The server logs with [`tracing`](https://docs.rs/tracing): which clients came and went, calls that failed or took longer
//! than a second, refused calls, wrong secrets, connections that are none of ours. What happens often is counted instead
//! of listed.
//!
//! [`ServerBuilder::run`] writes the log to standard error, unless the program has installed a `tracing` subscriber before.
//! The environment variable `RUST_LOG` chooses the levels: `RUST_LOG=warn` for less, `RUST_LOG=ipc_server=debug` for every
//! call, `RUST_LOG=off` for nothing; the default is `info`. [`ServerBuilder::spawn`] and [`ServerBuilder::start`] install
//! nothing. Without the crate's default feature `log`, neither does `run`.
//!
//! The server does not wait for its log: if nobody reads it, lines are lost, and their number is logged. A subscriber that
//! the program installs is called on a thread that does nothing else.

// A computer of 32 bits is a computer, too.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod banner;
mod builder;
mod error;
mod events;
mod handle;
mod handshake;
mod hosted;
mod listener;
mod log;
mod pause;
mod queue;
mod session;
mod signals;
mod state;

pub use builder::{Server, ServerBuilder};
pub use error::StartError;
pub use handle::{ClientInfo, DeviceInfo, RunningCall, ServerEvent, ServerHandle};
pub use handshake::access::AccessLimits;
pub use ipc_core::interface::describe::{
    Argument, DeviceDescription, Interface, Method, MethodKind, ServerDescription,
};
pub use ipc_core::interface::schema::{Field, Schema, Variant};
pub use ipc_core::secure::{IntoSecret, SecretError, SecretSourceError};
pub use ipc_core::session::server::SessionLimits;
pub use ipc_core::session::table::TableLimits;
pub use ipc_core::wire::ctrl::QueueStatus;
pub use ipc_core::{
    BoxedFunction, CallContext, Device, DriverGuard, Function, IntoDevice, IntoFunction,
    RegisterError, Release, Remote, Returns, Secret, Shared, Stuck,
};
pub use ipc_net::{AddressError, DEFAULT_PORT};
