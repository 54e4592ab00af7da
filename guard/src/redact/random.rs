//! Whether a run of characters looks drawn at random, as secrets are.

/// Whether `run` looks like a token without a known prefix: capitals, small letters and digits
/// that change places far more often than the words and numbers of an identifier do. A hash or
/// a UUID in lower case is none, for it names a commit or a task more often than a secret.
pub(super) fn is_random(run: &str) -> bool {
    let kinds: Vec<Kind> = run.bytes().filter_map(Kind::of).collect();
    let count = |kind| kinds.iter().filter(|other| **other == kind).count();
    if count(Kind::Upper) < 2 || count(Kind::Lower) < 2 || count(Kind::Digit) < 3 {
        return false;
    }
    let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    changes * 5 >= kinds.len() * 2
}

/// Whether `value`, which follows the name of a key, is neither a word nor a short number.
pub(super) fn is_opaque(value: &str) -> bool {
    let alphanumeric = value.bytes().filter(u8::is_ascii_alphanumeric).count();
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    // No word is this long, and a name this long has parts.
    let is_long = value.len() >= 20 && alphanumeric == value.len();
    value.len() >= 12 && alphanumeric >= 10 && (has_digit || is_long)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'A'..=b'Z' => Some(Self::Upper),
            b'a'..=b'z' => Some(Self::Lower),
            b'0'..=b'9' => Some(Self::Digit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_short_numbers_are_not_opaque() {
        for value in
            ["required", "tasks-by-project-and-role", "20261121", "fieldname", "a1b2c3d4e5f", "a1-----------"]
        {
            assert!(!is_opaque(value), "{value}");
        }
        for value in ["a1b2c3d4e5f6", "123456789012345678", "abcdefghijklmnopqrstuvwx"] {
            assert!(is_opaque(value), "{value}");
        }
    }

    #[test]
    fn identifiers_hashes_and_dates_are_not_random() {
        for run in [
            "AbstractSingletonProxyFactoryBean2026",
            "b58d3f102cf3a2c84cb7f923d05c25c9b1aed84b",
            "550e8400-e29b-41d4-a716-446655440000",
            "Release-Notes-For-Version-12345-Of-June",
            "x86_64-unknown-linux-gnu",
            // One capital, one small letter, two digits: each is too few.
            "aB3d5e6fg7hj9kl1mn2pq4rs6",
            "Ab3D5E6FG7HJ9KL1MN2PQ4RS6",
            "aB3dEfGhJk9LmNpQrStUvWxYz",
        ] {
            assert!(!is_random(run), "{run}");
        }
        for run in [
            "q7Xk2LmP9vRt4WzB8nYc3Hd6",
            "aB3dE5fG7hJ9kL1mN2pQ4rS6",
            "aB3dE5fg7hj9kl1mn2pq4rs6",
            "Ab3De5FG7HJ9KL1MN2PQ4RS6",
            "aB3dE5fGhJk9LmNpQrStUvWx",
        ] {
            assert!(is_random(run), "{run}");
        }
    }
}
