//! What the operator's roles file says about executors. The rest of it is the backend's.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use process_host::spec::{Command, Environment};
use serde::{Deserialize, Deserializer};

/// How long an executor may work on a task unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// The roles file, as it was at one moment.
#[derive(Debug)]
pub struct RolesFile {
    bytes: Vec<u8>,
    roles: BTreeMap<String, Role>,
}

#[derive(Deserialize)]
struct Contents {
    #[serde(default)]
    roles: BTreeMap<String, Role>,
}

#[derive(Debug, Deserialize)]
struct Role {
    executor: Option<Executor>,
}

/// A program that carries out the tasks of a role.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executor {
    /// What is run, in the workspace.
    pub command: Command,
    /// How it is talked to.
    #[serde(default)]
    pub protocol: Protocol,
    /// How long it may take.
    #[serde(rename = "timeout_ms", default = "default_timeout", deserialize_with = "millis")]
    pub timeout: Duration,
    /// What it sees of the environment.
    #[serde(default)]
    pub environment: Environment,
}

/// How an executor is talked to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// It is asked `execute_task` over JSON-RPC, one message a line.
    #[default]
    JsonRpc,
    /// It reads one JSON object on standard input, writes its notes to standard output, and ends
    /// with code 0.
    Stdin,
}

fn default_timeout() -> Duration {
    TIMEOUT
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl RolesFile {
    /// Reads the file at `path`; `None` when there is none.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(path: &Path) -> Result<Option<Self>, String> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("roles.toml cannot be read: {error}")),
        };
        let text =
            std::str::from_utf8(&bytes).map_err(|error| format!("roles.toml is not UTF-8: {error}"))?;
        let contents: Contents = toml::from_str(text)
            .map_err(|error| format!("roles.toml cannot be used: {}", error.message()))?;
        Ok(Some(Self { roles: contents.roles, bytes }))
    }

    /// The executor of a role, if it has one.
    pub fn executor(&self, role: &str) -> Option<&Executor> {
        self.roles.get(role)?.executor.as_ref()
    }

    /// The file itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each role that has an executor, with its command.
    pub fn commands(&self) -> Vec<(String, String)> {
        let command = |role: &Role| role.executor.as_ref().map(|executor| executor.command.to_string());
        self.roles.iter().filter_map(|(name, role)| Some((name.clone(), command(role)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<RolesFile>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roles.toml");
        fs::write(&path, text).unwrap();
        RolesFile::read(&path)
    }

    #[test]
    fn executors_are_read_and_the_rest_is_left_to_the_backend() {
        let text = r#"
            [roles.poet]
            description = "Rhymes."
            executor = { command = ["python3", "poet.py"], protocol = "stdin", timeout_ms = 500 }
            [roles.critic]
            description = "Complains."
        "#;
        let file = read(text).unwrap().unwrap();
        let executor = file.executor("poet").unwrap();
        assert_eq!((executor.protocol, executor.timeout), (Protocol::Stdin, Duration::from_millis(500)));
        assert_eq!(file.commands(), [("poet".to_owned(), "python3 poet.py".to_owned())]);
        assert!(file.executor("critic").is_none() && file.executor("nobody").is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |executor: &str| read(&format!("[roles.a]\nexecutor = {executor}")).unwrap_err();
        assert!(wrong("{ command = [] }").contains("begins with a program"));
        assert!(wrong("{ command = \"rm -rf\" }").contains("expected a sequence"));
        assert!(wrong("{ command = [\"x\"], shell = true }").contains("shell"));
    }

    #[test]
    fn no_file_means_no_executors() {
        assert!(RolesFile::read(Path::new("/no/such/roles.toml")).unwrap().is_none());
    }
}
