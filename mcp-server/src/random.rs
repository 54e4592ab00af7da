//! Numbers that cannot be guessed.

use std::hash::{BuildHasher, RandomState};

/// 64 bits that nobody outside this process can know beforehand.
pub(crate) fn number() -> u64 {
    // Keyed with 128 random bits from the system, with another key every time.
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_the_same() {
        assert_ne!(super::number(), super::number());
    }
}
