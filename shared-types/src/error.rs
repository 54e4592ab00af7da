//! The one error of every face: a code, a cause, the field it concerns and the next step.

use std::{any::Any, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::JsonObject;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal, $rpc:literal, $title:literal;)+) => {
        /// What went wrong, as a stable word that programs can match on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as it is sent: snake_case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The HTTP status of the REST face.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The number of the JSON-RPC face.
            pub const fn rpc_code(self) -> i32 {
                match self { $(Self::$variant => $rpc),+ }
            }

            /// A sentence that gives nothing away, for titles and production mode.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// The bytes are not JSON.
    InvalidJson = "invalid_json", 400, -32700, "The input is not valid JSON";
    /// The envelope is not a JSON-RPC 2.0 request.
    InvalidRequest = "invalid_request", 400, -32600, "The request is malformed";
    /// No operation, route or tool has this name.
    UnknownOperation = "unknown_operation", 404, -32601, "There is no such operation";
    /// The route exists, but not with this HTTP method.
    MethodNotAllowed = "method_not_allowed", 405, -32601, "The method is not allowed here";
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, -32600, "The content type is not supported";
    /// A value has the wrong type, is out of range or is not one of the allowed ones.
    InvalidValue = "invalid_value", 422, -32602, "A value is not valid";
    /// A required value is missing.
    MissingField = "missing_field", 422, -32602, "A required field is missing";
    /// A field that the operation does not have.
    UnknownField = "unknown_field", 422, -32602, "A field is not known";
    /// A limit on depth, keys, items, characters or bytes is exceeded.
    LimitExceeded = "limit_exceeded", 422, -32602, "A limit is exceeded";
    /// The guard refuses this text or key.
    Refused = "refused", 422, -32602, "The input is refused by the guard";
    /// No such task, project, document, execution or role.
    NotFound = "not_found", 404, -32004, "Nothing has this id or name";
    /// The name is taken.
    AlreadyExists = "already_exists", 409, -32009, "The name is already in use";
    /// The row changed since the caller read it.
    VersionConflict = "version_conflict", 409, -32009, "The row was changed by someone else";
    /// A `request_id` came back with other arguments.
    RequestIdReused = "request_id_reused", 409, -32009, "The request id was used for another request";
    /// The dependencies or parents would form a circle.
    Cycle = "cycle", 409, -32009, "The links would form a cycle";
    /// Somebody else holds the task.
    AlreadyClaimed = "already_claimed", 409, -32009, "Someone else holds the task";
    /// The task cannot be worked on: finished, deleted, or waiting for others.
    NotReady = "not_ready", 409, -32009, "The task is not ready";
    /// The execution ended or its lease was lost.
    LeaseLost = "lease_lost", 409, -32009, "The claim is no longer held";
    /// There is no earlier state to go back to.
    NothingToUndo = "nothing_to_undo", 409, -32009, "There is nothing to undo";
    /// Host, Origin or address is not allowed.
    Forbidden = "forbidden", 403, -32003, "The request is not allowed from here";
    /// No API key, or none that is known.
    Unauthorized = "unauthorized", 401, -32001, "An API key is needed";
    /// This key has asked too much in too short a time.
    RateLimited = "rate_limited", 429, -32029, "Too many requests in too short a time";
    /// The body is larger than the server takes.
    PayloadTooLarge = "payload_too_large", 413, -32013, "The request is too large";
    /// Too much at once; try again later.
    Overloaded = "overloaded", 503, -32029, "The server is busy";
    /// The deadline passed.
    Timeout = "timeout", 504, -32008, "The request took too long";
    /// The backend cannot be reached or has not started.
    BackendUnavailable = "backend_unavailable", 503, -32002, "The backend cannot be reached";
    /// Calls are held back because the backend failed repeatedly.
    CircuitOpen = "circuit_open", 503, -32002, "Calls are paused after repeated failures";
    /// A program that the operator named for a role could not finish the task.
    ExecutorFailed = "executor_failed", 502, -32011, "The executor could not finish the task";
    /// The disk is full or refuses to write; reading goes on.
    StorageUnavailable = "storage_unavailable", 507, -32010, "The storage refuses to write";
    /// A fault of ours.
    Internal = "internal", 500, -32603, "Something went wrong inside";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as a caller sees it on any face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Error {
    /// The stable word for what went wrong.
    pub code: ErrorCode,
    /// The cause in a clause, without a capital or a full stop: it may stand inside a sentence.
    pub message: String,
    /// Path of the argument it concerns, such as `tasks[3].priority`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Facts a program can use, such as the current version or who holds the task.
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    pub context: JsonObject,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<String>,
    /// Finds the detail in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl Error {
    /// An error with its cause.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            context: JsonObject::new(),
            suggestions: Vec::new(),
            correlation_id: None,
        }
    }

    /// The error for a handler that panicked with `panic`.
    pub fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Self::new(ErrorCode::Internal, format!("a handler panicked: {text}"))
    }

    /// Names the argument it concerns.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.context.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a next step.
    #[must_use]
    pub fn suggest(mut self, step: impl Into<String>) -> Self {
        self.suggestions.push(step.into());
        self
    }

    /// The body of `application/problem+json` (RFC 9457).
    pub fn to_problem(&self) -> Value {
        let mut problem = json!({
            "type": format!("urn:bindery:error:{}", self.code),
            "title": self.code.title(),
            "status": self.code.http_status(),
            "detail": self.message,
        });
        merge(&mut problem, self.to_data());
        problem
    }

    /// The `data` of a JSON-RPC error, and the extension members of a problem.
    pub fn to_data(&self) -> Value {
        let mut data = serde_json::to_value(self).unwrap_or_else(|_| json!({ "code": self.code }));
        if let Some(object) = data.as_object_mut() {
            object.remove("message");
        }
        data
    }

    /// The structured content of a failed tool call.
    pub fn to_tool_result(&self, operation: &str) -> Value {
        let mut result = json!({
            "success": false,
            "error": self.message,
            "error_code": self.code,
            "operation": operation,
            "context": self.context,
            "suggestions": self.suggestions,
        });
        if let Some(object) = result.as_object_mut() {
            if let Some(field) = &self.field {
                object.insert("field".to_owned(), field.as_str().into());
            }
            if let Some(id) = &self.correlation_id {
                object.insert("correlation_id".to_owned(), id.as_str().into());
            }
        }
        result
    }

    /// Reads a problem body back into the error it was made from.
    pub fn from_problem(body: &Value) -> Option<Self> {
        let mut object = body.as_object()?.clone();
        let detail = object.remove("detail").or_else(|| object.remove("title"))?;
        object.insert("message".to_owned(), detail);
        serde_json::from_value(Value::Object(object)).ok()
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field.as_deref().filter(|field| !self.message.contains(field)) {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)?;
        match self.suggestions.as_slice() {
            [] => Ok(()),
            steps => write!(f, ". {}", steps.join(" ")),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_words_names_its_field_once() {
        let error = Error::new(ErrorCode::InvalidValue, "expected a number").at("tasks[1].limit");
        assert_eq!(error.suggest("Send one.").to_string(), "tasks[1].limit: expected a number. Send one.");
        let error = Error::new(ErrorCode::MissingField, "title is required").at("title");
        assert_eq!(error.to_string(), "title is required");
    }

    #[test]
    fn a_problem_reads_back_as_the_error_it_was() {
        let error = Error::new(ErrorCode::VersionConflict, "version is 4, not 3")
            .at("expected_version")
            .with("current_version", 4)
            .suggest("Read the task again.");
        assert_eq!(Error::from_problem(&error.to_problem()), Some(error));
    }

    #[test]
    fn codes_serialize_as_their_names() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
