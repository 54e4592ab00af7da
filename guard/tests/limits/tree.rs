//! A document with every key it has, also the second of two.

use std::fmt;

use guard::Limits;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use shared_types::ErrorCode;

/// Small enough for short documents to reach.
pub(crate) const LIMITS: Limits = Limits {
    depth: 4,
    subtask_levels: 2,
    keys: 4,
    items: 5,
    characters: 12,
    content_characters: 24,
    wrapped_bytes: 18,
};

pub(crate) enum Tree {
    Scalar,
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// The code and the place of what breaks a limit.
pub(crate) type Verdict = Result<(), (ErrorCode, Option<String>)>;

/// Where in the document one is.
#[derive(Clone, Default)]
struct Place {
    path: String,
    depth: usize,
    subtasks: usize,
    content: bool,
    plan: bool,
}

impl Tree {
    /// What breaks the limits first.
    pub(crate) fn check(&self, limits: &Limits) -> Verdict {
        self.check_at(limits, &Place::default())
    }

    fn check_at(&self, limits: &Limits, place: &Place) -> Verdict {
        let refuse = |code| Err((code, Some(place.path.clone()).filter(|path| !path.is_empty())));
        match self {
            Self::Scalar => Ok(()),
            Self::Text(text) => {
                let json = text.trim_start().starts_with(['{', '[']);
                let limit = if place.content { limits.content_characters } else { limits.characters };
                let limit = if json { limit.max(limits.wrapped_bytes) } else { limit };
                if text.chars().count() > limit { refuse(ErrorCode::LimitExceeded) } else { Ok(()) }
            }
            Self::Array(items) => {
                let inner = if place.plan {
                    if place.subtasks == limits.subtask_levels {
                        return refuse(ErrorCode::LimitExceeded);
                    }
                    Place {
                        depth: place.depth.saturating_sub(1),
                        subtasks: place.subtasks + 1,
                        ..Place::default()
                    }
                } else {
                    if place.depth == limits.depth {
                        return refuse(ErrorCode::LimitExceeded);
                    }
                    Place { depth: place.depth + 1, subtasks: place.subtasks, ..Place::default() }
                };
                for (index, item) in items.iter().enumerate() {
                    if index == limits.items {
                        return refuse(ErrorCode::LimitExceeded);
                    }
                    item.check_at(
                        limits,
                        &Place { path: format!("{}[{index}]", place.path), ..inner.clone() },
                    )?;
                }
                Ok(())
            }
            Self::Object(entries) => {
                if place.depth == limits.depth {
                    return refuse(ErrorCode::LimitExceeded);
                }
                for (index, (key, value)) in entries.iter().enumerate() {
                    if key.chars().count() > limits.characters {
                        return refuse(ErrorCode::LimitExceeded);
                    }
                    let dangerous =
                        key.starts_with("__") || ["constructor", "prototype"].contains(&key.as_str());
                    let repeated = entries[..index].iter().any(|(earlier, _)| earlier == key);
                    if dangerous || repeated || key.contains(char::is_control) {
                        return refuse(ErrorCode::Refused);
                    }
                    if index == limits.keys {
                        return refuse(ErrorCode::LimitExceeded);
                    }
                    let dot = if place.path.is_empty() { "" } else { "." };
                    value.check_at(
                        limits,
                        &Place {
                            path: format!("{}{dot}{key}", place.path),
                            depth: place.depth + 1,
                            subtasks: place.subtasks,
                            content: key == "content",
                            plan: key == "subtasks",
                        },
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Scalar)
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(Tree::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = object.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Object(entries))
    }
}
