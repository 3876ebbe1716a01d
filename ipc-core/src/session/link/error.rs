//! Why a connection cannot go on.

use crate::secure::ChannelError;
use crate::wire::codec::CodecError;
use crate::wire::ctrl::{Bye, CtrlMsg};
use crate::wire::frame::FrameError;
use crate::wire::preamble::PreambleError;

/// Why a connection is of no more use.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The first bytes are wrong.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The peer has a secret, this end has none.
    #[error("the other end wants a secret, this end has none; give both the same one")]
    SecretRequired,
    /// The encrypted channel failed; among others, because the secrets differ.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The bytes are not frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame does not hold what its control message says.
    #[error("the peer sent a {ctrl:?} message that cannot be read: {error}")]
    Message {
        /// The control message.
        ctrl: CtrlMsg,
        /// What is wrong with its payload.
        error: CodecError,
    },
    /// A message came that has no place here.
    #[error("the peer sent a {ctrl:?} message where {expected} was expected")]
    Unexpected {
        /// The control message.
        ctrl: CtrlMsg,
        /// What was expected.
        expected: &'static str,
    },
    /// A call number came back with another call.
    #[error("the peer used call number {0} for two different calls")]
    FalseRetry(u64),
    /// The peer said goodbye.
    #[error("the other end closed the connection: {}", .0)]
    Bye(Bye),
    /// The connection ended without a goodbye.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The connection ended without a goodbye after the server was given this client's proof of the secret, and before it
    /// gave its own.
    #[error("the connection was lost before the server had confirmed the secret: {0}")]
    Unconfirmed(String),
    /// Nothing came for too long.
    #[error("the other end has been silent for too long")]
    Silent,
}

crate::readable_debug!(LinkError);
