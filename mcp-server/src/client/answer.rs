//! What the backend answered, kept in the forms in which it is told on.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

/// An answer. It is never changed, so what was made of it once serves every further reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    value: Arc<Value>,
    json: String,
    text: OnceLock<String>,
}

impl Answer {
    /// The answer that the backend wrote as `json`.
    ///
    /// # Errors
    /// When it is no JSON.
    pub(super) fn read(json: Vec<u8>) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_slice(&json)?;
        Ok(match String::from_utf8(json) {
            // The bytes go on as they came, where a line break would end the message.
            Ok(json) if !json.contains(['\n', '\r']) => {
                Self { value: Arc::new(value), json, text: OnceLock::new() }
            }
            _ => Self::from(value),
        })
    }

    /// The answer itself.
    pub fn value(&self) -> &Arc<Value> {
        &self.value
    }

    /// Its JSON text, on one line.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Its text for people and models, which `render` makes of it the first time.
    pub fn text(&self, render: impl FnOnce(&Value) -> String) -> &str {
        self.text.get_or_init(|| render(&self.value))
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self { json: value.to_string(), value: Arc::new(value), text: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bytes_are_kept_unless_they_span_lines() {
        let read = |json: &str| Answer::read(json.as_bytes().to_vec()).unwrap();
        assert_eq!(read(r#"{"a": 1.50}"#).json(), r#"{"a": 1.50}"#);
        assert_eq!(read("{\"a\":\n\"b\\n\"}").json(), r#"{"a":"b\n"}"#);
        assert_eq!(**read(r#"{"a": 1.50}"#).value(), json!({"a": 1.5}));
        assert!(Answer::read(b"{".to_vec()).is_err());
    }

    #[test]
    fn the_text_is_made_once() {
        let answer = Answer::from(json!(1));
        assert_eq!(answer.text(|value| format!("<{value}>")), "<1>");
        assert_eq!(answer.text(|_| unreachable!()), "<1>");
    }
}
