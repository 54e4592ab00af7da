//! Fields of a log line.

use std::fmt::{Debug, Result, Write};

use super::{redact, redact_secrets};

/// Fields that say where the program works. An operator set these and looks for them in the log,
/// so that only secrets are taken out of them.
const PLACES: [&str; 6] = ["workspace", "database", "url", "socket", "binary", "source"];

/// Writes a field of a log line as `name=value`, and a `message` as it is; redacted, and without a
/// character that could end or repaint the line.
///
/// # Errors
/// When `line` cannot be written to.
pub fn write_field(line: &mut dyn Write, name: &str, value: &dyn Debug) -> Result {
    let text = format!("{value:?}");
    let clean = if PLACES.contains(&name) { redact_secrets(&text) } else { redact(&text) };
    match name {
        "message" => line.write_str(&clean),
        _ => write!(line, "{name}={clean}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &str) -> String {
        let mut line = String::new();
        // `%value` in a log statement comes as a value whose `Debug` is its `Display`.
        write_field(&mut line, name, &format_args!("{value}")).unwrap();
        line
    }

    #[test]
    fn a_value_cannot_forge_a_line_or_repaint_it() {
        assert_eq!(written("id", "a\r\nERROR\u{1b}[31m"), "id=a  ERROR [31m");
        assert_eq!(written("message", "a\nb"), "a b");
    }

    #[test]
    fn values_are_redacted_and_places_lose_only_secrets() {
        assert_eq!(
            written("error", "open /srv/x: password=hunter2"),
            "error=open [path]: password=[credential]"
        );
        assert_eq!(written("workspace", "/srv/x"), "workspace=/srv/x");
        assert_eq!(written("url", "http://ann:pw@localhost:3000"), "url=http://[credential]@localhost:3000");
    }
}
