//! Notes and the append-only history.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{JsonObject, NoteId, Timestamp, guarded::GuardReport};

/// A remark on a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Action {
    Created,
    Updated,
    Completed,
    Claimed,
    Released,
    Deleted,
    Restored,
    Undone,
    Noted,
    Indexed,
}

impl Action {
    /// The action as it is stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Completed => "completed",
            Self::Claimed => "claimed",
            Self::Released => "released",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Undone => "undone",
            Self::Noted => "noted",
            Self::Indexed => "indexed",
        }
    }
}

/// One committed change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Its place in the history of the whole store.
    pub seq: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub action: Action,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The fields that changed, with the values before.
    pub before: JsonObject,
    /// The fields that changed, with the values after.
    pub after: JsonObject,
    /// What the text guard changed or flagged in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<GuardReport>,
}
