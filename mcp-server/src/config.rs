//! Configuration: every variable, its default and its meaning, in one place.

use std::{borrow::Cow, fmt, path::PathBuf, time::Duration};

use guard::{Intake, InvalidLimit, Limits, Policy, redact::redact_secrets};

/// How long a call may take in all, retries included.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer may be kept. Changes end it sooner.
const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(300);
/// The TCP port that the backend tries first, for people and other programs.
const DEFAULT_PORT: u16 = 3000;
/// What the MCP server logs when nobody says otherwise. Commands for people log warnings only:
/// what they have to say, they print.
const DEFAULT_LOG: &str = "info";
const DEFAULT_COMMAND_LOG: &str = "warn";

/// Looks up one variable; the environment in production, a table in tests.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The settings of this process.
#[derive(Clone, PartialEq, Eq)]
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
    /// How deep, wide and long an input may be (`BINDERY_MAX_DEPTH` and others).
    pub limits: Limits,
    /// What becomes of text that is not plain (`BINDERY_TEXT_GUARD`).
    pub text_guard: Policy,
    /// What is logged (`RUST_LOG`); see [`Config::log_directives`].
    pub log: Option<String>,
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
            limits: Limits::default(),
            text_guard: Policy::default(),
            log: None,
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
    pub takes: Cow<'static, str>,
}

impl From<InvalidLimit> for ConfigError {
    fn from(invalid: InvalidLimit) -> Self {
        Self { variable: invalid.variable, value: invalid.value, takes: invalid.takes.into() }
    }
}

impl Config {
    /// Reads every variable through `lookup`. An empty value is no value.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable whose value cannot be used.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, ConfigError> {
        let given = |variable: &str| lookup(variable).filter(|value| !value.trim().is_empty());
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
            limits: Limits::read(given)?,
            text_guard: parse(&given, Policy::VARIABLE, Policy::TAKES, |text| text.parse().ok())?
                .unwrap_or(default.text_guard),
            log: given("RUST_LOG"),
        })
    }

    /// What every input passes first.
    pub fn intake(&self) -> Intake {
        Intake::new(self.limits.clone(), self.text_guard)
    }

    /// What is logged, by the MCP server or by a command.
    pub fn log_directives(&self, by_command: bool) -> &str {
        let default = if by_command { DEFAULT_COMMAND_LOG } else { DEFAULT_LOG };
        self.log.as_deref().unwrap_or(default)
    }

    /// Every setting as `NAME=value`, one a line, with the values in force; secrets are left out.
    pub fn to_lines(&self) -> String {
        self.settings().iter().map(|(variable, value)| format!("{variable}={value}\n")).collect()
    }

    /// Each variable with the value in force, without secrets.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map_or_else(|| "(searched for)".to_owned(), |path| path.display().to_string())
        };
        let mut settings = vec![
            ("MCP_PRODUCTION", self.production.to_string()),
            ("BINDERY_TIMEOUT", self.timeout.as_secs_f64().to_string()),
            ("BINDERY_CACHE_TTL", self.cache_ttl.as_secs_f64().to_string()),
            ("BINDERY_PORT", self.port.to_string()),
            ("BINDERY_WORKSPACE", path(&self.workspace)),
            ("BINDERY_BACKEND", path(&self.backend)),
        ];
        settings.extend(self.limits.settings().map(|(variable, limit)| (variable, limit.to_string())));
        settings.extend([
            (Policy::VARIABLE, self.text_guard.to_string()),
            ("RUST_LOG", self.log_directives(false).to_owned()),
        ]);
        settings.iter().map(|(variable, value)| (*variable, redact_secrets(value).into_owned())).collect()
    }
}

/// As they are printed: a secret that slipped into a setting is not shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.settings()).finish()
    }
}

fn parse<T>(
    given: Lookup<'_>,
    variable: &'static str,
    takes: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    given(variable)
        .map(|value| read(value.trim()).ok_or(ConfigError { variable, value, takes: takes.into() }))
        .transpose()
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
            ("BINDERY_MAX_KEYS", "7"),
            ("BINDERY_TEXT_GUARD", "Reject"),
            ("RUST_LOG", "debug"),
        ]);
        let expected = Config {
            production: true,
            timeout: Duration::from_millis(2500),
            cache_ttl: Duration::ZERO,
            port: 0,
            workspace: Some("/w".into()),
            backend: Some("/b".into()),
            limits: Limits { keys: 7, ..Limits::default() },
            text_guard: Policy::Reject,
            log: Some("debug".into()),
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
            ("BINDERY_MAX_DEPTH", "0"),
            ("BINDERY_TEXT_GUARD", "off"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert_eq!((error.variable, error.value.as_str()), (variable, value));
            assert!(error.to_string().starts_with(&format!("{variable} is \"{value}\": it takes ")));
        }
    }

    #[test]
    fn a_secret_in_a_setting_is_shown_nowhere() {
        let config = read(&[
            ("BINDERY_WORKSPACE", "/srv/password=s3cr3t"),
            ("BINDERY_BACKEND", "https://ann:s3cr3t@desk.example/bindery-backend?token=s3cr3t"),
            ("RUST_LOG", "info,token=s3cr3t"),
        ]);
        let config = config.unwrap();
        for shown in [config.to_lines(), format!("{config:?}"), format!("{config:#?}")] {
            assert!(shown.contains("BINDERY_BACKEND") && !shown.contains("s3cr3t"), "{shown}");
        }
    }
}
