//! HTTP as the simplest program speaks it: one request a connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// What the backend answered.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body, which need not be text.
    pub body: Vec<u8>,
}

/// Posts `body` as JSON to `target` of the backend at `url`, with further header lines, and
/// returns the status and the answer.
///
/// # Panics
/// When there is no answer, or it is not JSON.
pub fn post(url: &str, target: &str, headers: &[&str], body: &Value) -> (u16, Value) {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let response = exchange(address, "POST", target, headers, Some(body.to_string().as_bytes()));
    (response.status, serde_json::from_slice(&response.body).expect("the answer is JSON"))
}

/// Sends a request to `address`, such as `127.0.0.1:3000`. The target, the header lines and the
/// body go as they are.
///
/// # Panics
/// When there is no answer, or none that is HTTP.
pub fn exchange(
    address: &str,
    method: &str,
    target: &str,
    headers: &[&str],
    body: Option<&[u8]>,
) -> Response {
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").into_bytes();
    for header in headers {
        request.extend(format!("{header}\r\n").into_bytes());
    }
    if let Some(body) = body {
        let about = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        request.extend(about.into_bytes());
    }
    request.extend(b"\r\n");
    request.extend(body.unwrap_or_default());

    let mut stream = TcpStream::connect(address).expect("the backend listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    stream.write_all(&request).expect("the backend reads");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("the backend answers");
    read(&reply).unwrap_or_else(|| panic!("not HTTP: {}", String::from_utf8_lossy(&reply)))
}

fn read(reply: &[u8]) -> Option<Response> {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&reply[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Response { status, body: reply[end + 4..].to_vec() })
}

/// `text` as one segment of a path or one word of a query string.
pub fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
