//! Randomness, as an argument.

use std::fmt;

use zeroize::Zeroizing;

use super::cpace::{Kept, kept};

/// The random bytes that one channel uses up: they make its keys fresh, so they must come from the operating system and
/// serve one channel only. Wiped when dropped.
pub struct Entropy {
    pub(super) nonce: [u8; 16],
    pub(super) seed: Kept<64>,
}

impl Entropy {
    /// How many bytes a channel takes: 16 for its nonce, then 64 for its secret scalar.
    pub const LEN: usize = 80;

    /// Takes random bytes that the caller has drawn.
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self::from_drawn(&Zeroizing::new(bytes))
    }

    /// Draws the bytes through `fill`, for example `Entropy::gather(getrandom::fill)`.
    ///
    /// # Errors
    ///
    /// The error of `fill`: without randomness there is no channel.
    pub fn gather<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        fill(bytes.as_mut_slice())?;
        Ok(Self::from_drawn(&bytes))
    }

    fn from_drawn(bytes: &[u8; Self::LEN]) -> Self {
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&bytes[..16]);
        let mut seed = kept();
        seed.copy_from_slice(&bytes[16..]);
        Self { nonce, seed }
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
        let half_filled = |bytes: &mut [u8]| {
            bytes[..40].fill(7);
            Err("the system has none")
        };
        assert_eq!(
            Entropy::gather(half_filled).unwrap_err(),
            "the system has none"
        );
        let fill = |bytes: &mut [u8]| -> Result<(), ()> {
            assert_eq!(bytes.len(), Entropy::LEN);
            bytes.fill(7);
            Ok(())
        };
        let drawn = Entropy::gather(fill).unwrap();
        assert_eq!((drawn.nonce, **drawn.seed), ([7; 16], [7; 64]));
    }
}
