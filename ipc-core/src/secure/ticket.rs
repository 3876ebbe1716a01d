//! Tickets, by which a server recognises a returning client.

use std::fmt;

/// Tells a server that this client proved knowledge of the secret in an earlier connection. A ticket does not replace
/// that proof; it only exempts the client from the delays imposed on unknown sources after wrong guesses.
///
/// Both ends of a connection derive the same ticket without sending it. The client sends it in its next first message,
/// in place of the random nonce and unencrypted. An eavesdropper can read it, so a server accepts each ticket once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket([u8; Ticket::LEN]);

impl Ticket {
    /// Length in bytes: that of the nonce that it replaces.
    pub const LEN: usize = 16;

    /// Position of a ticket in the first message of a client, after the preamble.
    pub const PLACE: std::ops::Range<usize> = 8..8 + Self::LEN;

    /// Wraps received bytes, which may be a ticket or a random nonce.
    pub fn received(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}
