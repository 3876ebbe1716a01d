//! Randomness, as an argument.

use std::fmt;

use zeroize::Zeroizing;

/// The random bytes that one channel uses up: they make its keys fresh, so they must come from the operating system and
/// serve one channel only. Wiped when dropped.
pub struct Entropy {
    pub(super) nonce: [u8; 16],
    pub(super) seed: Zeroizing<[u8; 64]>,
}

impl Entropy {
    /// How many bytes a channel takes: 16 for its nonce, then 64 for its secret scalar.
    pub const LEN: usize = 80;

    /// Takes random bytes that the caller has drawn.
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        let bytes: &[u8; Self::LEN] = &Zeroizing::new(bytes);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&bytes[..16]);
        let mut seed = Zeroizing::new([0; 64]);
        seed.copy_from_slice(&bytes[16..]);
        Self { nonce, seed }
    }

    /// Draws the bytes through `fill`, for example `Entropy::gather(getrandom::fill)`.
    ///
    /// # Errors
    ///
    /// The error of `fill`: without randomness there is no channel.
    pub fn gather<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        fill(bytes.as_mut_slice())?;
        Ok(Self::new(*bytes))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}
