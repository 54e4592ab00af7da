//! Configuration: one struct, read once, from the command line and then the environment.

mod args;
mod backups;

use std::{borrow::Cow, env, fmt, net::IpAddr, num::NonZeroU32, path::PathBuf, str::FromStr, time::Duration};

use guard::{Intake, InvalidLimit, Limits, Policy, redact::redact_secrets};

pub use self::{
    args::{Args, Command},
    backups::BackupSettings,
};
use crate::{
    keys::{self, Keys, KeysError},
    store::{StoreOptions, Synchronous},
};

/// Everything that can be set.
#[derive(Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder that is served; its data lies in `.vespera` inside.
    pub workspace: PathBuf,
    /// The address to listen on over TCP. Any but a loopback one needs API keys.
    pub bind: IpAddr,
    /// The port to try first; 0 takes any.
    pub port: u16,
    /// Whether to listen on TCP at all, beside the Unix socket.
    pub tcp: bool,
    /// Names in a `Host` or `Origin` header that are taken besides the loopback ones.
    pub allowed_hosts: Vec<String>,
    /// Whether to leave when nobody needs the backend any more.
    pub managed: bool,
    /// How long nobody must have needed it.
    pub grace: Duration,
    /// How far a commit has gone when it is acknowledged.
    pub durability: Synchronous,
    /// The most bytes of tasks that are kept in memory as they were sent.
    pub row_cache: usize,
    /// When the database is copied without being asked.
    pub backups: BackupSettings,
    /// Whether callers are told only constant texts about faults of ours.
    pub production: bool,
    /// The most bytes that a request body can have.
    pub max_body: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How many requests are carried out at once.
    pub max_requests: usize,
    /// The file with the API keys; the usual one, if it is there, when not named.
    pub api_keys_file: Option<PathBuf>,
    /// API keys besides those in the file.
    pub api_keys: Keys,
    /// How many requests a second each API key may make.
    pub rate_limit: NonZeroU32,
    /// How deep, wide and long an input may be.
    pub limits: Limits,
    /// What becomes of text that is not plain.
    pub text_guard: Policy,
    /// What is logged, as a filter of `tracing`.
    pub log: String,
}

/// A setting that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {given:?}, and it takes {takes}")]
pub struct ConfigError {
    /// The variable or flag.
    pub variable: &'static str,
    /// What it was set to.
    pub given: String,
    /// What it takes.
    pub takes: Cow<'static, str>,
}

impl From<InvalidLimit> for ConfigError {
    fn from(invalid: InvalidLimit) -> Self {
        Self { variable: invalid.variable, given: invalid.value, takes: invalid.takes.into() }
    }
}

impl Config {
    /// Reads the settings. `variable` reads one of the environment; a flag in `args` wins over it.
    ///
    /// # Errors
    /// The first setting that cannot be taken.
    pub fn read(args: &Args, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let source = Source { variable: &variable };
        let config = Self {
            workspace: match args
                .workspace
                .clone()
                .or_else(|| variable("BINDERY_WORKSPACE").map(PathBuf::from))
            {
                Some(folder) => folder,
                None => current_folder()?,
            },
            bind: args
                .bind
                .map_or_else(|| source.parsed("BINDERY_BIND", "an IP address", [127, 0, 0, 1].into()), Ok)?,
            port: args
                .port
                .map_or_else(|| source.parsed("BINDERY_PORT", "a port from 0 (any) to 65535", 3000), Ok)?,
            tcp: !args.no_tcp,
            allowed_hosts: source.list("BINDERY_ALLOWED_HOSTS"),
            managed: args.managed,
            grace: source.seconds("BINDERY_GRACE", 30)?,
            durability: source.durability()?,
            row_cache: source.parsed(
                "BINDERY_ROW_CACHE",
                "a number of bytes, 0 to keep none",
                StoreOptions::new("").row_cache,
            )?,
            backups: BackupSettings::read(&source)?,
            production: source.flag("MCP_PRODUCTION")?,
            max_body: source.positive(
                "BINDERY_MAX_BODY",
                "a number of bytes, 1 or more",
                16 * 1024 * 1024,
            )?,
            request_timeout: source.seconds("BINDERY_REQUEST_TIMEOUT", 30)?,
            max_requests: source.positive("BINDERY_MAX_REQUESTS", "a number of requests, 1 or more", 64)?,
            api_keys_file: source.text("BINDERY_API_KEYS_FILE").map(PathBuf::from),
            api_keys: source.api_keys()?,
            rate_limit: source.parsed(
                "BINDERY_RATE_LIMIT",
                "a number of requests a second, 1 or more",
                const { NonZeroU32::new(100).unwrap() },
            )?,
            limits: Limits::read(&variable)?,
            text_guard: source.parsed(Policy::VARIABLE, Policy::TAKES, Policy::default())?,
            log: variable("RUST_LOG")
                .filter(|filter| !filter.is_empty())
                .unwrap_or_else(|| "info".to_owned()),
        };
        config.checked()
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let refused = |variable, given: String, takes: &'static str| {
            Err(ConfigError { variable, given, takes: takes.into() })
        };
        if self.request_timeout.is_zero() {
            return refused("BINDERY_REQUEST_TIMEOUT", "0".to_owned(), "a number of seconds, 1 or more");
        }
        Ok(self)
    }

    /// The file that a new API key goes into.
    pub fn key_file(&self) -> PathBuf {
        let usual = || self.workspace.join(".vespera").join(keys::FILE_NAME);
        self.api_keys_file.clone().unwrap_or_else(usual)
    }

    /// The API keys in force.
    ///
    /// # Errors
    /// When they cannot be read, or when there are none and others can reach the address.
    pub fn keys(&self) -> Result<Keys, KeysError> {
        let (mut keys, path) = (self.api_keys.clone(), self.key_file());
        if self.api_keys_file.is_some() || path.exists() {
            keys = keys.with(Keys::from_file(&path)?).ok_or(KeysError::Taken { path })?;
        }
        if keys.is_empty() && self.tcp && !self.bind.is_loopback() {
            return Err(KeysError::Needed { bind: self.bind });
        }
        Ok(keys)
    }

    /// Each variable with the value in force, without secrets.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let file = |path: Option<&PathBuf>| path.map(|path| path.display().to_string()).unwrap_or_default();
        let mut settings = vec![
            ("BINDERY_WORKSPACE", self.workspace.display().to_string()),
            ("BINDERY_BIND", self.bind.to_string()),
            ("BINDERY_PORT", self.port.to_string()),
            ("BINDERY_ALLOWED_HOSTS", self.allowed_hosts.join(",")),
            ("BINDERY_GRACE", self.grace.as_secs().to_string()),
            ("BINDERY_DURABILITY", durability_word(self.durability).to_owned()),
            ("BINDERY_ROW_CACHE", self.row_cache.to_string()),
            ("BINDERY_MAX_BODY", self.max_body.to_string()),
            ("BINDERY_REQUEST_TIMEOUT", self.request_timeout.as_secs().to_string()),
            ("BINDERY_MAX_REQUESTS", self.max_requests.to_string()),
            ("BINDERY_API_KEYS_FILE", file(self.api_keys_file.as_ref())),
            ("BINDERY_RATE_LIMIT", self.rate_limit.to_string()),
        ];
        settings.extend(self.backups.settings());
        settings.extend(self.limits.settings().map(|(variable, limit)| (variable, limit.to_string())));
        settings.extend([
            (Policy::VARIABLE, self.text_guard.to_string()),
            ("MCP_PRODUCTION", self.production.to_string()),
            ("RUST_LOG", self.log.clone()),
        ]);
        settings.iter().map(|(variable, value)| (*variable, redact_secrets(value).into_owned())).collect()
    }

    /// What every input passes first.
    pub fn intake(&self) -> Intake {
        Intake::new(self.limits.clone(), self.text_guard)
    }
}

fn current_folder() -> Result<PathBuf, ConfigError> {
    env::current_dir().map_err(|error| ConfigError {
        variable: "BINDERY_WORKSPACE",
        given: format!("the current folder, which cannot be read: {error}"),
        takes: "a folder".into(),
    })
}

/// The settings as lines that a shell or an environment file can read back, save for secrets.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (variable, value) in self.settings() {
            writeln!(f, "{variable}={value}")?;
        }
        let keys = self.api_keys.len();
        writeln!(f, "# --no-tcp={} --managed={}, BINDERY_API_KEYS has {keys}", !self.tcp, self.managed)
    }
}

/// As they are printed: a secret that slipped into a setting is not shown.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.settings()).finish()
    }
}

const fn durability_word(durability: Synchronous) -> &'static str {
    match durability {
        Synchronous::Full => "full",
        Synchronous::Normal => "normal",
    }
}

/// The environment, or a test's idea of it.
struct Source<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    /// The variable, unless it is unset or empty.
    fn text(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(
        &self,
        variable: &'static str,
        takes: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        let Some(given) = self.text(variable) else { return Ok(default) };
        given.parse().map_err(|_| ConfigError { variable, given, takes: takes.into() })
    }

    fn positive(
        &self,
        variable: &'static str,
        takes: &'static str,
        default: usize,
    ) -> Result<usize, ConfigError> {
        match self.parsed(variable, takes, default)? {
            0 => Err(ConfigError { variable, given: "0".to_owned(), takes: takes.into() }),
            number => Ok(number),
        }
    }

    fn seconds(&self, variable: &'static str, default: u32) -> Result<Duration, ConfigError> {
        let seconds: u32 = self.parsed(variable, "a whole number of seconds", default)?;
        Ok(Duration::from_secs(seconds.into()))
    }

    fn list(&self, variable: &str) -> Vec<String> {
        let text = self.text(variable).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    fn flag(&self, variable: &'static str) -> Result<bool, ConfigError> {
        let Some(given) = self.text(variable) else { return Ok(false) };
        match given.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(ConfigError { variable, given, takes: "true or false".into() }),
        }
    }

    /// The list is not shown when it is wrong: what is wrong may be that it holds a plain key.
    fn api_keys(&self) -> Result<Keys, ConfigError> {
        let variable = "BINDERY_API_KEYS";
        let takes = "NAME:HASH with commas between, as `bindery-backend key NAME` prints it";
        let text = self.text(variable).unwrap_or_default();
        let wrong = || ConfigError { variable, given: "something else".to_owned(), takes: takes.into() };
        Keys::from_list(&text).ok_or_else(wrong)
    }

    fn durability(&self) -> Result<Synchronous, ConfigError> {
        let variable = "BINDERY_DURABILITY";
        let Some(given) = self.text(variable) else { return Ok(StoreOptions::new("").synchronous) };
        match given.to_ascii_lowercase().as_str() {
            "full" => Ok(Synchronous::Full),
            "normal" => Ok(Synchronous::Normal),
            _ => Err(ConfigError { variable, given, takes: "full or normal".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let args = Args::parse_from(["bindery-backend"].iter().chain(flags));
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
        };
        Config::read(&args, find)
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_default() {
        assert_eq!(read(&[], &[]).unwrap().port, 3000);
        assert_eq!(read(&[], &[("BINDERY_PORT", "4000")]).unwrap().port, 4000);
        assert_eq!(read(&["--port", "0"], &[("BINDERY_PORT", "4000")]).unwrap().port, 0);
    }

    #[test]
    fn a_wrong_value_is_named_with_what_it_takes() {
        for (name, value) in [
            ("BINDERY_PORT", "70000"),
            ("BINDERY_BIND", "here"),
            ("BINDERY_GRACE", "-1"),
            ("BINDERY_DURABILITY", "some"),
            ("BINDERY_ROW_CACHE", "-1"),
            ("BINDERY_BACKUP_EVERY", "daily"),
            ("BINDERY_BACKUP_KEEP", "0"),
            ("BINDERY_BACKUP_MAX_BYTES", "-1"),
            ("BINDERY_MAX_BODY", "0"),
            ("BINDERY_REQUEST_TIMEOUT", "0"),
            ("BINDERY_MAX_REQUESTS", "0"),
            ("BINDERY_RATE_LIMIT", "0"),
            ("BINDERY_MAX_DEPTH", "101"),
            ("BINDERY_TEXT_GUARD", "off"),
            ("MCP_PRODUCTION", "perhaps"),
        ] {
            let error = read(&[], &[(name, value)]).unwrap_err();
            assert_eq!((error.variable, error.given.as_str()), (name, value));
        }
    }

    #[test]
    fn an_address_that_others_can_reach_needs_keys() {
        let workspace = tempfile::tempdir().unwrap();
        let keys = |bind: &str, keys: &str| {
            let flags = ["--workspace", workspace.path().to_str().unwrap(), "--bind", bind];
            read(&flags, &[("BINDERY_API_KEYS", keys)]).unwrap().keys()
        };
        let error = keys("0.0.0.0", "").unwrap_err();
        assert!(error.to_string().contains("API keys"), "{error}");
        assert!(keys("::1", "").unwrap().is_empty());
        assert_eq!(keys("0.0.0.0", &format!("a:{}", "0".repeat(64))).unwrap().len(), 1);
    }

    #[test]
    fn a_plain_key_where_a_hash_belongs_is_not_repeated() {
        let error = read(&[], &[("BINDERY_API_KEYS", "laptop:bnd_secret")]).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn what_is_printed_reads_back_as_it_was() {
        let variables = [
            ("BINDERY_ALLOWED_HOSTS", "a.example, b.example"),
            ("BINDERY_WORKSPACE", "/w"),
            ("BINDERY_BACKUP_EVERY", "0"),
            ("BINDERY_MAX_ITEMS", "7"),
            ("BINDERY_TEXT_GUARD", "strip"),
        ];
        let config = read(&[], &variables).unwrap();
        assert_eq!((config.limits.items, config.text_guard), (7, Policy::Strip));
        let printed = config.to_string();
        let printed: Vec<_> = printed.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(read(&[], &printed).unwrap(), config);
    }

    #[test]
    fn a_secret_in_a_setting_is_shown_nowhere() {
        let variables = [
            ("BINDERY_WORKSPACE", "/srv/token=s3cr3t"),
            ("BINDERY_ALLOWED_HOSTS", "https://ann:s3cr3t@desk.example"),
            ("RUST_LOG", "info,password=s3cr3t"),
        ];
        let config = read(&[], &variables).unwrap();
        for shown in [config.to_string(), format!("{config:?}"), format!("{config:#?}")] {
            assert!(shown.contains("RUST_LOG") && !shown.contains("s3cr3t"), "{shown}");
        }
    }
}
