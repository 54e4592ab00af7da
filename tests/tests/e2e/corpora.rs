//! The acceptance corpora, through a running system and all of its faces.
//!
//! They lie outside the repository: `BINDERY_CORPORA` names their folder. A test whose corpus is
//! absent says so and passes.

mod benign;
mod injection;
mod json;
mod rpc;
mod text;
mod traces;

use serde::de::DeserializeOwned;
use tests::extras;

/// The rows of a corpus; nothing, and a notice, if it is absent.
fn rows<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let Some(path) = extras::corpus(file) else { return Vec::new() };
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Fails with what failed first and how much else did.
fn assert_none(failures: &[String]) {
    let shown = failures.iter().take(50).map(|failure| failure.chars().take(300).collect::<String>());
    let shown: Vec<String> = shown.collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), shown.join("\n"));
}

/// Bytes from base64 (RFC 4648).
fn decode(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<usize> = text.chars().filter_map(|digit| DIGITS.find(digit)).collect();
    let bytes = digits.chunks(4).flat_map(|four| {
        let bits = (0..4).fold(0, |bits, place| bits << 6 | four.get(place).copied().unwrap_or(0));
        [bits >> 16, bits >> 8, bits].into_iter().take(four.len() - 1)
    });
    bytes.map(|byte| (byte & 0xff) as u8).collect()
}
