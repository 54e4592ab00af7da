//! The end of threads that work until told otherwise.

use std::sync::atomic::{AtomicBool, Ordering};

/// Sets a flag when it is dropped, also when a test fails: a scope waits for its threads before it
/// lets the failure through.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
