//! How far a call has come, for people who wait for it.

use std::{
    future::Future,
    io::{self, IsTerminal, Write},
};

use serde_json::{Value, value::RawValue};
use tokio::sync::mpsc;

use crate::cli::terminal::one_line;

/// Columns that are used; more would wrap, and a wrapped line cannot be written over.
const WIDTH: usize = 78;

/// Runs a call, and shows its progress on one line of stderr when that is a terminal.
pub(super) async fn shown<T, F: Future<Output = T>>(
    call: impl FnOnce(Option<mpsc::Sender<Box<RawValue>>>) -> F,
) -> T {
    if !io::stderr().is_terminal() {
        return call(None).await;
    }
    let (sender, mut reports) = mpsc::channel::<Box<RawValue>>(16);
    let show = async {
        let mut any = false;
        while let Some(report) = reports.recv().await {
            let line: String = to_text(&report).chars().take(WIDTH).collect();
            let _ = write!(io::stderr(), "\r{line}\x1b[K");
            any = true;
        }
        if any {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    };
    let (result, ()) = tokio::join!(call(Some(sender)), show);
    result
}

/// A part from 0 to 1 as percent, an object by its message, anything else as JSON.
fn to_text(report: &RawValue) -> String {
    match serde_json::from_str(report.get()) {
        Ok(Value::Number(part)) => match part.as_f64().filter(|part| (0.0..=1.0).contains(part)) {
            Some(part) => format!("{:.0} %", part * 100.0),
            None => part.to_string(),
        },
        Ok(Value::Object(members)) if members.get("message").is_some_and(Value::is_string) => {
            one_line(members["message"].as_str().unwrap_or_default())
        }
        Ok(Value::String(text)) => one_line(&text),
        _ => one_line(report.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_short() {
        let text = |json: &str| to_text(&RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(
            ["0.5", "17", r#"{"message":"half\nway"}"#, r#""soon""#, "[1]"].map(text),
            ["50 %", "17", "half way", "soon", "[1]"]
        );
    }
}
