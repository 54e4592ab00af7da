//! End to end: the real binaries, as assistants, programs and people use them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod bad_input;
mod browser;
mod clients;
mod command_line;
mod corpora;
mod disclosure;
mod executors;
mod lifecycle;
mod protocol;
mod races;
mod readme;
mod settings;
mod tools;
mod untrusted;
