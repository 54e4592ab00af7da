//! The client against a real HTTP server on a real Unix socket that plays the backend.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backend;
mod cache;
mod lifecycle;
mod resilience;
