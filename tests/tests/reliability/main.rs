//! What breaks, breaks cleanly: processes are killed, disks fill up, power fails, and nothing that
//! was acknowledged is lost.
//!
//! Each test does a short form of its run, and the long one with `BINDERY_LONG=1`; both print
//! their figures with `--nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod overload;
mod slow_readers;
