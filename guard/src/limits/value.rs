//! The limits on a document that was built already.

use serde_json::Value;
use shared_types::Error;

use super::{
    Form, Limits,
    level::{Key, Level},
};
use crate::path::Path;

/// One pass over one document.
pub(super) struct Pass<'a> {
    pub(super) limits: &'a Limits,
    pub(super) form: Form,
}

impl Pass<'_> {
    pub(super) fn check(&self, value: &Value, key: Key, level: Level, path: &Path<'_>) -> Result<(), Error> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
            Value::String(text) => {
                let may_be_json = || self.form == Form::AsSent && super::looks_like_json(text);
                self.limits.check_length(text.len(), || text.chars().count(), key, may_be_json, path)
            }
            Value::Array(items) => {
                let level = level.of_items(self.limits, 0, key, path)?;
                if items.len() > self.limits.items {
                    return Err(self.limits.exceeded(self.limits.items, "items in an array", path));
                }
                items.iter().enumerate().try_for_each(|(index, item)| {
                    self.check(item, Key::Other, level, &Path::Index(path, index))
                })
            }
            Value::Object(entries) => {
                let level = level.of_members(self.limits, 0, path)?;
                if entries.len() > self.limits.keys {
                    return Err(self.limits.exceeded(self.limits.keys, "keys in an object", path));
                }
                entries.iter().try_for_each(|(key, value)| {
                    self.limits.check_key(key, path)?;
                    self.check(value, key.as_str().into(), level, &Path::Key(path, key))
                })
            }
        }
    }
}
