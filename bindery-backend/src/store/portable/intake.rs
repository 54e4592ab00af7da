//! A line from outside becomes a [`Line`]: limits, the text guard, then its declared form.

use guard::{Limits, Policy, text};
use serde_json::Value;
use shared_types::{Error, ErrorCode};

use super::{FORMAT, Header, Line, VERSION};
use crate::store::open;

/// Levels around what an operation would take: a change holds the fields of a task, in a line.
const ENVELOPE: usize = 2;

/// What an import lets in.
#[derive(Debug, Clone)]
pub(super) struct LineIntake {
    limits: Limits,
    policy: Policy,
}

impl LineIntake {
    /// Limits on depth and texts hold as everywhere. Those on numbers of keys and items are about
    /// one request, while a row may have grown over many; it is bounded by the length of its line.
    pub(super) fn new(limits: &Limits, policy: Policy) -> Self {
        Self { limits: Limits { keys: usize::MAX, items: usize::MAX, ..limits.clone() }, policy }
    }

    /// Reads a line, and says whether the guard changed its text. What it leaves alone is kept as it
    /// was written, byte for byte.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<(Line, bool), Error> {
        self.limits.check_bytes(bytes, ENVELOPE).map_err(|mut error| {
            // The line is told by its number in the file.
            error.message = error.message.replace(" at line 1 column ", " at column ");
            error
        })?;
        let mut value: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        // What an earlier guard found is kept as evidence, and is shown as such.
        let evidence = value
            .get_mut("change")
            .and_then(Value::as_object_mut)
            .and_then(|change| change.shift_remove("guard"));
        let as_written = value.clone();
        text::guard(&mut value, self.policy)?;
        if value == as_written {
            let line = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
            return Ok((line, false));
        }
        if let (Some(evidence), Some(change)) = (evidence, value.get_mut("change")) {
            change["guard"] = evidence;
        }
        let line = serde_json::from_str(&value.to_string()).map_err(|error| malformed(&error))?;
        Ok((line, true))
    }
}

/// Checks the first line.
pub(super) fn read_header(bytes: &[u8]) -> Result<(), Error> {
    let no_export = |_| {
        Error::new(ErrorCode::InvalidValue, "this is no export of Bindery")
            .suggest("Write one with `bindery-backend export FILE`.")
    };
    let header: Header = serde_json::from_slice(bytes).map_err(no_export)?;
    let newer = |what: &str, found: i64, known: i64| {
        Err(Error::new(
            ErrorCode::InvalidValue,
            format!("the export has {what} {found}, and this program knows {known}"),
        )
        .suggest("Update bindery-backend."))
    };
    if header.format != FORMAT {
        return Err(Error::new(ErrorCode::InvalidValue, format!("the format is not {FORMAT:?}")));
    }
    if header.version != VERSION {
        return newer("version", header.version.into(), VERSION.into());
    }
    if header.schema > open::known_schema() {
        return newer("schema", header.schema, open::known_schema());
    }
    Ok(())
}

fn malformed(error: &serde_json::Error) -> Error {
    // The place is that in the line, whose number is told already.
    let said = error.to_string();
    let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
    Error::new(ErrorCode::InvalidValue, format!("{what} (column {})", error.column()))
        .suggest("Nothing was imported; correct the line, or export again.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = r#"{"note":{"id":"0CWR8S1M70001","task_id":"0CWR8S1M70002","text":"TEXT","created_at":"2026-03-01T12:00:00.000Z"}}"#;

    fn read(line: &str) -> Result<(Line, bool), Error> {
        LineIntake::new(&Limits::default(), Policy::Neutralize).read(line.as_bytes())
    }

    #[test]
    fn what_the_guard_leaves_alone_is_kept_as_written() {
        let (line, guarded) = read(NOTE).unwrap();
        assert_eq!((serde_json::to_string(&line).unwrap().as_str(), guarded), (NOTE, false));
        let (line, guarded) = read(&NOTE.replace("TEXT", "<script>")).unwrap();
        assert!(guarded && serde_json::to_string(&line).unwrap().contains("&lt;script>"));
    }

    #[test]
    fn a_line_that_is_not_what_it_should_be_is_refused() {
        let long = "x".repeat(10_001);
        let deep = "[".repeat(200) + &"]".repeat(200);
        for (line, says) in [
            (NOTE.replace("note", "nite"), "unknown variant"),
            (NOTE.replace("text", "txet"), "unknown field"),
            (NOTE.replace("2026-03-01T12:00:00.000Z", "soon"), "not a time"),
            (NOTE.replace("0CWR8S1M70001", "7"), "not an id"),
            (NOTE.replace("0CWR8S1M70001", "0000000000000"), "no row has this id"),
            (NOTE.replace("\"TEXT\"", "7"), "invalid type"),
            (NOTE.replace("TEXT", &long), "characters"),
            (NOTE.replace("\"TEXT\"", &deep), "more than"),
            (NOTE.replace("\"text\":", "\"text\":\"a\",\"text\":"), "twice"),
            ("{".to_owned(), "not valid JSON"),
        ] {
            let error = read(&line).unwrap_err();
            assert!(error.message.contains(says), "{says}: {error}");
        }
    }
}
