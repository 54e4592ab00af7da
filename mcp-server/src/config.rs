//! Configuration: every variable, its default and its meaning, in one place.

use std::{path::PathBuf, time::Duration};

/// How long a call may take in all, retries included.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may be kept. Changes end it sooner.
const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(300);
/// The TCP port that the backend tries first, for people and other programs.
const DEFAULT_PORT: u16 = 3000;
/// What is logged when nobody says otherwise.
const DEFAULT_LOG: &str = "info";

/// Looks up one variable; the environment in production, a table in tests.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The settings of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Whether errors are reduced to constant texts (`MCP_PRODUCTION`).
    pub production: bool,
    /// How long a call may take in all (`BINDERY_TIMEOUT`).
    pub timeout: Duration,
    /// How long an answer may be kept (`BINDERY_CACHE_TTL`).
    pub cache_ttl: Duration,
    /// The port that a backend started from here tries first (`BINDERY_PORT`).
    pub port: u16,
    /// The workspace, if it is not to be found from the current directory (`BINDERY_WORKSPACE`).
    pub workspace: Option<PathBuf>,
    /// The backend's executable, if it is not to be searched for (`BINDERY_BACKEND`).
    pub backend: Option<PathBuf>,
    /// What is logged (`RUST_LOG`).
    pub log: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            production: false,
            timeout: DEFAULT_TIMEOUT,
            cache_ttl: DEFAULT_CACHE_TTL,
            port: DEFAULT_PORT,
            workspace: None,
            backend: None,
            log: DEFAULT_LOG.to_owned(),
        }
    }
}

/// A variable with a value it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {value:?}: it takes {takes}")]
pub struct ConfigError {
    /// The variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// What it takes.
    pub takes: &'static str,
}

impl Config {
    /// Reads every variable through `lookup`. An empty value is no value.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable whose value cannot be used.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let given = |variable| lookup(variable).filter(|value| !value.trim().is_empty());
        let default = Self::default();
        Ok(Self {
            production: parse(&given, "MCP_PRODUCTION", "true or false", flag)?.unwrap_or(default.production),
            timeout: parse(
                &given,
                "BINDERY_TIMEOUT",
                "seconds from 0.001 to 86400, such as 30 or 2.5",
                |text| seconds(text).filter(|timeout| *timeout >= Duration::from_millis(1)),
            )?
            .unwrap_or(default.timeout),
            cache_ttl: parse(&given, "BINDERY_CACHE_TTL", "seconds from 0 (no cache) to 86400", seconds)?
                .unwrap_or(default.cache_ttl),
            port: parse(&given, "BINDERY_PORT", "a port from 0 (any free one) to 65535", |text| {
                text.parse().ok()
            })?
            .unwrap_or(default.port),
            workspace: given("BINDERY_WORKSPACE").map(PathBuf::from),
            backend: given("BINDERY_BACKEND").map(PathBuf::from),
            log: given("RUST_LOG").unwrap_or(default.log),
        })
    }

    /// Every setting as `NAME=value`, one a line, with the values in force.
    pub fn to_lines(&self) -> String {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map_or_else(|| "(searched for)".to_owned(), |path| path.display().to_string())
        };
        [
            ("MCP_PRODUCTION", self.production.to_string()),
            ("BINDERY_TIMEOUT", self.timeout.as_secs_f64().to_string()),
            ("BINDERY_CACHE_TTL", self.cache_ttl.as_secs_f64().to_string()),
            ("BINDERY_PORT", self.port.to_string()),
            ("BINDERY_WORKSPACE", path(&self.workspace)),
            ("BINDERY_BACKEND", path(&self.backend)),
            ("RUST_LOG", self.log.clone()),
        ]
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
    }
}

fn parse<T>(
    given: &dyn Fn(&'static str) -> Option<String>,
    variable: &'static str,
    takes: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    given(variable).map(|value| read(value.trim()).ok_or(ConfigError { variable, value, takes })).transpose()
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (0.0..=86_400.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_set_means_the_defaults() {
        assert_eq!(read(&[]), Ok(Config::default()));
        assert_eq!(read(&[("BINDERY_TIMEOUT", " "), ("BINDERY_WORKSPACE", "")]), Ok(Config::default()));
    }

    #[test]
    fn every_variable_is_read() {
        let config = read(&[
            ("MCP_PRODUCTION", "True"),
            ("BINDERY_TIMEOUT", "2.5"),
            ("BINDERY_CACHE_TTL", "0"),
            ("BINDERY_PORT", "0"),
            ("BINDERY_WORKSPACE", "/w"),
            ("BINDERY_BACKEND", "/b"),
            ("RUST_LOG", "debug"),
        ]);
        let expected = Config {
            production: true,
            timeout: Duration::from_millis(2500),
            cache_ttl: Duration::ZERO,
            port: 0,
            workspace: Some("/w".into()),
            backend: Some("/b".into()),
            log: "debug".into(),
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn a_wrong_value_names_the_variable_and_what_it_takes() {
        for (variable, value) in [
            ("MCP_PRODUCTION", "maybe"),
            ("BINDERY_TIMEOUT", "0"),
            ("BINDERY_TIMEOUT", "nan"),
            ("BINDERY_TIMEOUT", "soon"),
            ("BINDERY_CACHE_TTL", "-1"),
            ("BINDERY_PORT", "65536"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!((error.variable, error.value.as_str()), (variable, value));
            assert!(error.to_string().starts_with(&format!("{variable} is \"{value}\": it takes ")));
        }
    }
}
