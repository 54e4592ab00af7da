//! Errors of the contract as errors of the protocol.

use rmcp::{ErrorData, model::ErrorCode};
use shared_types::Error;

/// A protocol error for what is not a tool: resources, prompts and completions.
pub(super) fn protocol_error(error: &Error) -> ErrorData {
    let code = match error.code {
        shared_types::ErrorCode::NotFound => ErrorCode::RESOURCE_NOT_FOUND,
        code => ErrorCode(code.rpc_code()),
    };
    ErrorData::new(code, error.message.clone(), Some(error.to_data()))
}
