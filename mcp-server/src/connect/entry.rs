//! The entry that lets an assistant start this program.

/// What stands under our name in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What to start.
    pub command: String,
    /// With which arguments.
    pub arguments: Vec<String>,
    /// Whether the assistant wants to be told that it talks over stdio.
    pub with_type: bool,
}
