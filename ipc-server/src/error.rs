//! Why a server cannot start.

use std::net::SocketAddr;

use ipc_core::RegisterError;
use ipc_core::address::AddressError;
use ipc_core::secure::SecretError;

/// Why a server cannot start. Nothing listens then.
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
    /// The address is not one of this computer, or the name is unknown.
    #[error("cannot listen on `{address}`: {cause}; give an address or name of this computer")]
    Address {
        /// The address as given.
        address: String,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}: {cause}{}", hint(.cause))]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
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
    System(std::io::Error),
}

fn hint(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; another program listens there: stop it or choose another port"
        }
        std::io::ErrorKind::PermissionDenied => "; choose a port from 1024 up",
        std::io::ErrorKind::AddrNotAvailable => "; this computer has no such address",
        _ => "",
    }
}
