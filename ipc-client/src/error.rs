//! Why there is no connection.

mod causes;

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use ipc_core::secure::SecretError;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason, QueueStatus};
use ipc_core::wire::preamble::PreambleError;
use ipc_net::{AddressError, unresolved};
use tokio::runtime::{Handle, RuntimeFlavor};

pub use causes::SystemError;

/// Why there is no connection. No call was sent, and nothing happened at the instrument.
///
/// The text says what is wrong and what to do. Where it says in words of its own what an answer of the operating system
/// means, `source()` returns that answer, an [`io::Error`]; everything else is in the text, and nothing is in both.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address was not written as one. Correct it in the program.
    #[error(transparent)]
    BadAddress(#[from] AddressError),
    /// There is no computer of that name, or the name service cannot be asked; or this computer has no network interface
    /// of the name that follows the `%`.
    #[error("{}", unresolved(.host))]
    Unresolvable {
        /// The name.
        host: String,
        /// What the system says.
        #[source]
        cause: SystemError,
    },
    /// The computer, or the server on it, does not answer.
    #[error("no connection to {address}: {problem} ({hint})")]
    Unreachable {
        /// What was tried.
        address: String,
        /// What is wrong: what the answer of the system means or, if that is not clear, what it says.
        problem: String,
        /// What is most likely the matter.
        hint: &'static str,
        /// The kind of the system's answer.
        kind: io::ErrorKind,
        /// The system's answer, unless `problem` has its text.
        source: Option<SystemError>,
    },
    /// The system does not take a setting of this client for its socket.
    #[error("cannot set {setting} of the socket; choose another value")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What the system says.
        #[source]
        cause: SystemError,
    },
    /// Something else listens there.
    #[error("{address} is not a server of instruments: {cause}; check the port")]
    NotThisProtocol {
        /// What was tried.
        address: String,
        /// What it said instead.
        cause: PreambleError,
    },
    /// The server speaks another version of the protocol.
    #[error("{address}: {cause}")]
    Version {
        /// What was tried.
        address: String,
        /// Which versions.
        cause: PreambleError,
    },
    /// The server has a secret, this client has none. Give the client the server's.
    #[error("the server at {address} wants a secret; give this client the same one")]
    SecretRequired {
        /// What was tried.
        address: String,
    },
    /// This client has a secret, the server has none: it is not the server that was meant, or was set up without.
    #[error(
        "the server at {address} has no secret, this client has; set the same one there, if it is the right server"
    )]
    ServerHasNoSecret {
        /// What was tried.
        address: String,
    },
    /// The server did not confirm the secret of this client: it has another one, or another service name, or it went away
    /// at just this moment. A client that has not met its server yet tries twice before it says so.
    #[error(
        "the server at {address} {}; give both ends the same secret (and the same service name); after several wrong ones \
         the server makes this computer wait, and this client waits a minute of its own accord",
        not_confirmed(*.certain, *.tries)
    )]
    WrongSecret {
        /// What was tried.
        address: String,
        /// True if the server gave a proof of another secret; false if the connection ended before it gave any.
        certain: bool,
        /// Number of connections in a row that have ended so.
        tries: u32,
    },
    /// The secret given to this client cannot be one.
    #[error(transparent)]
    BadSecret(SecretError),
    /// The server serves something else.
    #[error("the server at {address} is not for the service `{asked}`: {message}")]
    WrongService {
        /// What was tried.
        address: String,
        /// What this client asked for.
        asked: String,
        /// What the server said.
        message: String,
    },
    /// Somebody else held the server for all the time there was to wait.
    #[error("the server is busy, after {waited:?} of waiting: {queue}")]
    Busy {
        /// How long was waited.
        waited: Duration,
        /// The place in the queue, and who holds the server.
        queue: QueueStatus,
    },
    /// The server sent this client away.
    #[error("the server at {address} refused the connection ({:?}): {}", .bye.reason, .bye)]
    Refused {
        /// What was tried.
        address: String,
        /// What the server said.
        bye: Bye,
    },
    /// The server accepted the connection and then did not go on with it in time.
    #[error("the server at {address} did not answer within {waited:?}")]
    TimedOut {
        /// What was tried.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The connection was lost, or ended before it was of use.
    #[error("{address}: {cause}")]
    Lost {
        /// What was tried.
        address: String,
        /// How it ended.
        cause: LinkError,
    },
    /// The peer broke the protocol, or could not prove who it is.
    #[error("the connection to {address} is of no use: {cause}")]
    Unusable {
        /// What was tried.
        address: String,
        /// What is wrong.
        cause: LinkError,
    },
    /// A blocking client waited in vain where an async runtime of one thread is at work.
    #[error(
        "{cause}; an async runtime of one thread is at work here: if the server runs in it, it cannot answer while a \
         blocking client waits; use `AsyncClient`, or `spawn_blocking` around the blocking one"
    )]
    InsideRuntime {
        /// How the waiting ended.
        cause: Box<ConnectError>,
    },
    /// An async client was made outside of a tokio runtime.
    #[error("an async client needs a tokio runtime around it; use `Client` where there is none")]
    NoRuntime,
}

impl ConnectError {
    /// True if trying again, without changing anything, will end the same way.
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

    /// The text with those of all sources, for where only a text is kept.
    pub(crate) fn full_text(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        text
    }

    /// True if the server was given this client's proof of the secret and did not give its own.
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

    /// Adds what may be the matter if a server in this very thread was silent.
    pub(crate) fn told_to_blocking(self) -> Self {
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

/// What a server did instead of confirming the secret.
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
