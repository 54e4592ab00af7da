//! Merging an entry into TOML, comments and order kept.

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, TomlError, value};

use super::{ENTRY_NAME, MergeError, entry::Entry};

/// Puts `entry` under our name into the table `section`. Of an entry that is there already only
/// our own keys are set.
///
/// # Errors
/// When the text is no TOML, or `section` or the entry is something else than a table.
pub fn merge(text: &str, section: &str, entry: &Entry) -> Result<String, MergeError> {
    let mut document = parse(text)?;
    let servers = table_in(text, document.as_table_mut(), section, true)?;
    let ours = table_in(text, servers, ENTRY_NAME, false)?;
    set(ours, "command", value(&entry.command));
    set(ours, "args", value(entry.arguments.iter().collect::<Array>()));
    Ok(document.to_string())
}

/// Whether there is an entry under our name.
///
/// # Errors
/// When the text is no TOML.
pub fn has_entry(text: &str, section: &str) -> Result<bool, MergeError> {
    let document = parse(text)?;
    let servers = document.get(section).and_then(Item::as_table_like);
    Ok(servers.is_some_and(|servers| servers.contains_key(ENTRY_NAME)))
}

fn parse(text: &str) -> Result<DocumentMut, MergeError> {
    text.parse().map_err(|error: TomlError| MergeError {
        line: error.span().map_or(1, |span| line_at(text, span.start)),
        cause: error.message().to_owned(),
    })
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

fn table_in<'a>(
    text: &str,
    parent: &'a mut dyn TableLike,
    name: &str,
    implicit: bool,
) -> Result<&'a mut dyn TableLike, MergeError> {
    let item = parent.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        // Without a header of its own: `[mcp_servers.bindery]` says both.
        table.set_implicit(implicit);
        Item::Table(table)
    });
    item.as_table_like_mut().ok_or_else(|| MergeError {
        line: text.lines().position(|line| line.contains(name)).map_or(1, |index| index + 1),
        cause: format!("{name:?} is something else than a table"),
    })
}

/// Sets a key to `new`, unless it has that value already, however it is laid out.
fn set(table: &mut dyn TableLike, key: &str, new: Item) {
    let plain = |item: &Item| item.as_value().map(|value| value.clone().decorated("", "").to_string());
    match table.get_mut(key) {
        Some(old) if plain(old) == plain(&new) => {}
        Some(old) => *old = new,
        None => drop(table.insert(key, new)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: &str = "mcp_servers";

    fn entry() -> Entry {
        Entry {
            command: "/bin/bindery-mcp".into(),
            arguments: vec!["--workspace".into(), "/w".into()],
            with_type: false,
        }
    }

    const OURS: &str =
        "[mcp_servers.bindery]\ncommand = \"/bin/bindery-mcp\"\nargs = [\"--workspace\", \"/w\"]\n";

    #[test]
    fn an_empty_file_gets_one_table() {
        assert_eq!(merge("", SECTION, &entry()).unwrap(), OURS);
    }

    #[test]
    fn comments_order_and_neighbours_stay() {
        let text =
            "# mine\nmodel = \"x\" # why\n\n[mcp_servers.other]\ncommand = 'y'\n\n[tui]\ntheme = \"z\"\n";
        let merged = merge(text, SECTION, &entry()).unwrap();
        assert!(
            merged.starts_with("# mine\nmodel = \"x\" # why\n\n[mcp_servers.other]\ncommand = 'y'\n"),
            "{merged}"
        );
        assert!(merged.contains(OURS) && merged.contains("[tui]\ntheme = \"z\"\n"), "{merged}");
        assert!(has_entry(&merged, SECTION).unwrap());
    }

    #[test]
    fn merging_twice_is_merging_once() {
        let once = merge("model = \"x\"\n", SECTION, &entry()).unwrap();
        assert_eq!(merge(&once, SECTION, &entry()).unwrap(), once);
        let inline = "mcp_servers = { bindery = { command = \"old\", startup_timeout_sec = 20 } }\n";
        let merged = merge(inline, SECTION, &entry()).unwrap();
        assert!(
            merged.contains("/bin/bindery-mcp") && merged.contains("startup_timeout_sec = 20"),
            "{merged}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        let line = |text| merge(text, SECTION, &entry()).unwrap_err().line;
        assert_eq!(line("a = 1\nb = \n"), 2);
        assert_eq!(line("a = 1\nmcp_servers = 2\n"), 2);
    }
}
