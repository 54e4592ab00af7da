//! What a caller is told of a fault, and what the log is.

use shared_types::Error;

use crate::random;

/// `error` as a caller may see it; a fault is logged on the way. In `production` a fault says
/// nothing but its code and a correlation id.
pub(crate) fn disclose(operation: &str, error: Error, production: bool) -> Error {
    let new_id = || format!("{:016x}", random::number());
    let guard::Disclosure { error, detail } = guard::disclose(error, production, new_id);
    if let Some(detail) = detail {
        let correlation_id = error.correlation_id.as_deref();
        tracing::error!(operation, code = %error.code, correlation_id, detail, "request failed");
    }
    error
}
