//! The HTTP face from outside: in process through the router, and as the real binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says where and stops"
)]

mod backend;
mod events;
mod fixture;
mod kept;
mod keys;
mod openapi;
mod overload;
mod process;
mod rest;
mod rpc;
mod security;
mod stopping;
