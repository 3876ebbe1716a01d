//! Randomness, as an argument.

use std::fmt;

use zeroize::Zeroizing;

use super::Ticket;
use super::cpace::{Kept, kept};

/// The random bytes that one channel uses up: they make its keys fresh, so they must come from the operating system and
/// serve one channel only. Wiped when dropped.
pub struct Entropy {
    pub(super) nonce: [u8; Ticket::LEN],
    /// What the secret scalar is made from.
    pub(super) seed: Kept<64>,
}

impl Entropy {
    /// How many bytes a channel takes: 16 for its nonce, then 64 for its secret scalar.
    pub const LEN: usize = Ticket::LEN + 64;

    /// Takes random bytes that the caller has drawn, and of which the caller keeps a copy: [`gather`](Self::gather)
    /// leaves none.
    pub fn new(drawn: [u8; Self::LEN]) -> Self {
        let drawn: &[u8; Self::LEN] = &Zeroizing::new(drawn);
        let (mut nonce, mut seed) = ([0; Ticket::LEN], kept());
        nonce.copy_from_slice(&drawn[..Ticket::LEN]);
        seed.copy_from_slice(&drawn[Ticket::LEN..]);
        Self { nonce, seed }
    }

    /// Draws the bytes through `fill`, for example `Entropy::gather(getrandom::fill)`.
    ///
    /// # Errors
    ///
    /// The error of `fill`: without randomness there is no channel.
    pub fn gather<E>(mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let (mut nonce, mut seed) = ([0; Ticket::LEN], kept::<64>());
        fill(&mut nonce)?;
        fill(seed.as_mut_slice())?;
        Ok(Self { nonce, seed })
    }

    /// Shows `ticket` in place of the nonce. For clients that have been let in before.
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
    fn without_randomness_there_is_an_error_and_nothing_else() {
        // It may fail at once, or half-way.
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
