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
//! and go on. No client can stop the server.
//!
//! # Threads
//!
//! A small tokio runtime accepts connections and lets clients wait. The client that holds the server is served by a
//! thread of its own, which reads, calls the driver and writes, without any hand-over in between. Driver methods may
//! therefore block as long as they need.

// A computer of 32 bits is a computer, too.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]

mod access;
mod activity;
mod admission;
mod arrivals;
mod banner;
mod builder;
mod complaints;
mod connection;
mod conversation;
mod error;
mod gate;
mod greeting;
mod handle;
mod hosted;
mod listener;
mod log;
mod memory;
mod session;
mod signals;
mod socket;
mod state;
mod stranger;

pub use access::AccessLimits;
pub use builder::{DEFAULT_PORT, Server, ServerBuilder};
pub use error::StartError;
pub use handle::{ClientInfo, ServerEvent, ServerHandle};
pub use ipc_core::{Device, RegisterError, Release, Shared};
