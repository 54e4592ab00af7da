//! Connections and queues, with a peer that does what each test says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod backpressure;
mod calls;
mod closing;
mod framing;
mod incoming;
mod peer;
mod queue;
mod races;
mod relay;
mod streaming;
