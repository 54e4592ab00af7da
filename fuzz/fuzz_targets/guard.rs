//! The text guard on any text, by every policy: guarding twice is guarding once, and the report
//! restores the text that was sent.
#![no_main]

use guard::{Policy, text};
use libfuzzer_sys::fuzz_target;
use serde_json::json;
use shared_types::guarded::{GuardFinding, GuardReport};

fuzz_target!(|sent: &str| {
    for policy in [Policy::Neutralize, Policy::Strip, Policy::Reject, Policy::Flag] {
        let mut kept = json!({ "title": sent });
        let Ok(report) = text::guard(&mut kept, policy) else {
            assert!(matches!(policy, Policy::Reject | Policy::Strip), "{policy} refuses nothing");
            continue;
        };
        let report = report.unwrap_or(GuardReport { count: 0, findings: Vec::new() });
        check(sent, kept["title"].as_str().unwrap(), &report, policy);
        let mut again = kept.clone();
        text::guard(&mut again, policy).expect("what was let in once is let in again");
        assert_eq!(again, kept, "{policy}: guarding twice is guarding once");
    }
});

fn check(sent: &str, kept: &str, report: &GuardReport, policy: Policy) {
    assert!(report.findings.len() <= 20 && report.count >= report.findings.len() as i64, "{report:?}");
    assert!(kept == sent || !matches!(policy, Policy::Reject | Policy::Flag), "{policy} changes nothing");
    for GuardFinding { start, end, found, replaced_by, .. } in &report.findings {
        let range = usize::try_from(*start).unwrap()..usize::try_from(*end).unwrap();
        let there = sent.get(range).expect("a finding lies in the text as it was sent");
        assert!(!there.is_empty() && (replaced_by.is_none() || there == found), "{there:?} is {found:?}");
    }
    assert_eq!(text::restore("title", kept, report).as_deref(), Some(sent), "{policy}: {report:?}");
}
