//! A page of a list as it is written.

use crate::{
    handle::Json,
    store::{
        fault::Fault,
        tasks::row::{Fields, Row},
    },
};

/// The most bytes of JSON on a page. The next row is on the next page; a page has one row at least.
const BYTES: usize = 24_000;

const START: &[u8] = br#"{"tasks":["#;

/// A page as it is written.
pub(super) struct Page {
    json: Vec<u8>,
    pub(super) limit: i64,
    pub(super) rows: i64,
}

impl Page {
    pub(super) fn new(limit: i64) -> Self {
        let mut json = Vec::with_capacity(BYTES / 2);
        json.extend_from_slice(START);
        Self { json, limit, rows: 0 }
    }

    /// Adds a row, if there is room for it; there always is for the first.
    pub(super) fn add(&mut self, row: &Row<'_>, fields: Fields) -> Result<bool, Fault> {
        let before = self.begin_row();
        row.write(fields, &mut self.json)?;
        Ok(self.end_row(before))
    }

    /// As [`Page::add`], a row that is written already.
    pub(super) fn add_written(&mut self, row: &[u8]) -> bool {
        let before = self.begin_row();
        self.json.extend_from_slice(row);
        self.end_row(before)
    }

    fn begin_row(&mut self) -> usize {
        let before = self.json.len();
        if self.rows > 0 {
            self.json.push(b',');
        }
        before
    }

    /// Takes the row back that began at `before`, if it is one too many.
    fn end_row(&mut self, before: usize) -> bool {
        let bytes = self.json.len() - START.len() + 1;
        let full = self.rows == self.limit || bytes > BYTES;
        if full && self.rows > 0 {
            self.json.truncate(before);
            return false;
        }
        self.rows += 1;
        true
    }

    pub(super) fn end(mut self, next_cursor: Option<String>) -> Json {
        self.json.push(b']');
        if let Some(cursor) = next_cursor {
            // Of hexadecimal digits alone.
            self.json.extend_from_slice(format!(r#","next_cursor":"{cursor}""#).as_bytes());
        }
        self.json.push(b'}');
        Json::from_written(self.json)
    }
}
