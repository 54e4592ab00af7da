//! Merging an entry into JSON, comments and order kept.

use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstNode, CstObject, CstRootNode},
};

use super::{ENTRY_NAME, MergeError, entry::Entry};

/// Comments and trailing commas are read wherever they stand, since some of these files are meant
/// to have them; anything looser is more likely a mistake that a change would bury.
const READ: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Puts `entry` under our name into the object `section`. Of an entry that is there already only
/// our own fields are set.
///
/// # Errors
/// When the text is no JSON object, or `section` or the entry is something else than an object.
pub fn merge(text: &str, section: &str, entry: &Entry) -> Result<String, MergeError> {
    let is_new = text.trim().is_empty();
    let root = parse(if is_new { "{}\n" } else { text })?;
    let top = root.object_value_or_create().ok_or_else(|| MergeError {
        line: 1,
        cause: "the file holds something else than an object".to_owned(),
    })?;
    let servers = object_in(text, &top, section)?;
    let ours = object_in(text, &servers, ENTRY_NAME)?;
    for (name, value) in members(entry) {
        set(&ours, name, value);
    }
    Ok(root.to_string())
}

/// Whether there is an entry under our name.
///
/// # Errors
/// When the text is no JSON.
pub fn has_entry(text: &str, section: &str) -> Result<bool, MergeError> {
    let servers = parse(text)?.object_value().and_then(|top| top.object_value(section));
    Ok(servers.is_some_and(|servers| servers.get(ENTRY_NAME).is_some()))
}

fn parse(text: &str) -> Result<CstRootNode, MergeError> {
    CstRootNode::parse(text, &READ)
        .map_err(|error| MergeError { line: error.line_display(), cause: error.kind().to_string() })
}

fn object_in(text: &str, parent: &CstObject, name: &str) -> Result<CstObject, MergeError> {
    parent.object_value_or_create(name).ok_or_else(|| MergeError {
        line: line_of(text, name),
        cause: format!("{name:?} is something else than an object"),
    })
}

/// The line on which a property of this name first stands.
fn line_of(text: &str, name: &str) -> usize {
    let quoted = format!("{name:?}");
    text.lines().position(|line| line.contains(&quoted)).map_or(1, |index| index + 1)
}

fn members(entry: &Entry) -> Vec<(&'static str, CstInputValue)> {
    let text = |text: &str| CstInputValue::String(text.to_owned());
    let arguments = entry.arguments.iter().map(|argument| text(argument)).collect();
    let mut members = vec![("command", text(&entry.command)), ("args", CstInputValue::Array(arguments))];
    if entry.with_type {
        members.insert(0, ("type", text("stdio")));
    }
    members
}

fn set(object: &CstObject, name: &str, value: CstInputValue) {
    match object.get(name) {
        Some(property) if property.value().is_some_and(|old| is_same(&old, &value)) => {}
        Some(property) => property.set_value(value),
        None => drop(object.append(name, value)),
    }
}

/// Whether a value stands there already, however it is laid out.
fn is_same(old: &CstNode, new: &CstInputValue) -> bool {
    match new {
        CstInputValue::String(new) => {
            old.as_string_lit().and_then(|old| old.decoded_value().ok()).is_some_and(|old| old == *new)
        }
        CstInputValue::Array(new) => old.as_array().is_some_and(|old| {
            let old = old.elements();
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| is_same(old, new))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            command: "/bin/bindery-mcp".into(),
            arguments: vec!["--workspace".into(), "/w".into()],
            with_type: true,
        }
    }

    #[test]
    fn an_empty_file_becomes_a_whole_one() {
        let expected = "{\n  \"mcpServers\": {\n    \"bindery\": {\n      \"type\": \"stdio\",\n      \"command\": \"/bin/bindery-mcp\",\n      \"args\": [\"--workspace\", \"/w\"]\n    }\n  }\n}\n";
        for text in ["", " \n"] {
            assert_eq!(merge(text, "mcpServers", &entry()).unwrap(), expected);
        }
    }

    #[test]
    fn comments_order_and_neighbours_stay() {
        let text = "// mine\n{\n  \"z\": 1, // last letter first\n  \"servers\": {\n    /* other */ \"other\": { \"command\": \"x\" },\n  },\n  \"a\": [1,2]\n}\n";
        let merged = merge(text, "servers", &entry()).unwrap();
        for kept in [
            "// mine\n",
            "\"z\": 1, // last letter first\n",
            "/* other */ \"other\": { \"command\": \"x\" },",
            "\"a\": [1,2]\n",
        ] {
            assert!(merged.contains(kept), "{merged}");
        }
        assert!(has_entry(&merged, "servers").unwrap() && !has_entry(text, "servers").unwrap());
    }

    #[test]
    fn merging_twice_is_merging_once() {
        let once = merge("{\"x\": 1}", "mcpServers", &entry()).unwrap();
        assert_eq!(merge(&once, "mcpServers", &entry()).unwrap(), once);
    }

    #[test]
    fn an_entry_that_is_there_keeps_what_is_not_ours() {
        let text = r#"{"mcpServers": {"bindery": {"command": "old", "env": {"RUST_LOG": "debug"}}}}"#;
        let merged: serde_json::Value =
            serde_json::from_str(&merge(text, "mcpServers", &entry()).unwrap()).unwrap();
        let ours = &merged["mcpServers"]["bindery"];
        assert_eq!(
            (&ours["command"], &ours["env"]["RUST_LOG"]),
            (&"/bin/bindery-mcp".into(), &"debug".into())
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        let line = |text| merge(text, "mcpServers", &entry()).unwrap_err().line;
        assert_eq!(line("{\n  \"a\": 1\n  \"b\": 2\n}"), 2, "the comma is missing there");
        assert_eq!(line("{\n  \"a\": 'x'\n}"), 2);
        assert_eq!(line("[]"), 1);
        assert_eq!(line("{\n  \"mcpServers\": []\n}"), 2);
        assert_eq!(line("{\n  \"mcpServers\": {\n    \"bindery\": 1\n  }\n}"), 3);
    }
}
