use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixture::{Fixture, to};

#[tokio::test]
async fn a_call_is_answered_under_its_own_id() {
    let at = Fixture::new().await;
    let call = json!({ "jsonrpc": "2.0", "id": "a-1", "method": "create_task", "params": { "title": "x" } });
    let answer = at.rpc(call.to_string()).await.value();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!("a-1")));
    assert_eq!(answer["result"]["task"]["title"], "x");
}

#[tokio::test]
async fn a_batch_is_answered_in_order_without_its_notifications() {
    let at = Fixture::new().await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "list_roles" },
        { "jsonrpc": "2.0", "method": "create_task", "params": { "title": "silent" } },
        { "jsonrpc": "2.0", "id": 2, "method": "lst_tasks" },
        7,
    ]);
    let answers = at.rpc(batch.to_string()).await.value();
    let seen: Vec<_> = answers.as_array().unwrap().iter().map(|a| (&a["id"], &a["error"]["code"])).collect();
    assert_eq!(
        seen,
        [(&json!(1), &Value::Null), (&json!(2), &json!(-32601)), (&Value::Null, &json!(-32600))]
    );
    assert!(answers[1]["error"]["data"]["suggestions"].to_string().contains("list_tasks"), "{answers}");
    let tasks = at.get("/api/tasks").await.value();
    assert_eq!(tasks["tasks"][0]["title"], "silent");
}

#[tokio::test]
async fn notifications_alone_have_no_answer_even_when_they_fail() {
    let at = Fixture::new().await;
    let notification = json!({ "jsonrpc": "2.0", "method": "create_task", "params": {} });
    for body in [notification.clone(), json!([notification])] {
        let reply = at.rpc(body.to_string()).await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0));
    }
}

#[tokio::test]
async fn an_error_carries_the_members_of_a_problem() {
    let at = Fixture::new().await;
    let call = |params: Value| json!({ "jsonrpc": "2.0", "id": 1, "method": "get_task", "params": params });
    let error =
        at.rpc(call(json!({ "task_id": "0000000000000" })).to_string()).await.value()["error"].clone();
    assert_eq!((&error["code"], &error["data"]["code"]), (&json!(-32004), &json!("not_found")));
    let error = at.rpc(call(json!(["0000000000000"])).to_string()).await.value()["error"].clone();
    assert_eq!(error["code"], -32602);
}

#[tokio::test]
async fn the_limits_are_those_of_the_params_and_not_of_the_envelope() {
    let at = Fixture::new().await;
    let labels = |depth: usize| (2..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
    let call = |depth| {
        let params = json!({ "title": "deep", "labels": labels(depth) });
        json!([{ "jsonrpc": "2.0", "id": 1, "method": "create_task", "params": params }]).to_string()
    };
    let fits = at.rpc(call(10)).await.value();
    assert_eq!(fits[0]["error"], Value::Null, "{fits}");
    assert_eq!(at.rpc(call(11)).await.value()[0]["error"]["data"]["code"], "limit_exceeded");
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused_on_both_faces() {
    let at = Fixture::new().await;
    let input = r#"{"title":"one","title":"two"}"#;
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"create_task","params":{input}}}"#);
    let answer = at.rpc(call).await.value();
    let request = to("POST", "/api/tasks").header("content-type", "application/json");
    let problem = at.send(request.body(input.into()).unwrap()).await.value();
    assert!(problem["status"].is_u64(), "{problem}");
    assert_eq!(answer["error"]["data"]["code"], problem["code"], "{answer}");
}

#[tokio::test]
async fn the_transport_is_checked_as_on_every_route() {
    let at = Fixture::new().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"list_roles"}"#;
    let request = to("POST", "/rpc").header("content-type", "text/plain").body(call.into()).unwrap();
    at.send(request).await.problem(415, "unsupported_media_type");
    at.get("/rpc").await.problem(405, "method_not_allowed");
}

#[derive(Deserialize)]
struct Torture {
    id: String,
    b64: String,
    expect_error_code: Value,
}

#[tokio::test]
async fn malformed_envelopes_get_the_code_they_deserve() {
    let Some(cases) = corpus("jsonrpc_torture.jsonl") else { return };
    let at = Fixture::new().await;
    for line in cases.lines() {
        let case: Torture = serde_json::from_str(line).unwrap();
        let reply = at.rpc(decode(&case.b64)).await;
        if case.expect_error_code == "no-reply" {
            assert_eq!((reply.status.as_u16(), reply.body.len()), (204, 0), "{}", case.id);
            continue;
        }
        let answer = reply.value();
        let code = answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{}: {answer}", case.id));
        match case.expect_error_code.as_i64() {
            Some(expected) => assert_eq!(code, expected, "{}: {answer}", case.id),
            None => assert!((-32700..=-32600).contains(&code), "{}: {answer}", case.id),
        }
    }
}

/// The text of a corpus, which lies outside the repository and may be absent.
fn corpus(name: &str) -> Option<String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("BINDERY_CORPORA").map_or_else(beside, PathBuf::from);
    let text = std::fs::read_to_string(folder.join(name)).ok();
    if text.is_none() {
        println!("skipped: {name} is not in {}; set BINDERY_CORPORA", folder.display());
    }
    text
}

/// Base64 as RFC 4648 writes it.
fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(|byte| u32::try_from(ALPHABET.iter().position(|known| *known == byte).unwrap()).unwrap())
        .collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = (0..4).fold(0, |bits, i| bits << 6 | four.get(i).copied().unwrap_or(0));
        bits.to_be_bytes()[1..four.len()].to_vec()
    });
    bytes.collect()
}
