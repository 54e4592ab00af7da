//! How values are written in columns, and read back.

use serde::de::{DeserializeOwned, IntoDeserializer, value::StrDeserializer};
use shared_types::{TaskId, Timestamp};

use super::fault::Fault;

/// Reads the enum value that is stored as `text`, the word under which it is also sent.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let deserializer: StrDeserializer<'_, serde_json::Error> = text.into_deserializer();
    Ok(T::deserialize(deserializer)?)
}

/// Reads a JSON array of row ids, as SQLite's `json_group_array` writes it.
pub(super) fn task_ids(json: &str) -> Result<Vec<TaskId>, Fault> {
    let rows: Vec<i64> = serde_json::from_str(json)?;
    Ok(rows.into_iter().map(TaskId::from_row_id).collect())
}

/// Writes row ids as a JSON array, the one parameter that stands for many.
pub(super) fn row_ids(ids: &[TaskId]) -> Result<String, Fault> {
    let rows: Vec<i64> = ids.iter().map(|id| id.row_id()).collect();
    Ok(serde_json::to_string(&rows)?)
}

/// The column value of an optional time.
pub(super) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
