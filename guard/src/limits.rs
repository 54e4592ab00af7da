//! JSON limits, checked in one pass over the bytes before anything is built from them.

mod variables;

use std::{
    cell::{Cell, RefCell},
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use shared_types::{Error, ErrorCode, document::CONTENT_LIMIT};

pub use variables::InvalidLimit;

/// How deep, wide and long an input may be.
///
/// [`Limits::read`] takes each from the variable that is named beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Levels of objects and arrays. Each element of a `subtasks` array starts again at its
    /// parent's level, so that plans may nest [`Limits::subtask_levels`] deep (`BINDERY_MAX_DEPTH`).
    pub depth: usize,
    /// How many `subtasks` arrays may lie within one another.
    pub subtask_levels: usize,
    /// Keys in one object (`BINDERY_MAX_KEYS`).
    pub keys: usize,
    /// Items in one array (`BINDERY_MAX_ITEMS`).
    pub items: usize,
    /// Unicode scalar values in one string (`BINDERY_MAX_CHARACTERS`).
    pub characters: usize,
    /// Unicode scalar values in a document's `content`, which is longer than any other text
    /// (`BINDERY_MAX_CONTENT`).
    pub content_characters: usize,
    /// Bytes of an input that comes as a JSON text inside a string (`BINDERY_MAX_WRAPPED`).
    pub wrapped_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 10,
            subtask_levels: 10,
            keys: 100,
            items: 1000,
            characters: 10_000,
            content_characters: CONTENT_LIMIT,
            wrapped_bytes: 100_000,
        }
    }
}

impl Limits {
    /// Checks a JSON document. `envelope` is the number of levels around the input, such as 1
    /// for the `params` of a JSON-RPC request.
    ///
    /// # Errors
    /// `invalid_json`, or `limit_exceeded` or `refused` at the path that breaks a limit.
    pub fn check_bytes(&self, bytes: &[u8], envelope: usize) -> Result<(), Error> {
        let pass = Pass::new(self, envelope, Form::AsSent);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let outcome = pass.root().deserialize(&mut deserializer).and_then(|()| deserializer.end());
        pass.verdict(outcome)
    }

    /// Checks a document that was built already.
    ///
    /// # Errors
    /// `limit_exceeded` or `refused` at the path that breaks a limit.
    pub fn check_value(&self, value: &Value, form: Form) -> Result<(), Error> {
        let pass = Pass::new(self, 0, form);
        let outcome = pass.root().deserialize(value);
        pass.verdict(outcome)
    }
}

/// Whether strings may still hold JSON that is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it was sent: a string that looks like JSON may have [`Limits::wrapped_bytes`].
    AsSent,
    /// As it was read: strings are only text.
    AsRead,
}

/// One pass over one document.
struct Pass<'a> {
    limits: &'a Limits,
    envelope: usize,
    form: Form,
    path: RefCell<Vec<Step>>,
    violation: RefCell<Option<Error>>,
    /// The key whose value is being read, told apart only where a limit depends on it.
    key: Cell<Key>,
}

enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Content,
    Subtasks,
    Other,
}

impl<'a> Pass<'a> {
    fn new(limits: &'a Limits, envelope: usize, form: Form) -> Self {
        Self {
            limits,
            envelope,
            form,
            path: RefCell::default(),
            violation: RefCell::default(),
            key: Cell::new(Key::Other),
        }
    }

    fn root(&self) -> Node<'_> {
        Node { pass: self, depth: 0, subtask_level: 0 }
    }

    fn verdict(&self, outcome: Result<(), serde_json::Error>) -> Result<(), Error> {
        if let Some(violation) = self.violation.take() {
            return Err(violation);
        }
        outcome.map_err(|error| {
            Error::new(ErrorCode::InvalidJson, format!("not valid JSON: {error}"))
                .suggest("Send one JSON document in UTF-8.")
        })
    }

    /// Notes the violation with the path where it stands, and makes the parser stop.
    fn refuse<E: de::Error>(&self, error: Error) -> E {
        let path = render(&self.path.borrow()[self.envelope.min(self.path.borrow().len())..]);
        let error = if path.is_empty() { error } else { error.at(path) };
        *self.violation.borrow_mut() = Some(error);
        E::custom("limit")
    }

    fn exceeded<E: de::Error>(&self, what: &str, limit: usize) -> E {
        self.refuse(
            Error::new(ErrorCode::LimitExceeded, format!("more than {limit} {what}"))
                .with("limit", limit)
                .suggest("Split the input into smaller ones."),
        )
    }

    fn check_key<E: de::Error>(&self, key: &str) -> Result<(), E> {
        if key.starts_with("__") || key == "constructor" || key == "prototype" {
            let error = Error::new(ErrorCode::Refused, format!("the key {key:?} is not allowed"));
            return Err(self.refuse(error.suggest("Use another key.")));
        }
        if key.chars().any(char::is_control) {
            let error = Error::new(ErrorCode::Refused, "a key contains a control character");
            return Err(self.refuse(error));
        }
        self.check_length(key, Key::Other)
    }

    fn check_length<E: de::Error>(&self, text: &str, key: Key) -> Result<(), E> {
        let limit = match key {
            Key::Content => self.limits.content_characters,
            _ => self.limits.characters,
        };
        let may_be_json = self.form == Form::AsSent && text.trim_start().starts_with(['{', '[']);
        let limit = if may_be_json { limit.max(self.limits.wrapped_bytes) } else { limit };
        // A text never has more characters than bytes, so most need no counting.
        if text.len() > limit && text.chars().count() > limit {
            return Err(self.exceeded("characters in a string", limit));
        }
        Ok(())
    }
}

fn render(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

#[derive(Clone, Copy)]
struct Node<'a> {
    pass: &'a Pass<'a>,
    depth: usize,
    subtask_level: usize,
}

impl Node<'_> {
    fn enter<E: de::Error>(self) -> Result<Self, E> {
        let limit = self.pass.limits.depth;
        if self.depth == limit + self.pass.envelope {
            return Err(self.pass.exceeded("levels of nesting", limit));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// The node of an element of `subtasks`: one level of tasks further, no level of JSON.
    fn enter_subtasks<E: de::Error>(self) -> Result<Self, E> {
        let limit = self.pass.limits.subtask_levels;
        if self.subtask_level == limit {
            return Err(self.pass.exceeded("levels of subtasks", limit));
        }
        Ok(Self { depth: self.depth.saturating_sub(1), subtask_level: self.subtask_level + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.pass.check_length(text, self.pass.key.replace(Key::Other))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let element = match self.pass.key.replace(Key::Other) {
            Key::Subtasks => self.enter_subtasks()?,
            _ => self.enter()?,
        };
        let limit = self.pass.limits.items;
        for index in 0.. {
            self.pass.path.borrow_mut().push(Step::Index(index));
            let more = items.next_element_seed(element)?.is_some();
            self.pass.path.borrow_mut().pop();
            if !more {
                break;
            }
            if index == limit {
                return Err(self.pass.exceeded("items in an array", limit));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let member = self.enter()?;
        let limit = self.pass.limits.keys;
        let mut seen = Vec::<u64>::new();
        while let Some(key) = entries.next_key::<std::borrow::Cow<'de, str>>()? {
            self.pass.check_key(&key)?;
            let mut hasher = DefaultHasher::new();
            key.hash(&mut hasher);
            let hash = hasher.finish();
            if seen.contains(&hash) {
                let error = Error::new(ErrorCode::Refused, format!("the key {key:?} is given twice"));
                return Err(self.pass.refuse(error));
            }
            if seen.len() == limit {
                return Err(self.pass.exceeded("keys in an object", limit));
            }
            seen.push(hash);
            self.pass.key.set(match &*key {
                "content" => Key::Content,
                "subtasks" => Key::Subtasks,
                _ => Key::Other,
            });
            self.pass.path.borrow_mut().push(Step::Key(key.into_owned()));
            entries.next_value_seed(member)?;
            self.pass.path.borrow_mut().pop();
            self.pass.key.set(Key::Other);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> Option<ErrorCode> {
        Limits::default().check_bytes(json.as_bytes(), 0).err().map(|error| error.code)
    }

    fn nested(levels: usize) -> String {
        format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn each_limit_holds_exactly() {
        let array = |n: usize| format!("[{}]", vec!["0"; n].join(","));
        let object =
            |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\":0")).collect::<Vec<_>>().join(","));
        let text = |n: usize| format!("\"{}\"", "é".repeat(n));
        for (make, limit) in
            [(&nested as &dyn Fn(usize) -> String, 10), (&array, 1000), (&object, 100), (&text, 10_000)]
        {
            assert_eq!(code(&make(limit)), None);
            assert_eq!(code(&make(limit + 1)), Some(ErrorCode::LimitExceeded));
        }
    }

    #[test]
    fn a_bomb_of_brackets_is_refused_without_recursion() {
        assert_eq!(code(&"[".repeat(1_000_000)), Some(ErrorCode::LimitExceeded));
    }

    #[test]
    fn subtasks_nest_ten_levels_and_keep_their_own_depth() {
        let plan = |levels: usize| {
            let mut task = r#"{"title":"t","labels":{"a":{"b":{"c":1}}}}"#.to_owned();
            for _ in 0..levels {
                task = format!(r#"{{"title":"t","subtasks":[{task}]}}"#);
            }
            task
        };
        assert_eq!(code(&plan(10)), None);
        assert_eq!(code(&plan(11)), Some(ErrorCode::LimitExceeded));
    }

    #[test]
    fn dangerous_and_repeated_keys_are_refused_however_they_are_written() {
        for json in [
            r#"{"__proto__":1}"#,
            r#"{"\u005f\u005fproto\u005f\u005f":1}"#,
            r#"{"a":[{"constructor":1}]}"#,
            r#"{"prototype":1}"#,
            r#"{"__anything":1}"#,
            r#"{"a\u0000":1}"#,
            r#"{"title":1,"\u0074itle":2}"#,
        ] {
            assert_eq!(code(json), Some(ErrorCode::Refused), "{json}");
        }
        assert_eq!(code(r#"{"title":"__proto__ constructor"}"#), None);
    }

    #[test]
    fn the_path_starts_inside_the_envelope() {
        let json = format!(r#"{{"params":{{"tasks":[{{"title":"{}"}}]}}}}"#, "a".repeat(10_001));
        let error = Limits::default().check_bytes(json.as_bytes(), 1).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("tasks[0].title"));
    }

    #[test]
    fn only_json_that_is_still_to_be_read_may_be_longer_than_a_text() {
        let value = Value::from(format!("[{}", "a".repeat(10_000)));
        assert!(Limits::default().check_value(&value, Form::AsSent).is_ok());
        assert!(Limits::default().check_value(&value, Form::AsRead).is_err());
    }

    #[test]
    fn values_meet_the_same_limits_as_bytes() {
        let value: Value = serde_json::from_str(&nested(11)).unwrap();
        assert!(Limits::default().check_value(&value, Form::AsRead).is_err());
        let value: Value = serde_json::from_str(&nested(10)).unwrap();
        assert!(Limits::default().check_value(&value, Form::AsRead).is_ok());
    }
}
