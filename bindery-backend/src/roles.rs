//! Roles: what kind of worker a task wants. Some are built in; the operator's file adds to them and
//! overrides them.

mod builtin;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use guard::suggest::nearest;
use serde::{Deserialize, de::IgnoredAny};
use shared_types::{Error, ErrorCode, role::Role};

/// The roles a task can name, by name.
#[derive(Debug, Clone)]
pub struct Roles {
    by_name: BTreeMap<String, Role>,
}

/// Why the operator's file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum RolesError {
    /// It is there and cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not a file of roles.
    #[error("{} is not a file of roles: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
}

/// The file: one table a role.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    roles: BTreeMap<String, Entry>,
}

/// What the file says about a role; what it does not say stays as it is built in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    description: Option<String>,
    capabilities: Option<Vec<String>>,
    file_patterns: Option<Vec<String>>,
    restrictions: Option<Vec<String>>,
    context_limit: Option<i64>,
    brief: Option<String>,
    /// Read by `bindery-mcp`, which runs it.
    #[serde(rename = "executor")]
    _executor: Option<IgnoredAny>,
}

impl Roles {
    /// The built-in roles, with those of `file` when it is given and there.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or adds a role without a description.
    pub fn load(file: Option<&Path>) -> Result<Self, RolesError> {
        let mut roles = Self::builtin();
        let Some(path) = file else { return Ok(roles) };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                roles.add(&text).map_err(|message| RolesError::Invalid { path: path.to_owned(), message })?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(RolesError::Unreadable { path: path.to_owned(), source }),
        }
        Ok(roles)
    }

    /// The roles that need no file.
    pub fn builtin() -> Self {
        Self { by_name: builtin::roles().map(|role| (role.name.clone(), role)).collect() }
    }

    /// The role of this name.
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.by_name.get(name)
    }

    /// Every role, by name.
    pub fn all(&self) -> impl Iterator<Item = &Role> {
        self.by_name.values()
    }

    /// The role of this name, which a caller gave as `role`.
    ///
    /// # Errors
    /// `not_found`, with the nearest name there is.
    pub fn require(&self, name: &str) -> Result<&Role, Error> {
        self.get(name).ok_or_else(|| {
            let error = Error::new(ErrorCode::NotFound, format!("there is no role \"{name}\"")).at("role");
            let error = match nearest(name, self.by_name.keys().map(String::as_str)) {
                Some(near) => error.with("nearest", near).suggest(format!("Did you mean \"{near}\"?")),
                None => error,
            };
            let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            error.suggest(format!("The roles are {}.", names.join(", ")))
        })
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, entry) in file.roles {
            if name.trim().is_empty() || name.chars().count() > 100 {
                return Err(format!("\"{name}\" is no name for a role: take 1 to 100 characters"));
            }
            if entry.context_limit.is_some_and(|limit| limit < 1) {
                return Err(format!("roles.{name}.context_limit must be at least 1"));
            }
            let base = self.by_name.remove(&name);
            let role = entry.over(&name, base)?;
            self.by_name.insert(name, role);
        }
        Ok(())
    }
}

impl Entry {
    fn over(self, name: &str, base: Option<Role>) -> Result<Role, String> {
        let mut role = match (base, &self.description) {
            (Some(base), _) => base,
            (None, Some(description)) => Role {
                name: name.to_owned(),
                description: description.clone(),
                capabilities: Vec::new(),
                file_patterns: Vec::new(),
                restrictions: Vec::new(),
                context_limit: None,
                brief: None,
            },
            (None, None) => return Err(format!("roles.{name} is new and needs a description")),
        };
        role.description = self.description.unwrap_or(role.description);
        role.capabilities = self.capabilities.unwrap_or(role.capabilities);
        role.file_patterns = self.file_patterns.unwrap_or(role.file_patterns);
        role.restrictions = self.restrictions.unwrap_or(role.restrictions);
        role.context_limit = self.context_limit.or(role.context_limit);
        role.brief = self.brief.or(role.brief);
        Ok(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Roles, String> {
        let mut roles = Roles::builtin();
        roles.add(text).map(|()| roles)
    }

    #[test]
    fn every_built_in_role_says_what_it_is_for_in_few_words() {
        assert_eq!(Roles::builtin().all().count(), 7);
        for role in Roles::builtin().all() {
            let words = role.brief.as_deref().unwrap_or_default().split_whitespace().count();
            assert!((40..=120).contains(&words), "{} has {words} words", role.name);
            assert!(!role.capabilities.is_empty() && !role.restrictions.is_empty(), "{}", role.name);
        }
    }

    #[test]
    fn the_file_changes_what_it_names_and_leaves_the_rest() {
        let roles =
            with("[roles.developer]\ncontext_limit = 9\n[roles.poet]\ndescription = \"Rhymes.\"").unwrap();
        let developer = roles.get("developer").unwrap();
        assert_eq!(developer.context_limit, Some(9));
        assert_eq!(developer.brief, Roles::builtin().get("developer").unwrap().brief);
        assert_eq!(roles.get("poet").unwrap().description, "Rhymes.");
    }

    #[test]
    fn unknown_keys_and_nameless_purposes_are_refused_by_name() {
        assert!(with("[roles.developer]\nexecuter = \"sh\"").unwrap_err().contains("executer"));
        assert!(with("[roles.poet]\nbrief = \"Sing.\"").unwrap_err().contains("roles.poet"));
        assert!(with("[role.poet]\n").unwrap_err().contains("role"));
    }

    #[test]
    fn a_slip_in_a_name_is_met_with_the_name() {
        let error = Roles::builtin().require("develper").unwrap_err();
        assert_eq!(error.context["nearest"], "developer");
        assert_eq!(error.field.as_deref(), Some("role"));
    }

    #[test]
    fn a_file_that_is_not_there_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let roles = Roles::load(Some(&folder.path().join("roles.toml"))).unwrap();
        assert!(roles.get("architect").is_some());
    }
}
