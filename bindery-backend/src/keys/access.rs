//! Who may come in, and how often.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use super::{
    Keys,
    bucket::{Bucket, Rate},
};

/// The keys in force, and how much each has asked lately.
#[derive(Debug)]
pub(crate) struct Access {
    keys: Keys,
    rate: Rate,
    /// One for each key, in their order.
    buckets: Vec<Mutex<Bucket>>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// There is no such key.
    Unknown,
    /// The key has asked too often.
    TooOften,
}

impl Access {
    /// Lets each of `keys` ask `rate` times a second, and twice as often for one second.
    pub(crate) fn new(keys: Keys, rate: NonZeroU32) -> Self {
        let buckets = keys.keys.iter().map(|_| Mutex::default()).collect();
        Self { keys, rate: Rate::per_second(rate), buckets }
    }

    /// Whether a key is needed.
    pub(crate) const fn needs_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The name of the key with this text, which asks once more.
    ///
    /// # Errors
    /// Why it is not let in.
    pub(crate) fn admit(&self, text: &str, now: Instant) -> Result<&str, Denial> {
        let place = self.keys.find(text).ok_or(Denial::Unknown)?;
        let (Some(key), Some(bucket)) = (self.keys.keys.get(place), self.buckets.get(place)) else {
            return Err(Denial::Unknown);
        };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        if bucket.take(now, self.rate) { Ok(&key.name) } else { Err(Denial::TooOften) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;

    #[test]
    fn each_key_has_its_own_measure() {
        let pairs = ["a", "b"].map(|name| Key::generate(name).unwrap().unwrap());
        let [a, b] = pairs.clone().map(|(text, _)| text);
        let keys = Keys { keys: pairs.map(|(_, key)| key).into() };
        let (access, now) = (Access::new(keys, NonZeroU32::MIN), Instant::now());
        assert_eq!([access.admit(&a, now), access.admit(&a, now)], [Ok("a"); 2]);
        assert_eq!(access.admit(&a, now), Err(Denial::TooOften));
        assert_eq!(access.admit(&b, now), Ok("b"));
        assert_eq!(access.admit("bnd_", now), Err(Denial::Unknown));
    }
}
