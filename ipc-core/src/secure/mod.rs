//! The encrypted channel: bytes in, bytes out, between a socket and the frames, if both ends hold a secret.
//!
//! The secret is a word that people share, so it is never used as a key. A password-authenticated key exchange
//! (CPace over ristretto255) turns it into fresh keys for each connection. An attacker who listens, poses as the server
//! or connects as a client learns at most whether *one* guess per connection was right. After the handshake, every byte
//! travels in encrypted records, each direction under its own key. The cipher is AES-256-GCM if the processors of both
//! ends have instructions for it, otherwise ChaCha20-Poly1305.
//!
//! ```text
//! secret.rs    the shared word: normalised, wiped, never shown
//! cpace.rs     secret + names -> generator -> shares -> ISK           (the published construction, nothing else)
//! keys.rs      ISK + transcript -> tags, record keys, exporter
//! handshake.rs preamble, shares and proofs, in order                  (one state machine for both roles)
//! aead.rs      the ciphers                                            (the only file that names an implementation)
//! record.rs    sealed, numbered pieces of the byte stream
//! ticket.rs    how a returning client is recognised
//! channel.rs   `SecureChannel`: handshake and records together
//! ```
//!
//! Anyone who holds the secret can pose as the server or as any client, because it is shared.
//!
//! # Example
//!
//! ```
//! use ipc_core::secure::{Entropy, Secret, SecureChannel};
//!
//! let secret = Secret::new("waktu")?;
//! // Real programs fill these from the operating system: `Entropy::gather(getrandom::fill)`.
//! let mut client = SecureChannel::client(&secret, "", Entropy::new([1; Entropy::LEN]));
//! let mut server = SecureChannel::server(&secret, "", Entropy::new([2; Entropy::LEN]));
//!
//! let (mut at_client, mut at_server) = (Vec::new(), Vec::new());
//! while !client.is_established() {
//!     server.handle_input(client.transmit(), &mut at_server)?;
//!     client.consume(client.transmit().len());
//!     client.handle_input(server.transmit(), &mut at_client)?;
//!     server.consume(server.transmit().len());
//! }
//!
//! client.send(b"*IDN?")?;
//! server.handle_input(client.transmit(), &mut at_server)?;
//! assert_eq!(at_server, b"*IDN?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aead;
mod channel;
mod cpace;
mod entropy;
mod error;
mod handshake;
mod keys;
mod record;
mod secret;
mod source;
#[cfg(test)]
mod tests;
mod ticket;

pub use channel::SecureChannel;
pub use entropy::Entropy;
pub use error::ChannelError;
pub use record::{MAX_BLOCKS, MAX_RECORDS};
pub use secret::{Secret, SecretError};
pub use source::{IntoSecret, SECRET_VARIABLE, SecretSourceError};
pub use ticket::Ticket;
