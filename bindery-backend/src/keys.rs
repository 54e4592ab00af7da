//! API keys: 256 random bits for the caller, a name and their SHA-256 for us.
//!
//! A key is too random to be guessed, so a plain hash keeps it as well as a slow one would.

mod access;
mod bucket;
mod file;

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(crate) use self::access::{Access, Denial};
pub use self::file::{FILE_NAME, KeysError};

/// What every key begins with, so that scanners and our own redaction know one.
const PREFIX: &str = "bnd_";
/// More letters than this are no name.
const NAME_LIMIT: usize = 64;

type Hash = [u8; 32];

/// A key as it is kept: it lets nobody in.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    hash: Hash,
}

impl Key {
    /// A fresh key: its secret text, which is kept nowhere, and what is kept of it. Nothing when
    /// `name` is not made of up to 64 letters, digits, dots, hyphens and underscores.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(name: &str) -> Result<Option<(String, Self)>, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let text = format!("{PREFIX}{}", hex(&secret));
        let hash = hash(&text);
        Ok(is_name(name).then(|| (text, Self { name: name.to_owned(), hash })))
    }

    /// Reads a name and a hash.
    fn read(name: &str, hash: &str) -> Option<Self> {
        let mut bytes = Hash::default();
        if !is_name(name) || hash.len() != 2 * bytes.len() || !hash.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(hash.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self { name: name.to_owned(), hash: bytes })
    }
}

/// The line of a key file.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, hex(&self.hash))
    }
}

/// The keys that let in. Their names are unique.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    keys: Vec<Key>,
}

impl Keys {
    /// Reads a list of `NAME:HASH`, with commas between them; nothing when it is not one.
    pub fn from_list(text: &str) -> Option<Self> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| item.split_once(':').and_then(|(name, hash)| Key::read(name, hash))).try_fold(
            Self::default(),
            |mut keys, key| {
                keys.add(key?)?;
                Some(keys)
            },
        )
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Adds the others; nothing when a name comes twice.
    pub fn with(mut self, others: Self) -> Option<Self> {
        others.keys.into_iter().try_for_each(|key| self.add(key))?;
        Some(self)
    }

    fn add(&mut self, key: Key) -> Option<()> {
        let is_new = self.keys.iter().all(|known| known.name != key.name);
        is_new.then(|| self.keys.push(key))
    }

    /// The place of the key with this text. It takes the same time whichever it is, and whatever
    /// of it is right.
    fn find(&self, text: &str) -> Option<usize> {
        let hash = hash(text);
        let matches = |key: &Key| bool::from(key.hash.ct_eq(&hash));
        self.keys.iter().enumerate().fold(None, |found, (place, key)| found.or(matches(key).then_some(place)))
    }
}

/// The names alone.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

/// Whether `text` holds something with the form of a key.
pub(crate) fn holds_key(text: &str) -> bool {
    text.contains(PREFIX)
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(is_plain)
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_key_is_found_by_its_text_and_by_no_other() {
        let (text, key) = Key::generate("laptop").unwrap().unwrap();
        let (other_text, other) = Key::generate("ci").unwrap().unwrap();
        assert_eq!((text.len(), text.starts_with(PREFIX)), (PREFIX.len() + 64, true));
        let keys = Keys { keys: vec![other, key] };
        assert_eq!((keys.find(&text), keys.find(&other_text)), (Some(1), Some(0)));
        assert_eq!(keys.find(&text[1..]), None);
        assert_eq!(keys.find(&text.to_uppercase()), None);
        // What is kept is no key.
        assert_eq!(keys.find(&hex(&keys.keys[1].hash)), None);
    }

    #[test]
    fn names_are_plain() {
        for name in ["", "two words", "a:b", "a,b", "é", &"x".repeat(65)] {
            assert!(Key::generate(name).unwrap().is_none(), "{name}");
        }
    }

    #[test]
    fn a_list_reads_back_and_takes_no_name_twice_and_no_plain_key() {
        let (text, key) = Key::generate("a.b-c_1").unwrap().unwrap();
        let item = key.to_string().replace(' ', ":");
        let keys = Keys::from_list(&format!(" {item} ,")).unwrap();
        assert_eq!((keys.find(&text), keys.len()), (Some(0), 1));
        for list in [format!("{item},{item}"), format!("a:{text}"), text, "a".to_owned(), "a:é".to_owned()] {
            assert_eq!(Keys::from_list(&list), None, "{list}");
        }
        assert_eq!(keys.clone().with(keys.clone()), None);
        assert_eq!(format!("{keys:?}"), r#"["a.b-c_1"]"#);
    }
}
