//! Why a channel fails.

use crate::wire::preamble::PreambleError;

/// Why a [`SecureChannel`](super::SecureChannel) cannot go on, or refuses to send.
///
/// Everything but [`NotEstablished`](Self::NotEstablished), [`Closed`](Self::Closed) and, when sending,
/// [`Exhausted`](Self::Exhausted) ends the channel. The peer is never told which it was: on the wire every failure is a
/// connection that closes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// This end sends after its own close. Nothing is lost; open a new connection to say more.
    #[error("this end has closed the channel and can send nothing more; connect again to continue")]
    Closed,
    /// A record does not open: a byte of it was changed, or a record before it was dropped, repeated or moved.
    #[error(
        "record {number} from the peer does not open: it was damaged, repeated, reordered or forged on the way; \
         nothing of it was used, connect again"
    )]
    CorruptRecord {
        /// Which record of this direction it would have been, counted from 0.
        number: u64,
    },
    /// The keys have served [`MAX_RECORDS`](super::MAX_RECORDS) records in one direction.
    #[error(
        "this connection has carried as many records as its keys may protect; connect again for fresh keys"
    )]
    Exhausted,
    /// The peer's half of the key exchange is not a usable group element.
    #[error(
        "the peer's key share is not a valid group element; the peer is broken or not honest, the secret was not tested"
    )]
    InvalidShare,
    /// An authenticated peer sent what the protocol does not define.
    #[error("record {number} from the peer {what}; the peer does not follow the protocol")]
    MalformedRecord {
        /// Which record of this direction it is, counted from 0.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The server closed the connection after it had read this client's proof and before it gave its own.
    #[error(
        "the server closed the connection instead of confirming the secret: most likely its secret or service name \
         differs from the one given here, compare both (a server that stops at this moment looks the same)"
    )]
    NotConfirmed,
    /// Nothing can be sent before both ends have proven that they know the secret.
    #[error("the secret is not confirmed yet: wait until the channel is established, then send")]
    NotEstablished,
    /// The peer speaks in the clear. This end has a secret and never does.
    #[error(
        "the peer has no secret and wants to speak in the clear, this end has one and refuses; \
         give the peer the same secret"
    )]
    PeerHasNoSecret,
    /// The peer's first bytes are not those of the other end of this protocol and version.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The stream ended without the peer's authenticated close: something between the ends may have cut it.
    #[error(
        "the connection ended without the peer's authenticated close; the peer died or something cut the \
         connection, and what it still had to say is lost"
    )]
    Truncated,
    /// The peer gave a proof, and it is wrong. Which of the two differs cannot be known.
    #[error(
        "the peer did not prove that it knows the same secret under the same service name; \
         compare both with those of the other end"
    )]
    WrongSecret,
}
