//! Random numbers that are the same in every run with the same seed.

/// The xorshift64* generator.
#[derive(Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        // The generator is stuck at zero, and seeds that differ little must not begin alike.
        let state = (seed ^ 0x9E37_79B9_7F4A_7C15).max(1);
        let mut random = Self { state };
        for _ in 0..8 {
            random.next();
        }
        random
    }

    /// A normally distributed number with mean 0 and standard deviation 1, never beyond 6.
    pub(super) fn gauss(&mut self) -> f64 {
        // The sum of twelve uniform numbers has variance 1 and is close enough to a normal distribution.
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn uniform(&mut self) -> f64 {
        let high = (self.next() >> 32) as u32;
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
