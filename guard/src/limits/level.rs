//! How deep in a document one is.

use shared_types::Error;

use super::Limits;
use crate::path::Path;

/// A key after which other limits hold for the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The text of a document.
    Content,
    /// The parts of a task.
    Subtasks,
    /// Any other key, an item, or the document itself.
    Other,
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        match key {
            "content" => Self::Content,
            "subtasks" => Self::Subtasks,
            _ => Self::Other,
        }
    }
}

/// The level on which a value stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Level {
    /// Objects and arrays around it, also those that do not count.
    pub(super) around: usize,
    /// Objects and arrays around it that count.
    depth: usize,
    /// `subtasks` arrays around it.
    subtasks: usize,
}

impl Level {
    /// The level of an object's members, where `envelope` levels are free.
    pub(super) fn of_members(self, limits: &Limits, envelope: usize, path: &Path<'_>) -> Result<Self, Error> {
        if self.depth == limits.depth + envelope {
            return Err(limits.exceeded(limits.depth, "levels of nesting", path));
        }
        Ok(Self { around: self.around + 1, depth: self.depth + 1, ..self })
    }

    /// The level of the items of an array that is the value of `key`.
    pub(super) fn of_items(
        self,
        limits: &Limits,
        envelope: usize,
        key: Key,
        path: &Path<'_>,
    ) -> Result<Self, Error> {
        if key != Key::Subtasks {
            return self.of_members(limits, envelope, path);
        }
        if self.subtasks == limits.subtask_levels {
            return Err(limits.exceeded(limits.subtask_levels, "levels of subtasks", path));
        }
        // A subtask stands where its parent stands: one level of tasks further, no level of JSON.
        Ok(Self { around: self.around + 1, depth: self.depth.saturating_sub(1), subtasks: self.subtasks + 1 })
    }
}
