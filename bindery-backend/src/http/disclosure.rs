//! What a caller is told of a fault of ours.
//!
//! A refusal (4xx) is about the caller's own input and goes out as it is. A fault (5xx) may carry
//! paths, statements or addresses: its detail goes to the log under a correlation id, redacted,
//! and in production mode the caller gets only a constant text and that id.

use guard::redact::redact;
use shared_types::{Error, ErrorCode};

use crate::app::App;

impl App {
    /// `error` as a caller may see it; a fault is logged on the way.
    pub(crate) fn disclose(&self, operation: &str, mut error: Error) -> Error {
        if error.code.http_status() < 500 {
            return error;
        }
        let id = error.correlation_id.take().unwrap_or_else(|| format!("{:016x}", fastrand::u64(..)));
        let detail = redact(&error.message).into_owned();
        tracing::error!(operation, code = %error.code, correlation_id = id, detail, "request failed");
        if self.options().production {
            error = Error::new(error.code, error.code.title()).suggest(advice(error.code));
        } else {
            error.message = detail;
        }
        error.correlation_id = Some(id);
        error
    }
}

/// What anyone can do about a fault without knowing its cause.
const fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Overloaded | ErrorCode::BackendUnavailable | ErrorCode::CircuitOpen => {
            "Try again in a few seconds."
        }
        ErrorCode::Timeout => "Try again; give a write the same request_id.",
        ErrorCode::StorageUnavailable => "Free some disk space; reading goes on meanwhile.",
        _ => "Look for the correlation id in the log of the backend.",
    }
}
