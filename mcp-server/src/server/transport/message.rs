//! From a line to a message for rmcp, or to its refusal.

use std::borrow::Cow;

use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::BrokenLimit;
use crate::server::calls::Calls;

/// The message on a line, or the answer to a line that is none. The arguments of a tool call are
/// held against the limits of `calls`.
pub(super) fn read(line: &[u8], calls: &Calls) -> Result<ClientJsonRpcMessage, Box<ServerJsonRpcMessage>> {
    let broken = arguments(line).and_then(|json| Some((json, calls.check(json).err()?)));
    let Some((json, error)) = broken else {
        return serde_json::from_slice(line).map_err(|_| refusal(line));
    };
    // Arguments that break a limit are not built at all: they may be deeper than the parser
    // goes, which would make the line pass for one that is no JSON.
    let line = without(line, json);
    let mut message: ClientJsonRpcMessage = serde_json::from_slice(&line).map_err(|_| refusal(&line))?;
    if let JsonRpcMessage::Request(request) = &mut message
        && let ClientRequest::CallToolRequest(call) = &mut request.request
    {
        call.extensions.insert(BrokenLimit(error));
    }
    Ok(message)
}

/// The arguments of a tool call as they were written, found without building anything.
fn arguments(line: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        method: Cow<'a, str>,
        #[serde(borrow)]
        params: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: &'a RawValue,
    }
    let message: Message<'_> = serde_json::from_slice(line).ok()?;
    if message.method != "tools/call" {
        return None;
    }
    let params: Params<'_> = serde_json::from_str(message.params.get()).ok()?;
    Some(params.arguments.get())
}

/// The line with an empty object in the place of `json`, which is a part of it.
fn without(line: &[u8], json: &str) -> Vec<u8> {
    let start = json.as_ptr().addr() - line.as_ptr().addr();
    [&line[..start], b"{}", &line[start + json.len()..]].concat()
}

/// The answer to a line that is no message, with the request's id where it can be read.
fn refusal(line: &[u8]) -> Box<ServerJsonRpcMessage> {
    let Ok(value) = serde_json::from_slice::<Value>(line) else {
        let error = ErrorData::parse_error("the line is not valid JSON", None);
        return Box::new(ServerJsonRpcMessage::error(error, None));
    };
    let id = value.get("id").and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok());
    let text = match value.is_array() {
        true => "batches are not supported; send one message a line",
        false => "the line is not a JSON-RPC 2.0 message",
    };
    let error = ErrorData::invalid_request(text, None);
    Box::new(ServerJsonRpcMessage::error(error, id))
}
