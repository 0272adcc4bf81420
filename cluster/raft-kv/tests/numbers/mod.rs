//! Numbers from a seed, the same in every run.

/// A sequence of numbers that only looks random (xorshift). The seed is not 0.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// The next number, which is below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
