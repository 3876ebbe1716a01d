//! Why a client has no connection.

mod causes;
mod system;

use std::io;
use std::time::Duration;

use ipc_core::secure::SecretError;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason, QueueStatus};
use ipc_core::wire::preamble::PreambleError;
use ipc_net::{AddressError, unresolved};
use tokio::runtime::{Handle, RuntimeFlavor};

pub use system::SystemError;

/// Why a client has no connection. No call was sent, and nothing happened at the instrument.
///
/// The text says what is wrong and what to do. If an error of the operating system is behind it, `source()` returns that
/// error and the text explains it; all other causes are part of the text. [`io_kind`](Self::io_kind) has the kind of the
/// operating system's error. `Debug` writes the same text with all causes, so that the error is readable when `main`
/// returns it.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address is malformed.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// There is no computer of that name, or the name service cannot be reached; or this computer has no network interface
    /// of the name after the `%`.
    #[error("{}", unresolved(.host))]
    Unresolvable {
        /// The name that cannot be resolved.
        host: String,
        /// The error of the operating system.
        #[source]
        cause: SystemError,
    },
    /// The computer, or the server on it, does not answer.
    #[error("no connection to {address}: {problem} ({hint})")]
    Unreachable {
        /// The address of the server.
        address: String,
        /// What is wrong: the meaning of the operating system's error or, if that is not known, its text.
        problem: String,
        /// What to check.
        hint: &'static str,
        /// The kind of the operating system's error.
        kind: io::ErrorKind,
        /// The operating system's error, unless `problem` is its text.
        source: Option<SystemError>,
    },
    /// The operating system rejects a setting of this client for its socket.
    #[error("cannot set {setting} of the socket; choose another value")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// The error of the operating system.
        #[source]
        cause: SystemError,
    },
    /// Another kind of server listens at this address.
    #[error("{address} is not an instrument server: {cause}; check the port")]
    NotThisProtocol {
        /// The address of the server.
        address: String,
        /// What it sent instead.
        cause: PreambleError,
    },
    /// The server speaks another version of the protocol.
    #[error("{address}: {cause}")]
    Version {
        /// The address of the server.
        address: String,
        /// The two versions.
        cause: PreambleError,
    },
    /// The server requires a secret, and this client has none.
    #[error("the server at {address} requires a secret; give this client the same one")]
    SecretRequired {
        /// The address of the server.
        address: String,
    },
    /// This client has a secret, and the server has none: it is not the intended server, or was set up without a secret.
    #[error(
        "the server at {address} has no secret, but this client has one; if it is the right server, set the same secret there"
    )]
    ServerHasNoSecret {
        /// The address of the server.
        address: String,
    },
    /// The server did not confirm the secret of this client: it has another secret or another service name, or the
    /// connection was lost during the handshake. A client that has not met its server yet tries twice before it reports
    /// this.
    #[error(
        "the server at {address} {}; give both ends the same secret (and the same service name); after several failures \
         the server makes this computer wait, and this client waits a minute before it tries again",
        not_confirmed(*.certain, *.tries)
    )]
    WrongSecret {
        /// The address of the server.
        address: String,
        /// True if the server has proved another secret; false if the connection ended before it proved any.
        certain: bool,
        /// Number of consecutive connections that have ended in this way.
        tries: u32,
    },
    /// The secret given to this client is not usable.
    #[error(transparent)]
    BadSecret(SecretError),
    /// The server has another service name.
    #[error("the server at {address} does not provide the service `{asked}`: {message}")]
    WrongService {
        /// The address of the server.
        address: String,
        /// The service that this client asked for.
        asked: String,
        /// The message of the server.
        message: String,
    },
    /// Another client held the server for the whole time.
    #[error("the server is still busy after {waited:?}: {queue}")]
    Busy {
        /// How long the client waited.
        waited: Duration,
        /// The place in the queue, and who holds the server.
        queue: QueueStatus,
    },
    /// The server refused this client.
    #[error("{}", refused(.address, .bye))]
    Refused {
        /// The address of the server.
        address: String,
        /// The goodbye of the server.
        bye: Bye,
    },
    /// The server accepted the connection, but did not answer in time.
    #[error("the server at {address} did not answer within {waited:?}")]
    TimedOut {
        /// The address of the server.
        address: String,
        /// How long the client waited.
        waited: Duration,
    },
    /// The connection was lost, or ended before it was usable.
    #[error("{address}: {cause}")]
    Lost {
        /// The address of the server.
        address: String,
        /// How it ended.
        cause: LinkError,
    },
    /// The server broke the protocol, or could not prove its identity.
    #[error("cannot use the connection to {address}: {cause}")]
    Unusable {
        /// The address of the server.
        address: String,
        /// What is wrong.
        cause: LinkError,
    },
    /// A blocking client got no answer, and it was used inside a single-threaded async runtime.
    #[error(
        "{cause}; this is inside a single-threaded async runtime: if the server runs in it, too, it cannot answer while a \
         blocking client waits; use `AsyncClient`, or call the blocking client in `spawn_blocking`"
    )]
    InsideRuntime {
        /// How the wait ended.
        cause: Box<ConnectError>,
    },
    /// An async client was made outside of a tokio runtime.
    #[error("an async client needs a tokio runtime; use `Client` outside of one")]
    NoRuntime,
}

impl ConnectError {
    /// Returns true if trying again without changing anything will fail in the same way.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::InsideRuntime { cause } => cause.is_permanent(),
            Self::WrongSecret { certain, tries, .. } => *certain || *tries > 1,
            Self::Unresolvable { .. }
            | Self::Unreachable { .. }
            | Self::Busy { .. }
            | Self::TimedOut { .. }
            | Self::Lost { .. } => false,
            Self::Refused { bye, .. } => !matches!(
                bye.reason,
                ByeReason::Done
                    | ByeReason::Stopping
                    | ByeReason::IdleHandover
                    | ByeReason::Full
                    | ByeReason::Other(_)
            ),
            Self::BadAddress(_)
            | Self::NotThisProtocol { .. }
            | Self::Version { .. }
            | Self::SecretRequired { .. }
            | Self::ServerHasNoSecret { .. }
            | Self::BadSecret(_)
            | Self::WrongService { .. }
            | Self::Unusable { .. }
            | Self::Setting { .. }
            | Self::NoRuntime => true,
        }
    }

    /// The kind of the operating system's error behind this one, if there is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Unreachable { kind, .. } => Some(*kind),
            Self::Unresolvable { cause, .. } | Self::Setting { cause, .. } => Some(cause.kind()),
            Self::InsideRuntime { cause } => cause.io_kind(),
            _ => None,
        }
    }

    /// The text of this error and of all its sources.
    pub(crate) fn full_text(&self) -> String {
        format!("{self:?}")
    }

    /// Returns true if the server refused what this client said in its first frame.
    pub(crate) fn is_of_protocol(&self) -> bool {
        matches!(self, Self::Refused { bye, .. } if bye.reason == ByeReason::Protocol)
    }

    /// Returns true if the server got this client's proof of the secret and did not give its own.
    pub(crate) fn follows_a_proof(&self) -> bool {
        matches!(
            self,
            Self::WrongSecret { .. }
                | Self::Lost {
                    cause: LinkError::Unconfirmed(_),
                    ..
                }
        )
    }

    /// Adds the likely explanation if the silent server runs in this very thread.
    pub(crate) fn explained_to_blocking(self) -> Self {
        let is_silence = matches!(
            self,
            Self::TimedOut { .. }
                | Self::Lost {
                    cause: LinkError::Silent,
                    ..
                }
        );
        let is_single = |runtime: Handle| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
        match is_silence && Handle::try_current().is_ok_and(is_single) {
            true => Self::InsideRuntime {
                cause: Box::new(self),
            },
            false => self,
        }
    }
}

ipc_core::readable_debug!(ConnectError);

/// What the server said instead of a welcome.
fn refused(address: &str, bye: &Bye) -> String {
    match bye.reason {
        ByeReason::Disconnected => format!(
            "the server at {address} has disconnected this client: {bye}; the next call connects again"
        ),
        reason => format!("the server at {address} refused the connection ({reason:?}): {bye}"),
    }
}

/// The part of the text of [`ConnectError::WrongSecret`] that says what is known.
fn not_confirmed(certain: bool, tries: u32) -> String {
    if certain {
        return "has another secret".into();
    }
    let often = match tries {
        0 | 1 => String::new(),
        tries => format!(", {tries} times in a row"),
    };
    format!(
        "did not confirm the secret: the connection ended during the handshake{often}, which means a different secret or \
         a lost connection"
    )
}
