//! A program with its arguments, and the environment it sees.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
};

use serde::{Deserialize, Deserializer, de::Error};

use crate::detached::DETACHED;

/// Variables that a child sees of the host's environment unless told otherwise: what programs need
/// to find each other, their home and their language, and nothing that could be a secret.
const INHERITED: [&str; 12] = [
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
];

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Command {
    /// `program`, found on the `PATH` that the child sees unless it holds a slash.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), arguments: Vec::new() }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// The program as it was given.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The arguments, without the program.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program.to_string_lossy())?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", argument.to_string_lossy()))
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut words = Vec::<String>::deserialize(deserializer)?.into_iter();
        match words.next() {
            Some(program) if !program.is_empty() => Ok(Self::new(program).args(words)),
            _ => Err(D::Error::custom("a command is a list that begins with a program")),
        }
    }
}

/// What a child sees of the environment: the variables it inherits by name, and those set for it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    /// Names of the host's variables that are handed on; `*` stands for all of them.
    pub inherit: Vec<String>,
    /// Variables set for the child; they win over inherited ones.
    pub set: BTreeMap<String, String>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { inherit: INHERITED.map(str::to_owned).into(), set: BTreeMap::new() }
    }
}

impl Environment {
    /// Everything that the host sees, for programs that are part of it.
    pub fn everything() -> Self {
        Self { inherit: vec!["*".to_owned()], set: BTreeMap::new() }
    }

    /// The variables as the child will see them, `host` being what the host sees.
    pub fn resolve(
        &self,
        host: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> BTreeMap<OsString, OsString> {
        let allowed = |name: &OsStr| {
            // That this host outlives another is no reason for its children to outlive this one.
            name != DETACHED.0
                && self.inherit.iter().any(|allowed| allowed == "*" || name == allowed.as_str())
        };
        let inherited = host.into_iter().filter(|(name, _)| allowed(name));
        let set = self.set.iter().map(|(name, value)| (name.into(), value.into()));
        inherited.chain(set).collect()
    }
}

/// Values may be secrets; names are not.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("inherit", &self.inherit)
            .field("set", &self.set.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_sees_what_it_is_allowed_and_given() {
        let mut environment = Environment::default();
        environment.set.insert("LANG".into(), "C".into());
        let host = [("PATH", "/bin"), ("LANG", "de"), ("API_KEY", "s3cret")];
        let seen = environment.resolve(host.map(|(name, value)| (name.into(), value.into())));
        let expected = [("LANG", "C"), ("PATH", "/bin")];
        assert_eq!(seen, expected.map(|(name, value)| (name.into(), value.into())).into());
    }

    #[test]
    fn everything_is_handed_on_but_the_mark_of_a_service() {
        let host = [("API_KEY", "x"), ("PROCESS_HOST_DETACHED", "1")];
        let seen = Environment::everything().resolve(host.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(seen, [("API_KEY".into(), "x".into())].into());
    }

    #[test]
    fn what_is_printed_hides_values() {
        let mut environment = Environment::default();
        environment.set.insert("API_KEY".into(), "s3cret".into());
        let printed = format!("{environment:?}");
        assert!(printed.contains("API_KEY") && !printed.contains("s3cret"), "{printed}");
    }
}
