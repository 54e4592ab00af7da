//! Documents at the edges of JSON, as an input and as a value inside of one.

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use shared_types::ErrorCode;
use tests::{
    Face, Faces,
    faces::{Answer, Refusal},
};

use super::{assert_none, decode, rows};

#[derive(Deserialize)]
struct Row {
    id: String,
    b64: String,
    #[serde(default)]
    expect: Expected,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expected {
    Accept,
    AcceptChanged,
    AcceptUnchanged,
    Reject,
    /// Ours to decide: it only has to be decided, and alike by every face.
    #[default]
    #[serde(alias = "either")]
    Policy,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Stored,
    /// Stored, and the guard changed it.
    Changed,
    Invalid,
    /// Too deep, too wide or too long.
    Exceeds,
    /// Valid, and not wanted: a key twice, a dangerous key, a control character in a key.
    Refused,
    /// Valid, and not what the operation takes.
    Misfit,
}

impl Verdict {
    fn of(answer: &Answer) -> Self {
        match answer {
            Ok(written) if written["guard"].is_null() => Self::Stored,
            Ok(_) => Self::Changed,
            Err(Refusal { code, .. }) => match code {
                ErrorCode::InvalidJson => Self::Invalid,
                ErrorCode::LimitExceeded => Self::Exceeds,
                ErrorCode::Refused => Self::Refused,
                _ => Self::Misfit,
            },
        }
    }
}

#[test]
fn limits_hold_on_every_face() {
    check("json_limits.jsonl");
}

#[test]
fn json_is_read_as_its_standard_says_on_every_face() {
    check("json_parsing_torture.jsonl");
}

#[test]
fn what_other_parsers_transform_is_kept_on_every_face() {
    check("json_transform_torture.jsonl");
}

/// Sends every document as the whole input, where the limits are its own, and as a label's value,
/// where anything fits that is within the limits.
fn check(corpus: &str) {
    let rows: Vec<Row> = rows(corpus);
    if rows.is_empty() {
        return;
    }
    let mut faces = Faces::new();
    let mut failures = Vec::new();
    let mut stored = 0;
    for row in &rows {
        let document = one_line(&decode(&row.b64));
        let as_input = Face::ALL.map(|face| send(&mut faces, face, &document));
        let as_value = Face::ALL.map(|face| send(&mut faces, face, &in_labels(&document)));
        stored += as_input.iter().chain(&as_value).filter(|answer| answer.is_ok()).count();
        let wrong = judge_input(row, &document, &as_input.each_ref().map(Verdict::of))
            .or_else(|| judge_value(row, &document, &as_value));
        failures.extend(wrong.map(|wrong| format!("{} ({:?}) {wrong}", row.id, row.expect)));
    }
    let dashboard = faces.call(Face::Rest, "get_dashboard_stats", &json!({})).unwrap();
    assert_eq!(dashboard["total"], stored, "what was refused was written all the same");
    faces.check_health();
    assert_none(&failures);
}

fn send(faces: &mut Faces, face: Face, input: &[u8]) -> Answer {
    faces.send(face, "create_task", input)
}

/// A line feed ends a message on stdio. A carriage return means the same in JSON: space between
/// values, and forbidden within strings.
fn one_line(document: &[u8]) -> Vec<u8> {
    document.iter().map(|&byte| if byte == b'\n' { b'\r' } else { byte }).collect()
}

fn in_labels(document: &[u8]) -> Vec<u8> {
    [br#"{"title":"Document","labels":{"value":"#, document, b"}}"].concat()
}

/// As an input, a document of any depth is measured from its first level.
fn judge_input(row: &Row, document: &[u8], verdicts: &[Verdict; 3]) -> Option<String> {
    use Verdict::{Changed, Exceeds, Invalid, Misfit, Refused, Stored};
    let [mcp, rest, rpc] = *verdicts;
    // No body is no input, which is something else than a body that is not JSON.
    let rest = if document.trim_ascii().is_empty() { rpc } else { rest };
    let wanted = match row.expect {
        Expected::Reject => matches!(rest, Invalid | Exceeds | Refused),
        Expected::Policy => true,
        _ => matches!(rest, Stored | Changed | Misfit) || rest == Refused && is_refused_by_intent(row),
    };
    // Only REST looks into an array for its limits; the others see that it is no input at all.
    let is_array_elsewhere = |verdict| verdict == Misfit && !document.trim_ascii().starts_with(b"{");
    let alike = is_alike(document, [mcp, rest, rpc])
        || [mcp, rpc].into_iter().all(|verdict| verdict == rest || is_array_elsewhere(verdict));
    (!wanted || !alike).then(|| format!("is {verdicts:?} as an input"))
}

/// Whether the faces agree. Of two flaws each may meet another first: a hundred thousand brackets
/// are too deep for who reads them in order, and not JSON for who sees that none is closed.
fn is_alike(document: &[u8], verdicts: [Verdict; 3]) -> bool {
    let is_json = serde_json::from_slice::<&RawValue>(document).is_ok();
    let [mcp, rest, rpc] = verdicts;
    let is_flaw = |verdict| matches!(verdict, Verdict::Invalid | Verdict::Exceeds);
    mcp == rest && rest == rpc || !is_json && verdicts.into_iter().all(is_flaw)
}

/// As a value, a document is stored and comes back, or is refused for what it is.
fn judge_value(row: &Row, document: &[u8], answers: &[Answer; 3]) -> Option<String> {
    use Verdict::{Changed, Exceeds, Invalid, Refused, Stored};
    let [mcp, rest, rpc] = answers.each_ref().map(Verdict::of);
    let value: Option<Value> = serde_json::from_slice(document).ok();
    let wanted = match (row.expect, &value) {
        (Expected::Reject, _) => matches!(rest, Invalid | Exceeds | Refused),
        (Expected::Policy, _) => true,
        // Inside of labels it lies two levels deeper.
        (_, Some(value)) if levels(value) > 8 => rest == Exceeds,
        (Expected::AcceptChanged, _) => rest == Changed,
        (Expected::AcceptUnchanged, _) => rest == Stored,
        (Expected::Accept, _) if is_refused_by_intent(row) => rest == Refused,
        (Expected::Accept, _) => matches!(rest, Stored | Changed),
    };
    let kept = |answer: &Answer| match answer {
        Ok(written) if written["guard"].is_null() => {
            Some(&written["task"]["labels"]["value"]) == value.as_ref()
        }
        _ => true,
    };
    let holds = wanted && is_alike(document, [mcp, rest, rpc]) && answers.iter().all(kept);
    (!holds).then(|| format!("is {:?} as a value", [mcp, rest, rpc]))
}

/// The standard allows a key twice and a NUL in a key. Readers disagree on what the one means and
/// stop at the other, so the limits refuse both, and do not call the JSON invalid.
fn is_refused_by_intent(row: &Row) -> bool {
    [
        "y_object_duplicated_key.json",
        "y_object_duplicated_key_and_value.json",
        "y_object_escaped_null_in_key.json",
    ]
    .contains(&row.id.as_str())
}

fn levels(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(levels).max(),
        Value::Object(entries) => entries.values().map(levels).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}
