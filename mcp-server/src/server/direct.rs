//! Tool calls that the transport answers itself.
//!
//! rmcp hands a message from one task to the next, four times from the line to the answer, and builds
//! it anew at each end; that takes longer than most answers. A plain tool call needs nothing of it.
//! So the transport reads such a call, has it carried out by what carries out all of them, and writes
//! the answer around the bytes that the backend sent. What is not plain is rmcp's: a call that tells
//! its progress, a tool that is not there, what says which protocol it speaks, as every message of the
//! 2026 one does, and whatever is written in an unusual way.

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{RequestId, ServerJsonRpcMessage},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use shared_types::{
    Error, ErrorCode, Operation, Spec,
    operation::{self, ExecuteTask},
};

use super::{
    calls::{Calls, told},
    render::render,
    untrusted,
};
use crate::client::Answer;

/// What the keys of the protocol's own metadata begin with.
const RESERVED: &str = "io.modelcontextprotocol/";

/// A tool call as it was written.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: RequestId,
    spec: &'static Spec,
    arguments: Option<Box<RawValue>>,
}

/// The answer to a call.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: RequestId,
    pub(super) line: Vec<u8>,
}

/// The plain tool call on a line, if it is one.
pub(super) fn read(line: &[u8]) -> Option<Call> {
    // Text that is written with escapes cannot be borrowed, and a field twice is an error.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Message<'a> {
        jsonrpc: &'a str,
        id: RequestId,
        method: &'a str,
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Params<'a> {
        name: &'a str,
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
        #[serde(borrow, rename = "_meta")]
        meta: Option<&'a RawValue>,
    }
    let Message { jsonrpc: "2.0", id, method: "tools/call", params } = serde_json::from_slice(line).ok()?
    else {
        return None;
    };
    let is_object = |json: &RawValue| json.get().starts_with('{');
    if !params.arguments.is_none_or(is_object)
        || !params.meta.is_none_or(|meta| is_object(meta) && is_free(meta))
    {
        return None;
    }
    let spec =
        operation::find(params.name).filter(|spec| spec.tool && spec.name != ExecuteTask::SPEC.name)?;
    Some(Call { id, spec, arguments: params.arguments.map(ToOwned::to_owned) })
}

/// Whether the metadata certainly says nothing about the protocol.
fn is_free(meta: &RawValue) -> bool {
    !meta.get().contains(RESERVED) && !meta.get().contains('\\')
}

/// Carries out `call` in the name of `actor`.
pub(super) fn carry_out(calls: Arc<Calls>, call: Call, actor: String) -> BoxFuture<'static, Told> {
    Box::pin(async move {
        let Call { id, spec, arguments } = call;
        let outcome = calls
            .contain("tools/call", async {
                let asked = async {
                    let call = calls.accept(spec, input(&calls, arguments.as_deref())?)?;
                    calls.ask(spec, call, actor).await
                };
                Ok(told(spec, asked.await))
            })
            .await;
        Told { line: line(&id, outcome), id }
    })
}

fn input(calls: &Calls, arguments: Option<&RawValue>) -> Result<Value, Error> {
    let Some(arguments) = arguments else { return Ok(Value::Null) };
    calls.check(arguments.get())?;
    serde_json::from_str(arguments.get())
        .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("the arguments are not JSON: {error}")))
}

/// The line that says what became of the request `id`.
fn line(id: &RequestId, outcome: Result<(Arc<Answer>, bool), ErrorData>) -> Vec<u8> {
    let written = match outcome {
        Ok((answer, failed)) => result(id, &answer, failed),
        Err(error) => serde_json::to_vec(&ServerJsonRpcMessage::error(error, Some(id.clone()))),
    };
    // Numbers and texts can be written always.
    let mut line = written.unwrap_or_default();
    line.push(b'\n');
    line
}

fn result(id: &RequestId, answer: &Answer, failed: bool) -> serde_json::Result<Vec<u8>> {
    let text = answer.text(render);
    let mut line = Vec::with_capacity(256 + text.len() * 9 / 8 + answer.json().len());
    line.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    serde_json::to_writer(&mut line, id)?;
    line.extend_from_slice(br#","result":{"content":[{"type":"text","text":"#);
    serde_json::to_writer(&mut line, text)?;
    line.extend_from_slice(br#"}],"structuredContent":"#);
    line.extend_from_slice(answer.json().as_bytes());
    line.extend_from_slice(br#","isError":"#);
    serde_json::to_writer(&mut line, &failed)?;
    line.extend_from_slice(br#","_meta":"#);
    serde_json::to_writer(&mut line, &untrusted::mark())?;
    line.extend_from_slice(b"}}");
    Ok(line)
}

#[cfg(test)]
mod tests {
    use rmcp::model::ServerResult;
    use serde_json::json;

    use super::{
        super::calls::{tests::held, tool_result},
        *,
    };

    fn call(params: Value) -> String {
        json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": params}).to_string()
    }

    #[test]
    fn a_plain_call_is_read() {
        let call = read(call(json!({"name": "get_task", "arguments": {"task_id": "A"}})).as_bytes()).unwrap();
        assert_eq!((call.id, call.spec.name), (RequestId::String("a".into()), "get_task"));
        assert_eq!(call.arguments.unwrap().get(), r#"{"task_id":"A"}"#);
        for params in [
            json!({"name": "get_task"}),
            json!({"name": "get_task", "arguments": null, "_meta": {"progressToken": 1, "client/id": "x"}}),
        ] {
            assert!(read(self::call(params).as_bytes()).is_some());
        }
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let modern = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let unclear = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_task","_meta":{"io\u002emodelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let get = json!({"name": "get_task"}).to_string();
        let twice = format!(r#"{{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{get}}}"#);
        let older = format!(r#"{{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{get}}}"#);
        let said = format!(r#"{{"jsonrpc":"2.0","method":"tools/call","params":{get}}}"#);
        for line in [
            call(json!({"name": "execute_task", "arguments": {"next": true}})),
            call(json!({"name": "no_tool"})),
            call(json!({"name": "get_task", "arguments": []})),
            call(json!({"name": "get_task", "_meta": 1})),
            call(json!({"name": "get_task", "task": {}})),
            call(json!({"name": "get_task", "_meta": modern})),
            json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string(),
            unclear.to_owned(),
            twice,
            older,
            said,
        ] {
            assert!(read(line.as_bytes()).is_none(), "{line}");
        }
    }

    #[test]
    fn a_line_is_what_rmcp_would_have_written() {
        let spec = operation::find("get_task").unwrap();
        let answer = || Answer::from(json!({"task": {"title": "\"é\u{1}\n", "labels": {"n": 1.5}}}));
        let failure = || Error::new(ErrorCode::NotFound, "gone").at("task_id");
        for outcome in [Ok(Arc::new(answer())), Err(failure())] {
            let mut result = ServerResult::CallToolResult(tool_result(spec, outcome.clone()));
            if let ServerResult::CallToolResult(result) = &mut result {
                result.result_type = None;
            }
            let id = RequestId::Number(1);
            let ours: Value = serde_json::from_slice(&line(&id, Ok(told(spec, outcome)))).unwrap();
            let theirs = ServerJsonRpcMessage::response(result, id);
            assert_eq!(ours, serde_json::to_value(theirs).unwrap());
        }
    }

    #[tokio::test]
    async fn the_input_passes_the_guard() {
        let (_held, calls) = held();
        for (arguments, code) in [
            (r#"{"task_id":{"a":1,"a":2}}"#, "refused"),
            (r#"{"task":"A"}"#, "missing_field"),
            (r#"{"task_id":"A","nope":1}"#, "unknown_field"),
        ] {
            let line = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"get_task","arguments":{arguments}}}}}"#
            );
            let call = read(line.as_bytes()).unwrap();
            let told = carry_out(Arc::clone(&calls), call, "a".to_owned()).await;
            let told: Value = serde_json::from_slice(&told.line).unwrap();
            assert_eq!(told["result"]["structuredContent"]["error_code"], code, "{told}");
        }
    }
}
