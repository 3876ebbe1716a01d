//! Why a server cannot start.

use std::io;
use std::net::SocketAddr;

use ipc_core::RegisterError;
use ipc_core::secure::SecretError;
use ipc_net::{AddressError, unresolved};

/// The error for a server that cannot start. Nothing listens then, and drivers, closures and hooks have been dropped, except
/// one that hangs while it is dropped.
///
/// `{:?}` prints the same text as `{}`, followed by the source: a program can return this error from `main`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The devices and functions do not fit together.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The secret is not valid.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The text of the address is not an address.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// The host name cannot be resolved, or the zone is not a network interface of this computer.
    #[error("cannot listen: {}", unresolved(.address))]
    Address {
        /// The address as given.
        address: String,
        /// The answer of the system.
        #[source]
        cause: io::Error,
    },
    /// The port cannot be opened.
    #[error("cannot listen on {address}: {problem}")]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// What is wrong and what to do or, for other errors, the text of the system.
        problem: String,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// The system's error, unless its text is in `problem`.
        source: Option<io::Error>,
    },
    /// The server would be open to everybody in the network: it has no secret, and its address is not a loopback one.
    #[error(
        "{address} can be reached from other computers, and everybody there could use the instruments; set a secret, bind \
         a loopback address, or call `insecure_without_secret()` if that is intended"
    )]
    Exposed {
        /// The address and port.
        address: SocketAddr,
    },
    /// A limit is zero that would keep all clients out.
    #[error("the limit `{limit}` is 0, and no client could use the server: give at least 1")]
    LimitIsZero {
        /// The name of the limit.
        limit: &'static str,
    },
    /// `run` or `spawn` was called inside an async runtime.
    #[error("this program has an async runtime: use `start().await` instead of `run` or `spawn`")]
    InsideRuntime,
    /// The operating system could not provide a thread, a timer or random numbers.
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
                "this computer has no such address; `*` means all that it has"
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

ipc_core::readable_debug!(StartError);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_main_is_readable() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let error = StartError::bind(address, io::ErrorKind::PermissionDenied.into());
        assert_eq!(
            format!("{error:?}"),
            "cannot listen on 127.0.0.1:80: it is not permitted; choose a port from 1024 up: permission denied"
        );
    }
}
