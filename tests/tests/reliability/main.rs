//! What breaks, breaks cleanly: processes are killed, disks fill up, power fails, and nothing that
//! was acknowledged is lost.
//!
//! Each test does a short form of its run, and the long one with `BINDERY_LONG=1`; both print
//! their figures with `--nocapture`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod assistants;
mod cache_law;
mod clock;
mod crash;
mod descriptors;
mod disk;
mod figures;
mod overload;
mod power;
mod preload;
mod slow_readers;
mod soak;
mod template;
mod writer;
