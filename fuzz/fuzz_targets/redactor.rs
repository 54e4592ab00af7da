//! The redactor on any text: redacting twice is redacting once, and what comes out stays on its
//! line and cannot repaint it.
#![no_main]

use guard::redact::redact;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let clean = redact(text);
    assert!(!clean.contains(|c: char| c.is_control()), "{clean:?}");
    assert_eq!(redact(&clean), clean, "redacting twice is redacting once");
});
