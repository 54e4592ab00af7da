//! Identifiers: 64-bit, time-ordered, never reused; shown as 13 Crockford base32 characters.
//!
//! The number is the SQLite rowid (PostgreSQL `BIGINT`), so an id is its own index. Thirteen
//! characters are what an assistant has to copy, instead of a UUID's 36.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 13;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: ids are 13 characters of 0-9 and A-Z without U")]
pub struct InvalidId;

/// Writes `value` as 13 Crockford base32 characters, most significant first.
fn encode(value: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut bits = value.cast_unsigned();
    let mut text = [0; LENGTH];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

/// Reads what [`encode`] wrote: case-insensitive, `O` as 0, `I` and `L` as 1.
fn decode(text: &str) -> Result<i64, InvalidId> {
    if text.len() != LENGTH {
        return Err(InvalidId);
    }
    let mut value: u128 = 0;
    for byte in text.bytes() {
        let digit = match byte.to_ascii_uppercase() {
            b'O' => 0,
            b'I' | b'L' => 1,
            upper => ALPHABET.iter().position(|&known| known == upper).ok_or(InvalidId)?,
        };
        value = value << 5 | digit as u128;
    }
    i64::try_from(value).map_err(|_| InvalidId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// The id stored as this row id.
            pub const fn from_row_id(row_id: i64) -> Self {
                Self(row_id)
            }

            /// The number under which the row is stored.
            pub const fn row_id(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                decode(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{13}$" })
            }
        }
    )+};
}

ids! {
    /// Identifies a task.
    TaskId,
    /// Identifies a project.
    ProjectId,
    /// Identifies a note on a task.
    NoteId,
    /// Identifies an indexed document.
    DocumentId,
    /// Identifies one claim of a task.
    ExecutionId,
}

/// What a caller wrote where an entity is meant: an id, a temporary `ref` of the same batch, or
/// (for projects) a name. The store resolves it and suggests the nearest when it finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

impl Reference {
    /// Takes the text as written; it is resolved later.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TaskId> for Reference {
    fn from(id: TaskId) -> Self {
        Self(id.to_string())
    }
}

impl JsonSchema for Reference {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "reference", "minLength": 1, "maxLength": 200 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_id_survives_being_shown_and_read() {
        for row_id in [0, 1, 31, 32, 1 << 42, i64::MAX - 1, i64::MAX] {
            let id = TaskId::from_row_id(row_id);
            let shown = id.to_string();
            assert_eq!(shown.len(), LENGTH);
            assert_eq!(shown.parse(), Ok(id));
            assert_eq!(shown.to_lowercase().parse(), Ok(id));
        }
    }

    #[test]
    fn shown_ids_sort_as_their_row_ids() {
        let mut shown: Vec<_> = [5, 1 << 40, 77, 33].map(|n| TaskId::from_row_id(n).to_string()).into();
        shown.sort();
        let row_ids: Vec<_> = shown.iter().map(|s| s.parse::<TaskId>().unwrap().row_id()).collect();
        assert_eq!(row_ids, [5, 33, 77, 1 << 40]);
    }

    #[test]
    fn letters_that_look_like_digits_are_digits() {
        assert_eq!("OOOOOOOOOOOIL".parse::<TaskId>(), Ok(TaskId::from_row_id(33)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "123", "000000000000U", "00000000000001", "ZZZZZZZZZZZZZ", "é00000000000"] {
            assert_eq!(text.parse::<TaskId>(), Err(InvalidId), "{text}");
        }
    }
}
