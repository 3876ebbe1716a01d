//! What an error of the system, of a connection or of its channel means for the one who connects.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use ipc_core::secure::ChannelError;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason};
use ipc_core::wire::frame::FrameError;
use ipc_core::wire::preamble::PreambleError;

use super::ConnectError;

/// An answer of the operating system: an [`io::Error`] that can be cloned and compared. It equals another one of the same
/// kind and text.
#[derive(Clone, Debug)]
pub struct SystemError(Arc<io::Error>);

impl Deref for SystemError {
    type Target = io::Error;

    fn deref(&self) -> &io::Error {
        &self.0
    }
}

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PartialEq for SystemError {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.to_string() == other.to_string()
    }
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ConnectError {
    /// The error of a try to reach `tried`, as far as that is known.
    pub(crate) fn from_io(address: String, tried: Option<SocketAddr>, error: io::Error) -> Self {
        let kind = error.kind();
        let (problem, hint) = match kind {
            io::ErrorKind::ConnectionRefused => ("nothing listens there", refused(tried)),
            io::ErrorKind::TimedOut => (
                "it does not answer",
                "is the computer on and in this network, and does its firewall let the port through?",
            ),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
                "there is no way to it",
                interface_of(tried).unwrap_or(
                    "is this computer in the same network, and is the cable plugged in?",
                ),
            ),
            io::ErrorKind::PermissionDenied => (
                "this computer does not permit it",
                "does a firewall on this computer forbid it?",
            ),
            _ => (
                "",
                interface_of(tried).unwrap_or("check the network between the two computers"),
            ),
        };
        let (problem, source) = match problem {
            "" => (error.to_string(), None),
            problem => (problem.to_string(), Some(error.into())),
        };
        Self::Unreachable {
            address,
            problem,
            hint,
            kind,
            source,
        }
    }

    pub(crate) fn from_link(address: String, service: &str, error: LinkError) -> Self {
        match error {
            LinkError::Preamble(cause @ PreambleError::NotThisProtocol(_)) => {
                Self::NotThisProtocol { address, cause }
            }
            LinkError::Preamble(cause @ PreambleError::Version(_)) => {
                Self::Version { address, cause }
            }
            LinkError::SecretRequired => Self::SecretRequired { address },
            LinkError::Channel(error) => Self::from_channel(address, error),
            LinkError::Bye(Bye {
                reason: ByeReason::WrongService,
                message,
                ..
            }) => Self::WrongService {
                address,
                asked: service.to_string(),
                message,
            },
            LinkError::Bye(bye) => Self::Refused { address, bye },
            cause @ (LinkError::Lost(_)
            | LinkError::Unconfirmed(_)
            | LinkError::Silent
            | LinkError::Frame(FrameError::Truncated)) => Self::Lost { address, cause },
            cause => Self::Unusable { address, cause },
        }
    }

    fn from_channel(address: String, error: ChannelError) -> Self {
        match error {
            ChannelError::PeerHasNoSecret => Self::ServerHasNoSecret { address },
            ChannelError::WrongSecret | ChannelError::NotConfirmed => Self::WrongSecret {
                address,
                certain: error == ChannelError::WrongSecret,
                tries: 1,
            },
            ChannelError::Preamble(cause @ PreambleError::NotThisProtocol(_)) => {
                Self::NotThisProtocol { address, cause }
            }
            ChannelError::Preamble(cause @ PreambleError::Version(_)) => {
                Self::Version { address, cause }
            }
            ChannelError::CorruptRecord { .. }
            | ChannelError::Exhausted
            | ChannelError::Truncated => Self::Lost {
                address,
                cause: LinkError::Channel(error),
            },
            _ => Self::Unusable {
                address,
                cause: LinkError::Channel(error),
            },
        }
    }
}

/// Why nothing listens on a computer that answers.
fn refused(tried: Option<SocketAddr>) -> &'static str {
    match tried {
        Some(server) if !server.ip().is_loopback() => {
            "is the server running, and is the port right? a server without `bind` listens for its own computer only"
        }
        _ => "is the server running, and is the port right?",
    }
}

/// What to look at with a link-local address.
fn interface_of(tried: Option<SocketAddr>) -> Option<&'static str> {
    match tried {
        Some(SocketAddr::V6(v6)) if v6.ip().is_unicast_link_local() => match v6.scope_id() {
            0 => Some(
                "a link-local address needs the network interface of this computer: `fe80::1%eth0`",
            ),
            _ => Some("is the network interface after the `%` the right one?"),
        },
        _ => None,
    }
}
