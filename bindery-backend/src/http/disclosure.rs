//! What a caller is told of a fault of ours, and what the log is.

use shared_types::Error;

use crate::app::App;

impl App {
    /// `error` as a caller may see it; a fault is logged on the way.
    pub(crate) fn disclose(&self, operation: &str, error: Error) -> Error {
        let new_id = || format!("{:016x}", fastrand::u64(..));
        let guard::Disclosure { error, detail } = guard::disclose(error, self.options().production, new_id);
        if let Some(detail) = detail {
            let correlation_id = error.correlation_id.as_deref();
            tracing::error!(operation, code = %error.code, correlation_id, detail, "request failed");
        }
        error
    }
}
