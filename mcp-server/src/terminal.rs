//! What people see; the errors of this program hold no secrets.

use std::fmt;

use guard::redact::redact_secrets;
pub use terminal::{explain, harmless, has_seen_enough, one_line, print, print_remark, style::*, styled};

/// Writes an error to stderr, on one line and without secrets.
pub fn print_error(error: &dyn fmt::Display) {
    terminal::print_error(&one_line(&redact_secrets(&error.to_string())));
}
