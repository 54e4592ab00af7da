//! HTTP as the simplest client speaks it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// Posts `body` as JSON to `path` of the backend at `url`, with further header lines, and returns
/// the status and the answer.
///
/// # Panics
/// When there is no answer, or it is not JSON.
pub fn post(url: &str, path: &str, headers: &[&str], body: &Value) -> (u16, Value) {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("the backend listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("the patience is not zero");
    let body = body.to_string();
    let mut lines = vec![
        format!("POST {path} HTTP/1.1"),
        "Host: localhost".to_owned(),
        "Connection: close".to_owned(),
        "Content-Type: application/json".to_owned(),
        format!("Content-Length: {}", body.len()),
    ];
    lines.extend(headers.iter().map(ToString::to_string));
    let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
    stream.write_all(request.as_bytes()).expect("the backend reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the backend answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("the answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}")))
}
