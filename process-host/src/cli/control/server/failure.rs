//! Why a request has no result, as it is told to the client.

use process_host::{CallError, supervisor::RequestError};
use serde_json::value::{RawValue, to_raw_value};

use crate::cli::control::{REFUSED, Refusal};

/// Why a request has no result.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Box<RawValue>>,
}

impl Failure {
    /// With one of JSON-RPC's codes.
    pub(super) fn new(code: i64, message: String) -> Self {
        Self { code, message, data: None }
    }

    /// Understood and not fulfilled, for the reason that `code` is a word for.
    pub(super) fn refused(code: &str, message: String) -> Self {
        let data = to_raw_value(&Refusal { code: code.to_owned() }).ok();
        Self { code: REFUSED, message, data }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Unknown(_) => "unknown_child",
            RequestError::Duplicate(_) => "duplicate",
            RequestError::Invalid(_) => "invalid",
            RequestError::Stopping => "stopping",
            RequestError::Down => "down",
        };
        Self::refused(code, error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            // The child's own words, as they are.
            CallError::Remote { code, message, data } => Self { code, message, data },
            CallError::Closed { reason, .. } => {
                Self { code: REFUSED, message: reason.to_string(), data: to_raw_value(&reason).ok() }
            }
            error => Self::refused(error.code(), error.to_string()),
        }
    }
}
