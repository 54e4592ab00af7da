//! The report: what was changed, so that it can be put back, and what was flagged.

use std::ops::Range;

use shared_types::guarded::{GuardFinding, GuardReport};

use super::inspection::{Change, Inspection, apply};

/// At most this many findings are listed in a report; the count is exact.
const LISTED: usize = 20;
/// So many of them may be flags when there are changes for all of them.
const FLAGS_BESIDE_CHANGES: usize = 5;
/// At most this many characters of what is only flagged are shown.
const SHOWN: usize = 60;

/// Gathers what was found in the texts of one input.
#[derive(Default)]
pub(super) struct Reporter {
    count: usize,
    changed: Vec<Changed>,
    flags: Vec<GuardFinding>,
}

/// A text before and after.
struct Changed {
    field: String,
    before: String,
    changes: Vec<Change>,
}

impl Reporter {
    /// Takes note of what was found in a text, and gives what the text is now: changed, or as it
    /// was with its changes told as flags.
    pub(super) fn add(
        &mut self,
        field: String,
        before: String,
        inspection: Inspection,
        make_changes: bool,
    ) -> String {
        let Inspection { changes, flags } = inspection;
        self.count += changes.len() + flags.iter().map(|flag| flag.count).sum::<usize>();
        let flags = flags.iter().map(|flag| (flag.rule, &flag.range));
        if make_changes {
            self.flag(&field, &before, flags);
            if changes.is_empty() {
                return before;
            }
            let after = apply(&before, &changes).into_owned();
            self.changed.push(Changed { field, before, changes });
            return after;
        }
        let changes = changes.iter().map(|change| (change.rule, &change.range));
        self.flag(&field, &before, changes.chain(flags));
        before
    }

    /// Lists the first flag of each rule in a field: the others say nothing more.
    fn flag<'a>(
        &mut self,
        field: &str,
        text: &str,
        flags: impl Iterator<Item = (&'static str, &'a Range<usize>)>,
    ) {
        let of_others = self.flags.len();
        for (rule, range) in flags {
            let is_told = self.flags[of_others..].iter().any(|flag| flag.rule == rule);
            if self.flags.len() < LISTED && !is_told {
                self.flags.push(finding(field, rule, range, shown(&text[range.clone()]), None));
            }
        }
    }

    /// The report, unless there is nothing to say.
    pub(super) fn into_report(self) -> Option<GuardReport> {
        if self.count == 0 {
            return None;
        }
        let room = LISTED - self.flags.len().min(FLAGS_BESIDE_CHANGES);
        let changes = self.list_changes(room);
        let mut findings = self.flags;
        findings.splice(..0, changes);
        findings.truncate(LISTED);
        Some(GuardReport { count: i64::try_from(self.count).unwrap_or(i64::MAX), findings })
    }

    /// The changes in `room` rows: where there are more, those next to one another share a row,
    /// which then holds what lies between them as well.
    fn list_changes(&self, room: usize) -> Vec<GuardFinding> {
        let total: usize = self.changed.iter().map(|changed| changed.changes.len()).sum();
        let widest = self.widest_gap_to_close(total.saturating_sub(room));
        let rows = self.changed.iter().flat_map(|changed| changed.rows(widest));
        rows.take(room).collect()
    }

    /// The gap, in bytes, up to which neighbours share a row, so that `spare` rows are saved.
    fn widest_gap_to_close(&self, spare: usize) -> Option<usize> {
        let mut gaps: Vec<usize> = self.changed.iter().flat_map(Changed::gaps).collect();
        let last = spare.min(gaps.len()).checked_sub(1)?;
        Some(*gaps.select_nth_unstable(last).1)
    }
}

impl Changed {
    fn gaps(&self) -> impl Iterator<Item = usize> {
        self.changes
            .iter()
            .zip(self.changes.iter().skip(1))
            .map(|(one, next)| next.range.start - one.range.end)
    }

    /// A row for each group of changes with no gap between them wider than `widest`.
    fn rows(&self, widest: Option<usize>) -> impl Iterator<Item = GuardFinding> {
        let together = move |one: &Change, next: &Change| {
            widest.is_some_and(|widest| next.range.start - one.range.end <= widest)
        };
        self.changes.chunk_by(together).filter_map(|group| self.row(group))
    }

    fn row(&self, group: &[Change]) -> Option<GuardFinding> {
        let (first, last) = (group.first()?, group.last()?);
        let range = first.range.start..last.range.end;
        let mut after = String::new();
        let mut copied = range.start;
        for change in group {
            after.push_str(&self.before[copied..change.range.start]);
            after.push_str(change.with);
            copied = change.range.end;
        }
        let rule = if group.iter().all(|change| change.rule == first.rule) { first.rule } else { "several" };
        Some(finding(&self.field, rule, &range, self.before[range.clone()].to_owned(), Some(after)))
    }
}

fn finding(
    field: &str,
    rule: &str,
    range: &Range<usize>,
    found: String,
    replaced_by: Option<String>,
) -> GuardFinding {
    let offset = |byte: usize| i64::try_from(byte).unwrap_or(i64::MAX);
    GuardFinding {
        field: field.to_owned(),
        rule: rule.to_owned(),
        start: offset(range.start),
        end: offset(range.end),
        found,
        replaced_by,
    }
}

/// The beginning of a text; what cannot be seen is named, so that a report hides nothing.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(SHOWN) {
        if character.is_control() || super::invisible::is_invisible(character) {
            shown.push_str(&format!("U+{:04X} ", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// What a rule finds, in words.
pub(super) fn noun(rule: &str) -> &'static str {
    match rule {
        "markup" => "markup that a browser would act on",
        "markdown_link" => "a link that runs a program",
        "terminal_escape" => "a terminal escape sequence",
        "control_character" => "a control character",
        _ => "what the text guard does not let in",
    }
}

/// The text of `field` as it was before the guard changed it, from what it is now and the
/// report; a change that the report does not list stays. `None` if the two do not belong
/// together.
pub fn restore(field: &str, now: &str, report: &GuardReport) -> Option<String> {
    let mut original = String::with_capacity(now.len());
    let mut rest = now;
    for finding in report.findings.iter().filter(|finding| finding.field == field) {
        let Some(replaced_by) = &finding.replaced_by else { continue };
        let between = usize::try_from(finding.start).ok()?.checked_sub(original.len())?;
        let (kept, changed) = rest.split_at_checked(between)?;
        original.push_str(kept);
        original.push_str(&finding.found);
        rest = changed.strip_prefix(replaced_by.as_str())?;
    }
    original.push_str(rest);
    Some(original)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Policy, text::guard};

    fn report(mut value: Value) -> GuardReport {
        guard(&mut value, Policy::default()).unwrap().unwrap()
    }

    #[test]
    fn many_changes_share_rows_and_still_restore_the_text() {
        let text = "<a href=x>y</a> ".repeat(200);
        let mut value = json!({"description": text});
        let report = guard(&mut value, Policy::default()).unwrap().unwrap();
        assert_eq!(report.count, 400);
        assert!(report.findings.len() <= LISTED);
        let now = value["description"].as_str().unwrap();
        assert_eq!(restore("description", now, &report), Some(text));
    }

    #[test]
    fn near_changes_are_joined_before_distant_ones() {
        let text = format!("\0 far {}", "\0.".repeat(20));
        let report = report(json!(text));
        assert_eq!(report.count, 21);
        let ranges: Vec<_> = report.findings.iter().map(|finding| (finding.start, finding.end)).collect();
        assert_eq!(ranges, [(0, 1), (6, 45)]);
    }

    #[test]
    fn a_flag_is_listed_once_a_rule_and_counted_each_time() {
        let report = report(json!({"a": "{{x}} {{y}} eval(", "b": "{{"}));
        assert_eq!(report.count, 4);
        let rows: Vec<_> =
            report.findings.iter().map(|f| (f.field.as_str(), f.rule.as_str(), f.start)).collect();
        assert_eq!(rows, [("a", "template", 0), ("a", "evaluation", 12), ("b", "template", 0)]);
    }

    #[test]
    fn what_is_kept_by_policy_is_listed_once_a_rule_as_well() {
        let report = guard(&mut json!("\0 <script> \0 <script>"), Policy::Flag).unwrap().unwrap();
        let rows: Vec<_> = report.findings.iter().map(|f| (f.rule.as_str(), f.start)).collect();
        assert_eq!((report.count, rows), (4, vec![("control_character", 0), ("markup", 2)]));
    }

    #[test]
    fn changes_leave_room_for_some_flags() {
        let fields: Vec<_> = (0..40).map(|_| "\0 {{").collect();
        let report = report(json!(fields));
        assert_eq!(report.count, 80);
        let changes = report.findings.iter().filter(|finding| finding.replaced_by.is_some()).count();
        assert_eq!((changes, report.findings.len()), (15, 20));
    }

    #[test]
    fn what_hides_is_named() {
        let report = report(json!("x\u{E0069}\u{E0067}y\u{202E}"));
        let found: Vec<_> = report.findings.iter().map(|finding| finding.found.as_str()).collect();
        assert_eq!(found, ["U+E0069 U+E0067", "U+202E"]);
    }

    #[test]
    fn a_report_of_another_text_restores_nothing() {
        let report = report(json!({"title": "a<script>"}));
        assert_eq!(restore("title", "a", &report), None);
        assert_eq!(restore("title", "a&gt;script>", &report), None);
        assert_eq!(restore("other", "a", &report).as_deref(), Some("a"));
    }
}
