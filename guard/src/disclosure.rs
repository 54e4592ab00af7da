//! What a caller is told of a fault.
//!
//! A refusal (4xx) is about the caller's own input and goes out as it is. A fault (5xx) may carry
//! paths, statements or addresses: its detail belongs in the log, under a correlation id, and in
//! production the caller gets only a constant text and that id.

use shared_types::{Error, ErrorCode};

use crate::redact::redact;

/// An error on its way to a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    /// The error as the caller may see it.
    pub error: Error,
    /// What the log is told of a fault, redacted; nothing for a refusal.
    pub detail: Option<String>,
}

/// Divides `error` between the caller and the log. A fault keeps the correlation id it has, so
/// that one id leads to it on every face; `new_id` makes one where there is none.
pub fn disclose(mut error: Error, production: bool, new_id: impl FnOnce() -> String) -> Disclosure {
    if error.code.http_status() < 500 {
        return Disclosure { error, detail: None };
    }
    let id = error.correlation_id.take().unwrap_or_else(new_id);
    let detail = redact(&error.message).into_owned();
    if production {
        error = Error::new(error.code, error.code.title()).suggest(advice(error.code));
    } else {
        error.message.clone_from(&detail);
    }
    error.correlation_id = Some(id);
    Disclosure { error, detail: Some(detail) }
}

/// What anyone can do about a fault without knowing its cause.
const fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Overloaded | ErrorCode::BackendUnavailable | ErrorCode::CircuitOpen => {
            "Try again in a few seconds."
        }
        ErrorCode::Timeout => "Try again; give a write the same request_id.",
        ErrorCode::StorageUnavailable => "Free some disk space; reading goes on meanwhile.",
        _ => "Look for the correlation id in the log.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "open /srv/tasks.db: password=hunter2";

    fn disclosed(error: Error, production: bool) -> Disclosure {
        disclose(error, production, || "new".to_owned())
    }

    fn faults() -> impl Iterator<Item = ErrorCode> {
        ErrorCode::ALL.iter().copied().filter(|code| code.http_status() >= 500)
    }

    #[test]
    fn in_production_a_fault_is_a_constant_text_and_an_id() {
        for code in faults() {
            let one = Error::new(code, MESSAGE).with("path", "/srv").suggest("Look into /srv.").at("path");
            let told = disclosed(one, true).error;
            assert_eq!(told, disclosed(Error::new(code, "something else"), true).error, "{code}");
            assert_eq!((told.message.as_str(), told.correlation_id.as_deref()), (code.title(), Some("new")));
        }
    }

    #[test]
    fn in_production_a_fault_says_what_anyone_can_do() {
        for (code, advice) in [
            (ErrorCode::Overloaded, "Try again in a few seconds."),
            (ErrorCode::BackendUnavailable, "Try again in a few seconds."),
            (ErrorCode::CircuitOpen, "Try again in a few seconds."),
            (ErrorCode::Timeout, "Try again; give a write the same request_id."),
            (ErrorCode::StorageUnavailable, "Free some disk space; reading goes on meanwhile."),
            (ErrorCode::Internal, "Look for the correlation id in the log."),
        ] {
            assert_eq!(disclosed(Error::new(code, MESSAGE), true).error.suggestions, [advice], "{code}");
        }
    }

    #[test]
    fn elsewhere_a_fault_is_told_redacted() {
        for code in faults() {
            let told = disclosed(Error::new(code, MESSAGE).suggest("Free the disk."), false).error;
            assert_eq!(told.message, "open [path]: password=[credential]", "{code}");
            assert_eq!(told.suggestions, ["Free the disk."]);
        }
    }

    #[test]
    fn the_log_has_the_detail_in_both_modes() {
        for production in [false, true] {
            let detail = disclosed(Error::new(ErrorCode::Internal, MESSAGE), production).detail;
            assert_eq!(detail.as_deref(), Some("open [path]: password=[credential]"));
        }
    }

    #[test]
    fn an_id_is_kept() {
        let mut error = Error::new(ErrorCode::Internal, "x");
        error.correlation_id = Some("first".to_owned());
        assert_eq!(disclosed(error, true).error.correlation_id.as_deref(), Some("first"));
    }

    #[test]
    fn a_refusal_is_told_as_it_is() {
        let refusal = Error::new(ErrorCode::InvalidValue, MESSAGE).at("title");
        for production in [false, true] {
            let expected = Disclosure { error: refusal.clone(), detail: None };
            assert_eq!(disclosed(refusal.clone(), production), expected);
        }
    }
}
