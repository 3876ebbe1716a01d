//! Errors of the encrypted channel.

use crate::wire::preamble::PreambleError;

/// Why a [`SecureChannel`](super::SecureChannel) failed or refuses to send.
///
/// All of these end the channel, except [`NotEstablished`](Self::NotEstablished), [`Closed`](Self::Closed) and, when
/// sending, [`Exhausted`](Self::Exhausted). The peer never learns which error it was: on the wire, every failure is a
/// connection that closes.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// Data was sent after this end had closed the channel. Nothing is lost; open a new connection to send more.
    #[error(
        "the channel was closed by this end and cannot send any more; connect again to continue"
    )]
    Closed,
    /// A record failed authentication: a byte of it was changed, or an earlier record was dropped, repeated or moved.
    #[error(
        "cannot decrypt record {number} from the peer: it was damaged, repeated, reordered or forged on the way; \
         it was discarded, connect again"
    )]
    CorruptRecord {
        /// Number of the expected record in this direction, counted from 0.
        number: u64,
    },
    /// The keys have protected [`MAX_RECORDS`](super::MAX_RECORDS) records or [`MAX_BLOCKS`](super::MAX_BLOCKS) blocks in
    /// one direction.
    #[error(
        "the keys of this connection have protected the maximum amount of data; connect again for fresh keys"
    )]
    Exhausted,
    /// The peer's half of the key exchange is not a usable group element.
    #[error(
        "the peer's key share is not a valid group element: the peer is faulty or malicious; the secret was not tested"
    )]
    InvalidShare,
    /// An authenticated peer sent a record that the protocol does not define.
    #[error("record {number} from the peer {what}; the peer does not follow the protocol")]
    MalformedRecord {
        /// Number of the record in this direction, counted from 0.
        number: u64,
        /// What is wrong with it, as the end of a sentence.
        what: &'static str,
    },
    /// The server closed the connection after receiving this client's proof and before sending its own.
    #[error(
        "the server closed the connection instead of confirming the secret: most likely its secret or service name \
         differs from the one given here; compare both (a server that stops at this moment looks the same)"
    )]
    NotConfirmed,
    /// Data was sent before both ends had proven that they know the secret.
    #[error("the secret is not confirmed yet; wait until the channel is established, then send")]
    NotEstablished,
    /// The peer wants an unencrypted connection. An end with a secret never accepts one.
    #[error(
        "the peer has no secret and wants an unencrypted connection; this end has a secret and refuses: \
         give the peer the same secret"
    )]
    PeerHasNoSecret,
    /// The peer's first bytes are not the preamble of this protocol and version.
    #[error(transparent)]
    Preamble(#[from] PreambleError),
    /// The stream ended without the peer's authenticated close: something between the ends may have cut it.
    #[error(
        "the connection ended without the peer's authenticated close: the peer died or something cut the \
         connection, and data that it had not sent yet is lost"
    )]
    Truncated,
    /// The peer's proof is wrong. Whether the secret or the service name differs cannot be known.
    #[error(
        "the peer did not prove that it knows the same secret under the same service name; \
         compare both with those of the other end"
    )]
    WrongSecret,
}

crate::readable_debug!(ChannelError);
