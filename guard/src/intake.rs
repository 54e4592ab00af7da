//! The one way in.

use serde_json::Value;
use shared_types::{Error, Spec, guarded::GuardReport};

/// An input that may be acted on.
#[derive(Debug)]
pub struct Accepted {
    /// The input, with the types its operation declares.
    pub input: Value,
    /// What the text guard changed or flagged.
    pub report: Option<GuardReport>,
}

/// Limits and text policy, applied to every input in the same order.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    limits: crate::Limits,
}

impl Intake {
    /// Checks the raw bytes of a JSON document against the limits, before anything is built.
    pub fn check_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        self.limits.check_bytes(bytes)
    }

    /// Reads `input` as an input of the operation.
    pub fn accept(&self, _spec: &Spec, input: Value) -> Result<Accepted, Error> {
        Ok(Accepted { input, report: None })
    }
}
