//! The command `bindery-backend`.

use std::{
    env,
    io::{self, IsTerminal, Write},
    panic,
    process::ExitCode,
};

use bindery_backend::{
    config::{Args, Command, Config, ConfigError},
    http,
    keys::{Key, Keys},
    maintenance::{self, Done, MaintenanceError},
    serve::{self, FolderError, ServeError, Shutdown},
};
use clap::Parser;
use guard::redact::{redact_secrets, write_field};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, field::MakeExt, fmt::format::debug_fn};

const FAILED: u8 = 1;
const WRONG_SETTING: u8 = 2;
const TAKEN: u8 = 3;
const ABORTED: u8 = 130;

/// After how many steps of other tasks those are looked at that another thread has woken. Writes
/// and long reads are carried out by other threads: with the usual 61, what they answer would wait for as many
/// refusals when there are too many requests.
const SOON: u32 = 4;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Damaged) => FAILED.into(),
        Err(failure) => {
            // Written directly: this must be seen even when the log is filtered away.
            let told = failure.to_string();
            let _ = writeln!(io::stderr(), "bindery-backend: {}", redact_secrets(&told));
            failure.exit_code().into()
        }
    }
}

fn run(args: &Args) -> Result<Done, Failure> {
    if let Some(Command::Openapi) = args.command {
        let document = http::openapi_document().map_err(io::Error::from)?;
        writeln!(io::stdout(), "{document:#}")?;
        return Ok(Done::Well);
    }
    let variable = |name: &str| env::var_os(name).map(|text| text.to_string_lossy().into_owned());
    let config = Config::read(args, variable)?;
    if args.print_config {
        write!(io::stdout(), "{config}")?;
        return Ok(Done::Well);
    }
    if let Some(Command::Maintenance(command)) = &args.command {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(maintenance::run(&config, command));
        runtime.shutdown_background();
        return Ok(done?);
    }
    if let Some(Command::Key { name, add }) = &args.command {
        make_key(&config, name, *add)?;
        return Ok(Done::Well);
    }
    start_log(&config)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().global_queue_interval(SOON).build()?;
    let served = runtime.block_on(serve_until_signalled(config));
    // What still runs was given its time; waiting for it again would undo an abort.
    runtime.shutdown_background();
    served.map(|()| Done::Well)
}

/// Prints a fresh key. This is the only time that it is shown.
fn make_key(config: &Config, name: &str, add: bool) -> Result<(), Failure> {
    let made = Key::generate(name).map_err(io::Error::other)?;
    let (text, key) = made.ok_or_else(|| ConfigError {
        variable: "NAME",
        given: name.to_owned(),
        takes: "up to 64 letters, digits, dots, hyphens and underscores".into(),
    })?;
    if add {
        Keys::add_to_file(&config.key_file(), key).map_err(ServeError::Keys)?;
        return Ok(writeln!(io::stdout(), "{text}")?);
    }
    let file = config.key_file();
    Ok(writeln!(io::stdout(), "key: {text}\nline for {}: {key}", file.display())?)
}

async fn serve_until_signalled(config: Config) -> Result<(), Failure> {
    outlive_file_size_limit()?;
    let shutdown = Shutdown::default();
    let signals = shutdown.ask_on_signals()?;
    tokio::select! {
        served = serve::serve(config, shutdown) => Ok(served?),
        never = signals => match never {},
    }
}

/// A write beyond the limit on the size of files ends a process that does not listen to the signal, and
/// else fails as on a full disk. Tokio keeps listening once it was asked to.
fn outlive_file_size_limit() -> io::Result<()> {
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

fn start_log(config: &Config) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&config.log).map_err(|_| ConfigError {
        variable: "RUST_LOG",
        given: config.log.clone(),
        takes: "a level (error, warn, info, debug, trace), or filters such as bindery_backend=debug".into(),
    })?;
    let ansi = io::stderr().is_terminal();
    let fields = debug_fn(|line, field, value| write_field(line, field.name(), value)).delimited(" ");
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A log that cannot be written, as on a full disk, is no reason to end.
        .log_internal_errors(false)
        .with_ansi(ansi)
        .fmt_fields(fields)
        .init();
    // What a panic says may hold anything, so it goes the way of every other line.
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panicked")));
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Maintenance(#[from] MaintenanceError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Failure {
    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Serve(ServeError::Keys(_)) => WRONG_SETTING,
            Self::Serve(ServeError::Folder(FolderError::Taken { .. }))
            | Self::Maintenance(MaintenanceError::Served(_)) => TAKEN,
            Self::Serve(ServeError::Aborted) => ABORTED,
            Self::Maintenance(error) if error.is_stop() => ABORTED,
            Self::Serve(_) | Self::Maintenance(_) | Self::Io(_) => FAILED,
        }
    }
}
