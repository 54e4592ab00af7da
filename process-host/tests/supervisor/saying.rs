//! What children say by themselves.

use process_host::{Supervisor, connection::FromPeer, supervisor::Options};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{child, patiently, tree};

#[tokio::test]
async fn notifications_and_requests_of_a_child_are_handed_on_and_answered() {
    let script = r#"echo '{"jsonrpc":"2.0","method":"hello","params":{"n":1}}'
        echo '{"jsonrpc":"2.0","id":"q","method":"who"}'
        read -r answer; echo "$answer" >&2; exec cat"#;
    let mut asking = child("asking", ["sh", "-c", script]);
    asking.stdio = process_host::spec::Stdio::JsonRpc;
    let (told, mut said) = mpsc::channel(8);
    let options = Options { incoming: Some(told), ..Options::default() };
    let supervisor = Supervisor::start_with(tree([asking]), options).unwrap();

    let first = patiently(said.recv()).await.unwrap();
    assert_eq!(&*first.path, "asking");
    assert!(matches!(first.message, FromPeer::Notification(message) if message.method() == "hello"));
    let FromPeer::Request(request, responder) = patiently(said.recv()).await.unwrap().message else {
        panic!("not a request")
    };
    assert_eq!(request.method(), "who");
    responder.answer(&json!("you")).await.unwrap();

    let log = supervisor.child("asking").unwrap().log();
    let lines = patiently(log.next_after(0)).await;
    assert_eq!(lines[0].text, r#"{"jsonrpc":"2.0","id":"q","result":"you"}"#);
    patiently(supervisor.stop()).await;
}
