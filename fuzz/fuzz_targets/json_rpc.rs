//! What stands before JSON-RPC: the backend's reader of envelopes and the MCP server's reader of
//! lines. Both files know nothing of their crates, so they are compiled here on their own; SQLite
//! and HTTP under sanitizers would cost minutes and find nothing more.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    reason = "the two files are compiled without the crates that use the rest of them"
)]

#[path = "../../bindery-backend/src/http/rpc/envelope.rs"]
mod envelope;
#[path = "../../mcp-server/src/server/line.rs"]
mod line;

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use envelope::{Call, Message};
use guard::Intake;
use libfuzzer_sys::fuzz_target;
use line::{Line, LineReader};
use serde_json::Value;
use tokio::io::BufReader;

/// Short enough for small inputs to exceed.
const LINE_LIMIT: usize = 24;

fuzz_target!(|bytes: &[u8]| {
    check_envelope(bytes);
    assert_eq!(lines(bytes), expected_lines(bytes));
});

fn check_envelope(bytes: &[u8]) {
    let whole = serde_json::from_slice::<Value>(bytes);
    match envelope::parse(bytes) {
        Err(_) => {}
        Ok(Message::Single(call)) => check_call(call.ok(), whole.as_ref().ok()),
        Ok(Message::Batch(calls)) => {
            assert!((1..=100).contains(&calls.len()));
            for (index, call) in calls.into_iter().enumerate() {
                check_call(call.ok(), whole.as_ref().ok().and_then(|whole| whole.get(index)));
            }
        }
    }
}

/// A call says what any other reader of its JSON would see.
fn check_call(call: Option<Call>, value: Option<&Value>) {
    let (Some(call), Some(value)) = (call, value) else { return };
    assert_eq!(value["jsonrpc"], "2.0");
    assert_eq!(value["method"], call.method);
    assert_eq!(value.get("id").cloned(), call.id.as_ref().map(|id| serde_json::to_value(id).unwrap()));
    if let Ok(input) = call.input(&Intake::default()) {
        assert_eq!(value.get("params").unwrap_or(&Value::Null), &input);
    }
}

/// Each line, or nothing for one that is too long.
fn lines(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut reader = LineReader::new(BufReader::with_capacity(7, bytes), LINE_LIMIT);
    let mut found = Vec::new();
    loop {
        let next = pin!(reader.next()).poll(&mut Context::from_waker(Waker::noop()));
        match next {
            Poll::Pending => unreachable!("bytes in memory are always there"),
            Poll::Ready(Line::End) => return found,
            Poll::Ready(Line::TooLong) => found.push(None),
            Poll::Ready(Line::Whole) => {
                found.push(Some(reader.line().to_vec()));
                reader.clear();
            }
        }
    }
}

fn expected_lines(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut found = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > LINE_LIMIT {
            found.push(None);
        } else if line.ends_with(b"\n") && !line.trim_ascii().is_empty() {
            found.push(Some(line.trim_ascii().to_vec()));
        }
    }
    found
}
