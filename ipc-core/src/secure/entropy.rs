//! Random bytes for a channel, supplied by the caller.

use std::fmt;

use zeroize::Zeroizing;

use super::Ticket;
use super::cpace::{SecretBytes, zeroed};

/// The random bytes that one channel consumes. They make its keys fresh, so they must come from the operating system
/// and must not be used for a second channel. Wiped when dropped.
pub struct Entropy {
    pub(super) nonce: [u8; Ticket::LEN],
    /// Seed of the secret scalar.
    pub(super) seed: SecretBytes<64>,
}

impl Entropy {
    /// Number of bytes that a channel consumes: 16 for its nonce, then 64 for its secret scalar.
    pub const LEN: usize = Ticket::LEN + 64;

    /// Uses random bytes that the caller has drawn. The array remains in the caller's memory; [`gather`](Self::gather)
    /// leaves no copy behind.
    pub fn new(drawn: [u8; Self::LEN]) -> Self {
        let drawn: &[u8; Self::LEN] = &Zeroizing::new(drawn);
        let (mut nonce, mut seed) = ([0; Ticket::LEN], zeroed());
        nonce.copy_from_slice(&drawn[..Ticket::LEN]);
        seed.copy_from_slice(&drawn[Ticket::LEN..]);
        Self { nonce, seed }
    }

    /// Draws the bytes through `fill`, for example `Entropy::gather(getrandom::fill)`.
    ///
    /// # Errors
    ///
    /// The error of `fill`. Without randomness there is no channel.
    pub fn gather<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let (mut nonce, mut seed) = ([0; Ticket::LEN], zeroed::<64>());
        fill(&mut nonce)?;
        fill(seed.as_mut_slice())?;
        Ok(Self { nonce, seed })
    }

    /// Sends `ticket` in place of the nonce. For clients that have been accepted before.
    pub fn with_ticket(mut self, ticket: Ticket) -> Self {
        self.nonce = ticket.bytes();
        self
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_source_of_randomness_is_an_error() {
        // `fill` may fail in its first or in its second call.
        for succeeds in 0..2 {
            let mut left = succeeds;
            let fill = |bytes: &mut [u8]| {
                bytes.fill(7);
                if left == 0 {
                    return Err("the system has none");
                }
                left -= 1;
                Ok(())
            };
            assert_eq!(Entropy::gather(fill).unwrap_err(), "the system has none");
        }
        let fill = |bytes: &mut [u8]| -> Result<(), ()> {
            bytes.fill(7);
            Ok(())
        };
        let drawn = Entropy::gather(fill).unwrap();
        assert_eq!((drawn.nonce, **drawn.seed), ([7; 16], [7; 64]));
    }
}
