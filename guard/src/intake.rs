//! The one way in: limits, lenient reading and the text guard, in this order.

use serde_json::Value;
use shared_types::{Error, Spec, guarded::GuardReport};

use crate::{Limits, Policy, lenient, limits::Form, text};

/// An input that may be acted on.
#[derive(Debug)]
pub struct Accepted {
    /// The input, with the types its operation declares.
    pub input: Value,
    /// What the text guard changed or flagged.
    pub report: Option<GuardReport>,
}

/// Limits and text guard, applied to every input in the same order.
#[derive(Debug, Clone, Default)]
pub struct Intake {
    limits: Limits,
    policy: Policy,
}

impl Intake {
    /// An intake with these limits and this policy on text.
    pub const fn new(limits: Limits, policy: Policy) -> Self {
        Self { limits, policy }
    }

    /// Checks the raw bytes of a JSON document against the limits, before anything is built.
    /// `envelope` is the number of levels around the input, such as 1 for JSON-RPC `params`.
    ///
    /// # Errors
    /// `invalid_json`, `limit_exceeded` or `refused`.
    pub fn check_bytes(&self, bytes: &[u8], envelope: usize) -> Result<(), Error> {
        self.limits.check_bytes(bytes, envelope)
    }

    /// Reads `input` as an input of the operation and guards its text.
    ///
    /// # Errors
    /// What breaks a limit, does not fit the operation, or is refused, with its path.
    pub fn accept(&self, spec: &Spec, input: Value) -> Result<Accepted, Error> {
        self.limits.check_value(&input, Form::AsSent)?;
        let mut input = lenient::read(spec, input, &self.limits)?;
        self.limits.check_value(&input, Form::AsRead)?;
        let report = text::guard(&mut input, self.policy)?;
        Ok(Accepted { input, report })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::{ErrorCode, operation::find};

    use super::*;

    #[test]
    fn bytes_and_values_meet_the_limits_that_it_was_given() {
        let intake = Intake::new(Limits { characters: 5, ..Limits::default() }, Policy::default());
        assert_eq!(intake.check_bytes(br#"{"title":"abcde"}"#, 0), Ok(()));
        let error = intake.check_bytes(br#"{"title":"abcdef"}"#, 0).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::LimitExceeded, Some("title")));
        let error = intake.accept(find("create_task").unwrap(), json!({"title": "abcdef"})).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::LimitExceeded, Some("title")));
    }

    #[test]
    fn text_meets_the_policy_that_it_was_given() {
        let accept = |policy| {
            let input = json!({"task_input": {"title": "<script>"}});
            Intake::new(Limits::default(), policy).accept(find("create_task").unwrap(), input)
        };
        let accepted = accept(Policy::Neutralize).unwrap();
        assert_eq!(accepted.input, json!({"title": "&lt;script>"}));
        assert_eq!(accepted.report.map(|report| report.count), Some(1));
        assert_eq!(accept(Policy::Reject).unwrap_err().code, ErrorCode::Refused);
    }
}
