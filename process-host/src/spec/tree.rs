//! Supervisors and their children, down to any depth that people still understand.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Check, ChildSpec, Stdio, millis};

/// Supervisors within supervisors, at most.
const MAX_DEPTH: usize = 8;

/// A supervisor: its children in the order in which they start, and what it does when one ends.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisorSpec {
    /// Its name among its siblings; the outermost may go without.
    #[serde(default)]
    pub name: String,
    /// Which children are started again when one ends.
    #[serde(default)]
    pub strategy: Strategy,
    /// So many restarts within the window, and no more: one above, and the supervisor fails.
    #[serde(default = "default_restarts")]
    pub max_restart_attempts: u32,
    /// The time within which restarts are counted.
    #[serde(rename = "restart_window_ms", with = "millis", default = "default_window")]
    pub restart_window: Duration,
    /// The children; started in this order, stopped in the reverse.
    #[serde(default, rename = "child")]
    pub children: Vec<Member>,
}

/// What stands below a supervisor: a child if it has a command, else another supervisor.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "toml::Table")]
pub enum Member {
    /// A process.
    Child(Box<ChildSpec>),
    /// Another supervisor.
    Supervisor(SupervisorSpec),
}

/// Which children are started again when one ends. The names are OTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// That one.
    #[default]
    OneForOne,
    /// All of them.
    OneForAll,
    /// That one and those started after it.
    RestForOne,
}

fn default_restarts() -> u32 {
    5
}

fn default_window() -> Duration {
    Duration::from_secs(60)
}

impl Default for SupervisorSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            strategy: Strategy::default(),
            max_restart_attempts: default_restarts(),
            restart_window: default_window(),
            children: Vec::new(),
        }
    }
}

/// Why a specification is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key or a value that is not known.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// It could not work.
    #[error("{name}: {message}")]
    Invalid {
        /// The child or supervisor.
        name: String,
        /// Why.
        message: &'static str,
    },
}

impl TryFrom<toml::Table> for Member {
    type Error = toml::de::Error;

    fn try_from(table: toml::Table) -> Result<Self, Self::Error> {
        match table.contains_key("command") {
            true => table.try_into().map(|child| Self::Child(Box::new(child))),
            false => table.try_into().map(Self::Supervisor),
        }
    }
}

impl From<ChildSpec> for Member {
    fn from(child: ChildSpec) -> Self {
        Self::Child(Box::new(child))
    }
}

impl From<SupervisorSpec> for Member {
    fn from(supervisor: SupervisorSpec) -> Self {
        Self::Supervisor(supervisor)
    }
}

impl Member {
    /// Its name among its siblings.
    pub fn name(&self) -> &str {
        match self {
            Self::Child(child) => &child.name,
            Self::Supervisor(supervisor) => &supervisor.name,
        }
    }
}

impl SupervisorSpec {
    /// Reads the operator's file.
    ///
    /// # Errors
    /// [`SpecError`], when it cannot be read, is not understood, or could not work.
    pub fn from_file(path: &Path) -> Result<Self, SpecError> {
        let unreadable = |source| SpecError::Unreadable { path: path.display().to_string(), source };
        Self::from_toml(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Reads the text of an operator's file.
    ///
    /// # Errors
    /// [`SpecError`], when it is not understood or could not work.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text)?;
        spec.check()?;
        Ok(spec)
    }

    /// Whether this could work.
    ///
    /// # Errors
    /// [`SpecError::Invalid`] names the child or supervisor that could not.
    pub fn check(&self) -> Result<(), SpecError> {
        self.check_at(1)
    }

    fn check_at(&self, depth: usize) -> Result<(), SpecError> {
        if depth > MAX_DEPTH {
            return Err(invalid(&self.name, "supervisors nest at most 8 deep"));
        }
        if self.restart_window.is_zero() {
            return Err(invalid(&self.name, "restart_window_ms must be at least 1"));
        }
        let mut names = BTreeSet::new();
        for member in &self.children {
            let name = member.name();
            if name.is_empty() || name.contains(['/', '\0']) || name.chars().any(char::is_control) {
                return Err(invalid(
                    name,
                    "a name has at least one character, and none of them is / or a control",
                ));
            }
            if !names.insert(name) {
                return Err(invalid(name, "two children of one supervisor bear this name"));
            }
            match member {
                Member::Child(child) => child.check()?,
                Member::Supervisor(supervisor) => supervisor.check_at(depth + 1)?,
            }
        }
        Ok(())
    }
}

impl ChildSpec {
    /// Whether this could work.
    ///
    /// # Errors
    /// [`SpecError::Invalid`].
    pub fn check(&self) -> Result<(), SpecError> {
        let wrong = |message| Err(invalid(&self.name, message));
        if self.health.check == Check::Ping && self.stdio != Stdio::JsonRpc {
            return wrong("health_check = \"ping\" needs stdio = \"jsonrpc\"");
        }
        if self.health.interval.is_zero() || self.health.timeout.is_zero() || self.health.failures == 0 {
            return wrong(
                "health_check_interval_ms, health_check_timeout_ms and max_health_check_failures must be at least 1",
            );
        }
        if !(0.0..=1.0).contains(&self.backoff.jitter) {
            return wrong("restart_jitter must be between 0 and 1");
        }
        if self.backoff.longest < self.backoff.first {
            return wrong("max_restart_delay_ms must not be less than restart_delay_ms");
        }
        if self.limits.line_bytes == 0 || self.limits.pending_requests == 0 {
            return wrong("limits.line_bytes and limits.pending_requests must be at least 1");
        }
        Ok(())
    }
}

fn invalid(name: &str, message: &'static str) -> SpecError {
    SpecError::Invalid { name: name.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Command, Restart};

    #[test]
    fn a_tree_is_read_from_toml_with_the_documented_names_and_defaults() {
        let spec = SupervisorSpec::from_toml(
            r#"
            strategy = "rest_for_one"
            max_restart_attempts = 3

            [[child]]
            name = "tools"
            command = ["python3", "-m", "bindery_tools"]
            stdio = "jsonrpc"
            noise = "fatal"
            restart = "transient"
            auto_restart_on_crash = false
            health = { health_check = "ping", max_health_check_failures = 2 }
            shutdown = { graceful_shutdown_timeout_ms = 500 }
            limits = { open_files = 64 }

            [[child]]
            name = "workers"
            strategy = "one_for_all"
            [[child.child]]
            name = "one"
            command = ["sleep", "9"]
            "#,
        )
        .unwrap();
        assert_eq!((spec.strategy, spec.max_restart_attempts), (Strategy::RestForOne, 3));
        assert_eq!(spec.restart_window, Duration::from_secs(60));
        let [Member::Child(tools), Member::Supervisor(workers)] = &spec.children[..] else {
            panic!("{spec:?}")
        };
        let mut expected = ChildSpec::new("tools", Command::new("python3").args(["-m", "bindery_tools"]));
        expected.stdio = Stdio::JsonRpc;
        expected.noise = crate::connection::Noise::Fatal;
        expected.restart = Restart::Transient;
        expected.auto_restart_on_crash = false;
        assert_eq!(expected.restarts(), Restart::Temporary);
        expected.health.check = Check::Ping;
        expected.health.failures = 2;
        expected.shutdown.after_term = Duration::from_millis(500);
        expected.limits.open_files = Some(64);
        assert_eq!(**tools, expected);
        assert_eq!((workers.strategy, workers.children.len()), (Strategy::OneForAll, 1));
    }

    #[test]
    fn what_could_not_work_is_refused_by_name() {
        let refused = |text: &str| SupervisorSpec::from_toml(text).unwrap_err().to_string();
        assert!(refused("stratgy = 1").contains("stratgy"));
        assert!(refused("[[child]]\nname = \"a\"\ncommand = []").contains("begins with a program"));
        assert!(refused("[[child]]\nname = \"a\"\ncommand = [\"x\"]\nrestrat = 1").contains("restrat"));
        let twice = "[[child]]\nname = \"a\"\ncommand = [\"x\"]\n".repeat(2);
        assert_eq!(refused(&twice), "a: two children of one supervisor bear this name");
        let ping = "[[child]]\nname = \"a\"\ncommand = [\"x\"]\nhealth = { health_check = \"ping\" }";
        assert!(refused(ping).contains("needs stdio"));
    }
}
