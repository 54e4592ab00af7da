//! The commands that look after a store, with the real binary and real files.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says where and stops"
)]

mod automatic;
mod commands;
mod copies;
mod damage;
mod fixture;
mod soundness;
