//! What an error of the operating system, of a connection or of its encryption means for a client that connects.

use std::io;
use std::net::SocketAddr;

use ipc_core::secure::ChannelError;
use ipc_core::session::link::LinkError;
use ipc_core::wire::ctrl::{Bye, ByeReason};
use ipc_core::wire::frame::FrameError;
use ipc_core::wire::preamble::PreambleError;
use ipc_net::ConfigureError;

use super::ConnectError;

impl ConnectError {
    /// The error of a connection to `server` whose socket could not be configured.
    pub(crate) fn from_configure(server: SocketAddr, error: ConfigureError) -> Self {
        match error {
            ConfigureError::Refused { option, cause } => Self::Setting {
                setting: option,
                cause: cause.into(),
            },
            ConfigureError::Closed(gone) => Self::from_io(server.to_string(), Some(server), gone),
        }
    }

    /// The error of an attempt to connect, to `tried` if an address was tried.
    pub(crate) fn from_io(address: String, tried: Option<SocketAddr>, error: io::Error) -> Self {
        let kind = error.kind();
        let (problem, hint) = match kind {
            io::ErrorKind::ConnectionRefused => ("nothing listens there", refused_hint(tried)),
            io::ErrorKind::TimedOut => (
                "the computer does not answer",
                "is it switched on and in this network, and does its firewall let the port through?",
            ),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
                "there is no route to it",
                interface_hint(tried).unwrap_or(
                    "is this computer in the same network, and is the cable plugged in?",
                ),
            ),
            io::ErrorKind::PermissionDenied => (
                "this computer does not allow it",
                "does a firewall on this computer block it?",
            ),
            _ => (
                "",
                interface_hint(tried).unwrap_or("check the network between the two computers"),
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

/// What to check if nothing listens on a computer that answers.
fn refused_hint(tried: Option<SocketAddr>) -> &'static str {
    match tried {
        Some(server) if !server.ip().is_loopback() => {
            "is the server running, and is the port right? a server without `bind` accepts only connections from its own computer"
        }
        _ => "is the server running, and is the port right?",
    }
}

/// What to check if the address is link-local.
fn interface_hint(tried: Option<SocketAddr>) -> Option<&'static str> {
    match tried {
        Some(SocketAddr::V6(v6)) if v6.ip().is_unicast_link_local() => match v6.scope_id() {
            0 => Some(
                "a link-local address needs the network interface of this computer: `fe80::1%eth0`",
            ),
            _ => Some("is the network interface after the `%` correct?"),
        },
        _ => None,
    }
}
