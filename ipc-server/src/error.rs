//! Why a server cannot start.

use std::io;
use std::net::SocketAddr;

use ipc_core::RegisterError;
use ipc_core::secure::SecretError;
use ipc_net::{AddressError, unresolved};

/// Why a server cannot start. Nothing listens then, and drivers, closures and hooks have been dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What is to be served does not fit together.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The secret cannot be one.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The address was not written as one. Correct it in the program.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// The name is unknown, or its zone is no network interface of this computer.
    #[error("cannot listen: {}", unresolved(.address))]
    Address {
        /// The address as given.
        address: String,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}: {problem}")]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// What is wrong and what to do or, if that is not clear, what the system says.
        problem: String,
        /// The kind of the system's answer.
        kind: io::ErrorKind,
        /// The system's answer, unless `problem` has its text.
        source: Option<io::Error>,
    },
    /// The server would be open to everybody in the network.
    #[error(
        "{address} can be reached from other computers, and everybody there could use the instruments; set a secret, bind \
         a loopback address, or call `insecure_without_secret()` if that is intended"
    )]
    Exposed {
        /// The address and port.
        address: SocketAddr,
    },
    /// Under this limit nobody could ever use the server.
    #[error("the limit `{limit}` is 0, and nobody could use the server: give at least 1")]
    ShutsOut {
        /// The name of the field that is 0.
        limit: &'static str,
    },
    /// `run` or `spawn` was called where a runtime is at work already.
    #[error("this program has an async runtime: use `start().await` instead of `run` or `spawn`")]
    InsideRuntime,
    /// The system gives no threads, timers or random numbers.
    #[error("cannot start the server: {0}")]
    System(io::Error),
}

impl StartError {
    pub(crate) fn bind(address: SocketAddr, error: io::Error) -> Self {
        let kind = error.kind();
        let problem = match kind {
            io::ErrorKind::AddrInUse => {
                "the port is in use; stop the program that listens there, or choose another port"
            }
            io::ErrorKind::PermissionDenied => "it is not permitted; choose a port from 1024 up",
            io::ErrorKind::AddrNotAvailable => {
                "this computer has no such address; `*` stands for all that it has"
            }
            _ => "",
        };
        let (problem, source) = match problem {
            "" => (error.to_string(), None),
            problem => (problem.to_string(), Some(error)),
        };
        Self::Bind {
            address,
            problem,
            kind,
            source,
        }
    }
}
