//! The limits on any bytes, beside the plainest way to say the same: read the whole document into
//! a tree, then look at the tree.
#![no_main]

#[path = "../../guard/tests/limits/tree.rs"]
mod tree;

use guard::limits::Form;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared_types::ErrorCode;
use tree::{LIMITS, Tree};

fuzz_target!(|bytes: &[u8]| {
    let verdict = LIMITS.check_bytes(bytes, 0);
    let Ok(tree) = serde_json::from_slice::<Tree>(bytes) else {
        assert!(verdict.is_err(), "what the limits let in, the parser reads");
        return;
    };
    let (found, expected) = (verdict.map_err(|error| (error.code, error.field)), tree.check(&LIMITS));
    if matches!(&found, Err((ErrorCode::LimitExceeded, _))) && has_long_number(bytes) {
        return;
    }
    assert_eq!(found, expected);
    if found.is_ok() {
        let value: Value = serde_json::from_slice(bytes).expect("a tree is a value");
        assert_eq!(LIMITS.check_value(&value, Form::AsSent), Ok(()), "a value meets the limits of its bytes");
    }
});

/// A tree does not say how long its numbers were written.
fn has_long_number(bytes: &[u8]) -> bool {
    bytes.split(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')).any(|run| run.len() > 1000)
}
