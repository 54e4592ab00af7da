//! The text guard: what is done to text, and said to be.
//!
//! By default ([`Policy::Neutralize`]) text is changed only where a browser, a Markdown renderer
//! or a terminal would act on it, and only as much as stops that; whatever else is worth knowing
//! is flagged. Guarding twice is guarding once, and the report restores the original.

mod content;
mod controls;
mod inspection;
mod invisible;
mod markup;
mod neutralize;
mod patterns;
mod policy;
mod report;
mod strip;

use serde_json::Value;
use shared_types::{Error, ErrorCode, guarded::GuardReport};

use self::{inspection::Inspection, report::Reporter};
pub use self::{
    policy::{Policy, UnknownPolicy},
    report::restore,
};
use crate::path::Path;

/// Guards every text in `value` by `policy`, and says what it did.
///
/// # Errors
/// `refused` for text that the policy does not let in.
pub fn guard(value: &mut Value, policy: Policy) -> Result<Option<GuardReport>, Error> {
    let mut reporter = Reporter::default();
    walk(value, &Path::Root, policy, &mut reporter)?;
    Ok(reporter.into_report())
}

fn walk(value: &mut Value, path: &Path<'_>, policy: Policy, reporter: &mut Reporter) -> Result<(), Error> {
    match value {
        Value::String(text) => guard_text(text, path, policy, reporter),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(index, item)| walk(item, &Path::Index(path, index), policy, reporter)),
        Value::Object(entries) => entries.iter_mut().try_for_each(|(key, entry)| {
            let path = Path::Key(path, key);
            check_key(key, &path, policy)?;
            walk(entry, &path, policy, reporter)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn guard_text(
    text: &mut String,
    path: &Path<'_>,
    policy: Policy,
    reporter: &mut Reporter,
) -> Result<(), Error> {
    // A name, a tag or an id holds nothing of what is looked for.
    if is_word(text, b'-') {
        return Ok(());
    }
    let inspection = inspect(text, path, policy)?;
    if inspection.is_empty() {
        return Ok(());
    }
    if policy == Policy::Reject
        && let Some(change) = inspection.changes.first()
    {
        let found = &text[change.range.clone()];
        return Err(Error::new(ErrorCode::Refused, format!("the text holds {}", report::noun(change.rule)))
            .at(path.to_string())
            .with("rule", change.rule)
            .with("start", change.range.start)
            .with("end", change.range.end)
            .with("found", report::shown(found))
            .suggest("Write it without, or escape it."));
    }
    *text = reporter.add(path.to_string(), std::mem::take(text), inspection, policy != Policy::Flag);
    Ok(())
}

fn inspect(text: &str, path: &Path<'_>, policy: Policy) -> Result<Inspection, Error> {
    if policy != Policy::Strip {
        return Ok(neutralize::inspect(text));
    }
    strip::inspect(text).ok_or_else(|| {
        Error::new(ErrorCode::Refused, "patterns of injection lie too deep within one another to be removed")
            .at(path.to_string())
    })
}

/// Names of labels are shown like text, but two could become one if they were changed.
fn check_key(key: &str, path: &Path<'_>, policy: Policy) -> Result<(), Error> {
    if is_word(key, b'_') || policy == Policy::Flag {
        return Ok(());
    }
    match neutralize::inspect(key).changes.first() {
        None => Ok(()),
        Some(change) => {
            let message = format!("the key holds {}", report::noun(change.rule));
            Err(Error::new(ErrorCode::Refused, message).at(path.to_string()).suggest("Give it a plain name."))
        }
    }
}

/// Whether the text has only letters, digits and `joint`.
fn is_word(text: &str, joint: u8) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == joint)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const POLICIES: [Policy; 4] = [Policy::Neutralize, Policy::Strip, Policy::Reject, Policy::Flag];

    fn guarded(mut value: Value, policy: Policy) -> (Value, GuardReport) {
        let report = guard(&mut value, policy).unwrap();
        (value, report.unwrap_or(GuardReport { count: 0, findings: Vec::new() }))
    }

    #[test]
    fn each_policy_does_what_it_says() {
        let text = json!({"tasks": [{"title": "a<script>\u{0}{{b}}"}]});
        let changed = |title: &str| json!({"tasks": [{"title": title}]});

        let (value, report) = guarded(text.clone(), Policy::Neutralize);
        assert_eq!(value, changed("a&lt;script>{{b}}"));
        let rows: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.rule.as_str(), f.start, f.end, f.found.as_str(), f.replaced_by.as_deref()))
            .collect();
        assert_eq!(
            rows,
            [
                ("markup", 1, 2, "<", Some("&lt;")),
                ("control_character", 9, 10, "\u{0}", Some("")),
                ("template", 10, 12, "{{", None),
            ]
        );
        assert!(report.findings.iter().all(|finding| finding.field == "tasks[0].title"));

        assert_eq!(guarded(text.clone(), Policy::Strip).0, changed("a&lt;script&gt;b}}"));

        let (value, report) = guarded(text.clone(), Policy::Flag);
        assert_eq!(value, text);
        assert_eq!(report.count, 3);
        assert!(report.findings.iter().all(|finding| finding.replaced_by.is_none()));

        let error = guard(&mut text.clone(), Policy::Reject).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (ErrorCode::Refused, Some("tasks[0].title")));
    }

    #[test]
    fn only_what_would_be_changed_is_rejected() {
        let (value, report) = guarded(json!("Vec<String> {{x}}"), Policy::Reject);
        assert_eq!((value, report.count), (json!("Vec<String> {{x}}"), 1));
        for (text, what) in [
            ("<script>", "markup that a browser would act on"),
            ("[x](javascript:y)", "a link that runs a program"),
            ("\u{1b}[31m", "a terminal escape sequence"),
            ("\0", "a control character"),
        ] {
            let error = guard(&mut json!(text), Policy::Reject).unwrap_err();
            assert_eq!(error.message, format!("the text holds {what}"));
        }
    }

    #[test]
    fn a_key_is_refused_and_never_changed() {
        for policy in POLICIES {
            let verdict = guard(&mut json!({"labels": {"<img src=x>": 1}}), policy);
            assert_eq!(verdict.is_err(), policy != Policy::Flag, "{policy}");
            assert_eq!(guard(&mut json!({"labels": {"Vec<T>": 1}}), policy), Ok(None), "{policy}");
        }
    }

    #[test]
    fn code_and_prose_come_back_byte_for_byte() {
        for text in
            ["Vec<String>", "https://a.b/c?d=e&f", "é ñ 中 👩‍👩‍👧", "a\r\n\tb", "<b>", "it's \"quoted\" & so on"]
        {
            let mut value = json!(text);
            assert_eq!(guard(&mut value, Policy::default()), Ok(None));
            assert_eq!(value, json!(text));
        }
    }

    /// Texts that are dense with what the guard looks for.
    fn hostile() -> impl Strategy<Value = String> {
        r#"(?s:.|[\x00-\x1f\x80-\x9f]|\x1b\[[0-9;]*m|<script>|<img src=x>|<!--|</|\]\(javascript:|\{\{|eval\(|' or '|&lt;|\u{200b}|\u{202e}){0,40}"#
    }

    proptest! {
        #[test]
        fn guarding_twice_is_guarding_once(text in hostile()) {
            for policy in [Policy::Neutralize, Policy::Strip, Policy::Flag] {
                let (once, _) = guarded(json!(text), policy);
                let (twice, report) = guarded(once.clone(), policy);
                prop_assert_eq!(&twice, &once);
                prop_assert!(report.findings.iter().all(|finding| finding.replaced_by.is_none()));
            }
        }

        #[test]
        fn the_report_restores_the_original(texts in proptest::collection::vec(hostile(), 1..4)) {
            for policy in [Policy::Neutralize, Policy::Strip, Policy::Flag] {
                let (now, report) = guarded(json!({"tags": texts}), policy);
                prop_assert!(report.findings.len() <= 20);
                for (index, text) in texts.iter().enumerate() {
                    let field = format!("tags[{index}]");
                    let restored = restore(&field, now["tags"][index].as_str().unwrap_or_default(), &report);
                    prop_assert_eq!(restored.as_deref(), Some(text.as_str()));
                }
            }
        }
    }
}
