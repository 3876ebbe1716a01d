//! What a client that was let in once shows when it comes back.

use std::fmt;

/// Tells a server that this client has shown the right secret before, in a connection that both remember. It proves
/// nothing about the secret, which has to be shown all the same; it only says whose guess is not to be put off.
///
/// Both ends of a connection compute the same ticket without sending it. The next first message carries it in place of
/// its random nonce, in the clear, so whoever listens can read it: a server takes each ticket once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket([u8; Ticket::LEN]);

impl Ticket {
    /// As long as the nonce whose place it takes, in bytes.
    pub const LEN: usize = 16;

    /// Where a ticket stands in the first message of a client: behind the preamble.
    pub const PLACE: std::ops::Range<usize> = 8..8 + Self::LEN;

    /// What may be a ticket, as it came.
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
