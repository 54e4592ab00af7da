//! The text guard on any text, by every policy: guarding twice is guarding once, and the report
//! speaks of the text that was sent.
#![no_main]

use guard::{Policy, text};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared_types::guarded::{GuardFinding, GuardReport};

fuzz_target!(|sent: &str| {
    for policy in [Policy::Neutralize, Policy::Strip, Policy::Reject, Policy::Flag] {
        let mut kept = Value::from(sent);
        match text::guard(&mut kept, policy) {
            Err(_) => assert_eq!(policy, Policy::Reject, "only this policy refuses"),
            Ok(None) => assert_eq!(kept, sent, "{policy}: a change is reported"),
            Ok(Some(report)) => check(sent, &report, policy),
        }
        let mut again = kept.clone();
        text::guard(&mut again, policy).expect("what was let in once is let in again");
        assert_eq!(again, kept, "{policy}: guarding twice is guarding once");
    }
});

fn check(sent: &str, report: &GuardReport, policy: Policy) {
    assert!(report.count >= report.findings.len() as i64, "{policy}: {report:?}");
    for GuardFinding { start, end, found, .. } in &report.findings {
        let range = usize::try_from(*start).unwrap()..usize::try_from(*end).unwrap();
        let there = sent.get(range).expect("a finding lies in the text as it was sent");
        assert!(!there.is_empty() && there.starts_with(found.as_str()), "{policy}: {there:?} is {found:?}");
    }
}
