//! Serves instrument drivers over the network, to one client at a time or to many.
//!
//! ```
//! # use ipc_server::Server;
//! let server = Server::builder()
//!     .port(0) // any free port; the default is 4440
//!     .function("add", |a: f64, b: f64| a + b)
//!     .spawn()?;
//! println!("serving on {}", server.local_addr());
//! server.stop();
//! # Ok::<(), ipc_server::StartError>(())
//! ```
//!
//! # Policy
//!
//! One client at a time holds the server. Its calls run strictly in order, and each is answered exactly once. Other
//! clients wait in a queue, first come, first served; they are told their place and who holds the server. When the holder
//! disconnects, the next client gets the server at once. A holder that has lost its connection keeps the server for a short
//! grace, so that it can reconnect and continue: 15 s by default, 0.8 s while others wait. No client can stop the server.
//!
//! With [`ServerBuilder::shared`], up to 100 clients hold the server at the same time. Calls to one device run in the order in
//! which they come, calls to different devices side by side, and the order of calls holds for each client. Any client can lease
//! devices, which others may then only read. When a lease ends, or the last client that has used a device leaves, the release
//! hook of the device runs. A client whose devices were released by others is refused once before it goes on.
//!
//! # Threads
//!
//! A small tokio runtime accepts connections and keeps waiting clients. A thread of its own serves each holder: it reads
//! calls, runs the driver and writes the answers. Driver methods may therefore block for as long as they need: if one takes
//! longer than about 20 ms, a second thread reads meanwhile, so that pings are answered and cancellations are seen.
//!
//! The calls of one client can therefore come on alternating threads, and those of the next client on others. Two calls
//! are never inside one device at the same time. [`Device::on_thread`] makes a device whose driver stays on one thread.
//!
//! Driver methods run inside the server's runtime: `tokio::runtime::Handle::current()`, and libraries that need a runtime,
//! such as `tokio_serial`, work in plain methods as well as in async ones.
//!
//! Release hooks, and the callback of [`ServerBuilder::on_event`], run on threads of their own.
//!
//! Drivers, closures and hooks are dropped before a stop returns, one after the other on a thread that may block: a driver
//! may own a runtime. The exceptions are a device whose call still runs at the end of the stop, which is dropped when the
//! call returns, and whatever hangs while it is dropped.
//!
//! # Devices
//!
//! [`ServerHandle::add_device`] and [`ServerHandle::remove`] add and remove devices while the server runs.
//!
//! A driver that hangs keeps only its own device. If a call has run for the device's [overrun](Device::overrun), 10 s by
//! default, and its caller gave it up at least a second ago, the device is stuck: other calls to it are refused until the
//! driver returns. Calls to other devices go on, and the next client gets the server. [`ServerHandle::stuck`] lists such
//! devices.
//!
//! # The log
//!
//! The server logs with [`tracing`](https://docs.rs/tracing): clients that come and go, calls that fail or take longer than
//! a second, refused calls, wrong secrets, and connections that do not speak the protocol. Frequent events are counted
//! instead of listed.
//!
//! [`ServerBuilder::run`] writes the log to standard error unless the program has installed a `tracing` subscriber.
//! The environment variable `RUST_LOG` sets the levels: `RUST_LOG=warn` for less, `RUST_LOG=ipc_server=debug` for every
//! call, `RUST_LOG=off` for nothing; the default is `info`. [`ServerBuilder::spawn`] and [`ServerBuilder::start`] install
//! no subscriber, and without the crate's default feature `log`, `run` does not either.
//!
//! The server never waits for its log: if it is not read, lines are dropped, and their number is logged. Subscribers are
//! called on a thread that does nothing else.

// Casts must be correct on 32-bit targets, too.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod acceptor;
mod builder;
mod config;
mod connection;
mod error;
mod handle;
mod handshake;
mod hint;
mod listener;
mod queue;
mod session;
mod signals;
mod state;
mod sync;

pub use builder::{Server, ServerBuilder};
pub use error::StartError;
pub use handle::ServerHandle;
pub use handshake::limits::AccessLimits;
pub use ipc_core::interface::commands::{DeviceStatus, HolderInfo, LeaseInfo};
pub use ipc_core::interface::describe::{
    Argument, DeviceDescription, Interface, Method, MethodKind, ServerDescription,
};
pub use ipc_core::interface::schema::{Field, Schema, Variant};
pub use ipc_core::secure::{IntoSecret, SecretError, SecretSourceError};
pub use ipc_core::session::server::SessionLimits;
pub use ipc_core::session::table::TableLimits;
pub use ipc_core::wire::ctrl::QueueStatus;
pub use ipc_core::{
    BoxedFunction, CallContext, Device, DriverGuard, Fault, FaultError, FaultKind, FaultValue,
    Function, IntoDescribedFunction, IntoDevice, IntoFunction, OpenError, Parameter, RegisterError,
    Release, Remote, Returns, Secret, Shared, Stuck, Value, Wire,
};
pub use ipc_hub::RemoveError;
pub use ipc_hub::event::{ClientInfo, DeviceInfo, RunningCall, ServerEvent};
pub use ipc_net::{AddressError, DEFAULT_PORT};
