//! Columns as they stand in a line: ids and times as they are shown, JSON as it is stored.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _},
    ser::Error as _,
};
use serde_json::value::RawValue;
use shared_types::{JsonObject, TaskId, Timestamp, guarded::GuardReport, task::Priority};

use crate::store::{record, tasks::record as task_record};

/// Numbers go this far: beyond, JSON readers round them, and counting on from them could overflow.
const LARGEST: i64 = (1 << 53) - 1;

/// Declares a column that is stored as `$stored`.
macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident($stored:ty)),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(super) struct $name(pub(super) $stored);

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <$stored>::column_result(value).map(Self)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }
    )+};
}

columns! {
    /// The id of a row, whatever its kind; shown as every id is.
    RowId(i64),
    /// A point in time.
    Millis(i64),
    /// A number that counts something, from 1.
    Count(i64),
    /// A priority by its rank.
    Rank(i64),
    /// A JSON object, byte for byte.
    Object(String),
    /// A report of the text guard as JSON, byte for byte.
    Report(String),
    /// A JSON array of texts.
    Texts(String),
    /// A JSON array of row ids in ascending order.
    RowIds(String),
}

impl Serialize for RowId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Ids of all kinds look the same.
        TaskId::from_row_id(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RowId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TaskId::deserialize(deserializer)?.row_id() {
            id if id > 0 => Ok(Self(id)),
            _ => Err(D::Error::custom("no row has this id")),
        }
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Timestamp::from_millis(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Timestamp::deserialize(deserializer)?.as_millis()))
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            number @ 1..=LARGEST => Ok(Self(number)),
            _ => Err(D::Error::custom(format!("a number from 1 to {LARGEST} is expected"))),
        }
    }
}

impl Serialize for Rank {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        task_record::priority(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rank {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(task_record::rank(Priority::deserialize(deserializer)?)))
    }
}

/// Writes stored JSON as it is. A line end can only stand between its tokens, where a space is the same.
fn write_raw<S: Serializer>(json: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let one_line = json.replace(['\n', '\r'], " ");
    RawValue::from_string(one_line).map_err(S::Error::custom)?.serialize(serializer)
}

/// Reads JSON that is a `T`, and keeps how it was written.
fn read_raw<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    serde_json::from_str::<T>(raw.get()).map_err(D::Error::custom)?;
    Ok(raw.get().to_owned())
}

macro_rules! raw_columns {
    ($($name:ident as $type:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                write_raw(&self.0, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_raw::<$type, D>(deserializer).map(Self)
            }
        }
    )+};
}

raw_columns!(Object as JsonObject, Report as GuardReport, Texts as Vec<String>);

impl Serialize for RowIds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        record::task_ids(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RowIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut ids = Vec::<TaskId>::deserialize(deserializer)?;
        ids.sort_unstable();
        ids.dedup();
        Ok(Self(record::row_ids(&ids).map_err(D::Error::custom)?))
    }
}

/// Reads a word that is one of `T`'s.
pub(super) fn word<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    record::word::<T>(&text).map_err(D::Error::custom)?;
    Ok(text)
}
