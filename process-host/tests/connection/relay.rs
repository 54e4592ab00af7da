//! Messages from elsewhere pass through whole.

use process_host::connection::{CallOptions, Connection, ConnectionOptions};
use serde_json::{json, value::RawValue};

use super::peer::open;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

async fn relay(connection: &Connection, text: &str) -> Option<String> {
    let message = raw(text);
    let answer = connection.relay(&message, CallOptions::default()).await.unwrap();
    answer.map(|answer| answer.get().to_owned())
}

#[tokio::test]
async fn ids_of_every_type_are_restored_to_the_letter() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    for id in [
        "1",
        "-0",
        "1.50",
        "1e3",
        "123456789012345678901234567890",
        r#""a\u0062\"c""#,
        "\"\"",
        "null",
        "true",
        r#"[1, {"x":2}]"#,
        r#"{ "a":null }"#,
    ] {
        let request =
            format!(r#"{{ "x-first":1,"id": {id} ,"jsonrpc":"2.0","method":"m","_meta":{{"id":5}}}}"#);
        let answer = async {
            let line = peer.line().await.unwrap();
            let ours: serde_json::Value = serde_json::from_str(&line).unwrap();
            let ours = ours["id"].as_u64().unwrap();
            assert_eq!(line, request.replace(&format!("{id} ,"), &format!("{ours} ,")));
            peer.say(format!(r#"{{"result":{{"id":1}},"new": [ 1 ],"id":{ours},"jsonrpc":"2.0"}}"#)).await;
        };
        let (answered, ()) = tokio::join!(relay(&connection, &request), answer);
        let expected = format!(r#"{{"result":{{"id":1}},"new": [ 1 ],"id":{id},"jsonrpc":"2.0"}}"#);
        assert_eq!(answered.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_error_is_a_whole_answer_too() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let answer = async {
        let id = peer.next().await["id"].clone();
        peer.fail(&id, -32602, "bad").await;
    };
    let request = r#"{"jsonrpc":"2.0","id":"x","method":"m"}"#;
    let (answered, ()) = tokio::join!(relay(&connection, request), answer);
    let answered: serde_json::Value = serde_json::from_str(&answered.unwrap()).unwrap();
    let error = json!({"code": -32602, "message": "bad", "data": [1]});
    assert_eq!(answered, json!({"jsonrpc": "2.0", "id": "x", "error": error}));
}

#[tokio::test]
async fn what_is_no_request_has_no_answer_and_a_message_becomes_one_line() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let notification = "{\n  \"jsonrpc\": \"2.0\",\r\n  \"method\": \"news\"\n}";
    assert_eq!(relay(&connection, notification).await, None);
    assert_eq!(peer.next().await, json!({"jsonrpc": "2.0", "method": "news"}));
    for wrong in ["[]", "1", r#"{"id":1,"method":"m"}"#, r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#] {
        let error = connection.relay(&raw(wrong), CallOptions::default()).await.unwrap_err();
        assert_eq!(error.code(), "invalid", "{wrong}");
    }
}
