//! Harm done to real hosts and children, and the commands that people watch and steer them with.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod calls;
mod commands;
mod host;
mod left_behind;
mod moments;
mod scenarios;
mod shims;
mod tool_servers;
mod top;

use std::time::Duration;

/// Longer than anything here takes on a busy machine; reached only when a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);
