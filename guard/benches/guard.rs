//! What the guard costs a call: `cargo bench -p guard`.
#![expect(clippy::unwrap_used, reason = "a benchmark whose input is refused measures nothing")]

use std::fmt;

use divan::{Bencher, black_box, counter::BytesCount};
use guard::{Intake, Policy, redact::redact, text};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared_types::{Operation, operation};

fn main() {
    divan::main();
}

const DESCRIPTION: &str = r#"The reader keeps every row as a Vec<String> and copies it once for each page, so a list of
5 000 tasks takes 90 ms. Read rows through a cursor instead, see
https://docs.example.org/store/paging?section=keyset&lang=en#cursors for how the other lists do it.

- the type becomes `impl Iterator<Item = Result<Row, Error>>`, no allocation per field
- {{ page.size }} in the template stays 50; "all" is no longer allowed
- if a < b && b > c the cursor is stale: answer `version_conflict`, don't guess

    let rows = rows.into_iter().map(|row| row.get::<_, String>(0)).collect::<Vec<String>>();

Done when `cargo bench -p store list` is under 10 ms and the tests for ordering still pass on Windows (C:\tmp\rows.db) too."#;

fn create_task() -> Vec<u8> {
    let task = json!({
        "title": "Page through tasks with a cursor instead of Vec<Row>",
        "description": DESCRIPTION,
        "priority": "high",
        "tags": ["performance", "store", "paging"],
        "labels": {"component": "store", "estimate_days": 2, "reviewed": false},
        "project_id": "backend",
        "assignee": "ann",
        "depends_on": ["0DPK2Y9QH5RVA"],
    });
    task.to_string().into_bytes()
}

/// What a call goes through between its bytes and its operation's handler.
fn take_in<O: Operation>(intake: &Intake, bytes: &[u8]) -> O::Input
where
    O::Input: DeserializeOwned,
{
    intake.check_bytes(bytes, 0).unwrap();
    let value = serde_json::from_slice(bytes).unwrap();
    let accepted = intake.accept(&O::SPEC, value).unwrap();
    serde_json::from_value(accepted.input).unwrap()
}

mod one_kilobyte {
    use super::*;

    #[divan::bench]
    fn create_task_from_bytes_to_type(bencher: Bencher) {
        let (intake, bytes) = (Intake::default(), create_task());
        bencher
            .counter(BytesCount::of_slice(&bytes))
            .bench(|| take_in::<operation::CreateTask>(&intake, black_box(&bytes)));
    }

    #[divan::bench]
    fn limits_on_bytes(bencher: Bencher) {
        let (intake, bytes) = (Intake::default(), create_task());
        bencher.counter(BytesCount::of_slice(&bytes)).bench(|| intake.check_bytes(black_box(&bytes), 0));
    }

    #[divan::bench]
    fn intake_of_a_value(bencher: Bencher) {
        let (intake, bytes) = (Intake::default(), create_task());
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        bencher
            .counter(BytesCount::of_slice(&bytes))
            .with_inputs(|| value.clone())
            .bench_values(|value| intake.accept(&operation::CreateTask::SPEC, value));
    }

    #[divan::bench]
    fn text_guard(bencher: Bencher) {
        let bytes = create_task();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        bencher
            .counter(BytesCount::of_slice(&bytes))
            .with_inputs(|| value.clone())
            .bench_refs(|value| text::guard(value, Policy::default()));
    }

    /// The part that is not ours: serde_json reads the bytes, serde fills the type.
    #[divan::bench]
    fn serde_alone(bencher: Bencher) {
        let bytes = create_task();
        bencher.counter(BytesCount::of_slice(&bytes)).bench(|| {
            let value: Value = serde_json::from_slice(black_box(&bytes)).unwrap();
            serde_json::from_value::<<operation::CreateTask as Operation>::Input>(value)
        });
    }

    #[divan::bench]
    fn redact_an_error(bencher: Bencher) {
        let error = "cannot open /home/ann/notes/.vespera/tasks.db: permission denied (os error 13), \
                     while connecting to postgres://ann:s3cret@db.internal:5432/tasks?sslmode=require for task 12. ";
        let error = error.repeat(1024 / error.len());
        redact(&error);
        bencher.counter(BytesCount::of_str(&error)).bench(|| redact(black_box(&error)).len());
    }
}

/// Texts that a careless guard takes long for, beside an ordinary one.
const TEXTS: [Text; 11] = [
    Text("plain", "Task 12 of the plan was done, see version 1.2.3 and a/b. "),
    Text("<", "<"),
    Text("&", "&"),
    Text("<div>", "<div>"),
    Text("<b><i>", "<b><i>"),
    Text("<b onclick=x>", "<b onclick=x>"),
    Text("<a", "<a "),
    Text("[x](javascript:", "[x](javascript:"),
    Text("<!--", "<!--"),
    Text("{{", "{{"),
    Text("é", "é"),
];

/// A name and what is repeated.
struct Text(&'static str, &'static str);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Text {
    fn of(&self, length: usize) -> String {
        let mut text = self.1.repeat(length.div_ceil(self.1.len()));
        text.truncate(length - length % self.1.len().min(length));
        text
    }
}

mod text_guard {
    use super::*;

    #[divan::bench(args = TEXTS, consts = [1024, 65536])]
    fn per_byte<const LENGTH: usize>(bencher: Bencher, text: &Text) {
        let value = Value::from(text.of(LENGTH));
        bencher
            .counter(BytesCount::of_str(value.as_str().unwrap()))
            .with_inputs(|| value.clone())
            .bench_refs(|value| text::guard(value, Policy::default()));
    }
}

mod document {
    use super::*;

    #[divan::bench(args = TEXTS, consts = [1024, 65536])]
    fn from_bytes_to_type<const LENGTH: usize>(bencher: Bencher, text: &Text) {
        let intake = Intake::default();
        let document = json!({"uri": "notes/a.md", "content": text.of(LENGTH)}).to_string().into_bytes();
        bencher
            .counter(BytesCount::of_slice(&document))
            .bench(|| take_in::<operation::IndexDocument>(&intake, black_box(&document)));
    }
}
