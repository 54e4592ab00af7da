//! Broken envelopes of JSON-RPC, over HTTP and over stdio.

use serde::Deserialize;
use serde_json::{Value, json};
use tests::{Face, Faces};

use super::{assert_none, decode, rows};

#[derive(Deserialize)]
struct Row {
    id: String,
    b64: String,
    expect_error_code: Expected,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Expected {
    Code(i64),
    /// `policy`: ours to decide, and decided; `reject`: refused in any way; `no-reply`.
    Word(String),
}

#[test]
fn broken_envelopes_are_refused_over_http() {
    check(|faces, row, bytes| {
        let response = faces.http("POST", "/rpc", Some(bytes));
        let error = serde_json::from_slice::<Value>(&response.body).unwrap_or_default()["error"].take();
        let holds = match &row.expect_error_code {
            Expected::Code(code) => response.status == 200 && error["code"] == *code,
            Expected::Word(word) if word == "no-reply" => response.status == 204 && response.body.is_empty(),
            Expected::Word(word) if word == "reject" => response.status < 500 && error.is_object(),
            Expected::Word(_) => response.status == 200,
        };
        (!holds).then(|| format!("{} {error}", response.status))
    });
}

#[test]
fn broken_envelopes_are_refused_over_stdio() {
    check(|faces, row, bytes| {
        let session = faces.session();
        session.send_line(bytes);
        let expected = expected_over_stdio(&row.expect_error_code, bytes);
        let answered = matches!(&expected, Expected::Code(_)) || expected == Expected::Word("policy".into());
        let error = if answered { session.receive()["error"].take() } else { Value::Null };
        let holds = match expected {
            Expected::Code(code) => error["code"] == code,
            Expected::Word(_) => true,
        };
        // One line has one answer or none: nothing in it passes for a second message.
        (!holds || !session.is_silent()).then(|| error.to_string())
    });
}

/// What differs over stdio: a blank line is no message, an operation is a tool and no method whose
/// parameters could be wrong, and a client may send responses there.
fn expected_over_stdio(expected: &Expected, bytes: &[u8]) -> Expected {
    let message: Value = serde_json::from_slice(bytes).unwrap_or_default();
    match expected {
        _ if bytes.trim_ascii().is_empty() => Expected::Word("no-reply".into()),
        Expected::Code(-32602) if message["params"].is_object() => Expected::Code(-32601),
        Expected::Code(-32602) => Expected::Code(-32600),
        Expected::Word(word) if word == "reject" && message["method"].is_string() => Expected::Code(-32600),
        other => other.clone(),
    }
}

/// Sends every row and sees that the next request is answered.
fn check(send: impl Fn(&mut Faces, &Row, &[u8]) -> Option<String>) {
    let rows: Vec<Row> = rows("jsonrpc_torture.jsonl");
    if rows.is_empty() {
        return;
    }
    let mut faces = Faces::new();
    let mut failures = Vec::new();
    for row in &rows {
        let wrong = send(&mut faces, row, &decode(&row.b64));
        failures
            .extend(wrong.map(|wrong| format!("{}: {wrong} instead of {:?}", row.id, row.expect_error_code)));
        faces.call(Face::JsonRpc, "list_roles", &json!({})).unwrap();
    }
    faces.check_health();
    assert_none(&failures);
}
