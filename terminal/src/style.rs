//! What colours mean, the same in every program.

use anstyle::{AnsiColor, Style};

/// Names of things.
pub const NAME: Style = Style::new().bold();
/// What is there but not the point.
pub const QUIET: Style = Style::new().dimmed();
/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Worth a look.
pub const NOTE: Style = AnsiColor::Yellow.on_default();
/// Wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
