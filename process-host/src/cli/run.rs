//! Runs a supervision tree in the foreground.

use std::{io, path::PathBuf, pin::pin, process::ExitCode, sync::Arc};

use clap::Args;
use process_host::{
    End, Event, Supervisor,
    spec::{SpecError, SupervisorSpec},
};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Outcome,
    control::{
        place,
        server::{self, Host},
    },
    events,
    terminal::{self, QUIET, styled},
};

#[derive(Debug, Args)]
#[command(after_help = "\
A file:
  strategy = \"one_for_one\"         # or one_for_all, rest_for_one
  max_restart_attempts = 5         # one more within restart_window_ms: failed

  [[child]]
  name = \"tools\"
  command = [\"python3\", \"-m\", \"bindery_tools\"]
  stdio = \"jsonrpc\"                # or log
  restart = \"permanent\"            # or transient, temporary
  health = { health_check = \"ping\", health_check_interval_ms = 5000 }
  limits = { rss_mb = 512, open_files = 256 }

  [[child]]                        # without a command: another supervisor
  name = \"workers\"
  [[child.child]]
  name = \"one\"
  command = [\"./worker\", \"--fast\"]

Examples:
  process-host run app.toml
  process-host run app.toml --json > events.jsonl
  process-host run app.toml --socket /run/app/control.sock

SIGINT, SIGTERM and SIGHUP stop the children in order; a second one kills them.
Exit codes: 0 it was stopped, 1 a child could not be kept running, 128 and the signal's number \
after a second signal.")]
pub(super) struct Run {
    /// The file that describes the children
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Print events as JSON, one a line
    #[arg(long)]
    json: bool,
    /// Where to be asked by the other commands [default: a place that they find by FILE.toml]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Why the children do not run any more.
enum Over {
    Ended(End),
    Killed(Signal),
}

/// Runs the tree to its end.
///
/// # Errors
/// When it cannot be started.
pub(super) async fn run(run: Run) -> Outcome {
    let spec = SupervisorSpec::from_file(&run.file).map_err(|error| match error {
        SpecError::Unreadable { .. } => error.to_string(),
        error => format!("{}: {error}", run.file.display()),
    })?;
    if spec.children.is_empty() {
        let file = run.file.display();
        return Err(format!("{file} describes no child; `process-host run --help` shows how").into());
    }
    let file = run.file.canonicalize()?;
    let socket = match run.socket {
        Some(socket) => socket,
        None => {
            place::make_folder()?;
            place::socket_of(&file)
        }
    };
    let (held, listener) = place::take(&socket, &file)?;
    let mut signals = Signals::new()?;
    // While this process is small: the reaper begins as a copy of it.
    #[cfg(target_os = "linux")]
    process_host::process::Reaper::shared()?;
    let remark =
        format!("process {} runs {}; asked at {}", std::process::id(), file.display(), socket.display());
    terminal::print_remark(&styled(QUIET, remark));

    let connected = server::connected(&spec);
    let supervisor = Supervisor::start(spec)?;
    let stop = CancellationToken::new();
    let host = Arc::new(Host::new(supervisor.clone(), connected, file, stop.clone()));
    let server = AbortOnDropHandle::new(tokio::spawn(server::serve(listener, Arc::clone(&host))));
    let over = watch(&supervisor, &mut signals, stop, run.json).await;
    if matches!(over, Over::Ended(_)) {
        host.farewell().await;
    }
    drop((server, held));
    Ok(match over {
        Over::Ended(End::Stopped) => ExitCode::SUCCESS,
        Over::Ended(End::Failed(failure)) => {
            terminal::print_error(&failure);
            ExitCode::FAILURE
        }
        // The reaper sees that this process is gone, and kills what is left.
        Over::Killed(signal) => {
            ExitCode::from(128_u8.saturating_add(u8::try_from(signal.as_raw()).unwrap_or(0)))
        }
    })
}

/// Prints events until the tree has ended, and stops it when a signal or a client asks for that.
async fn watch(supervisor: &Supervisor, signals: &mut Signals, stop: CancellationToken, json: bool) -> Over {
    let events = supervisor.events();
    let mut last = 0;
    let mut stopping: Option<AbortOnDropHandle<End>> = None;
    let mut ended = pin!(supervisor.ended());
    let begin_stop = || {
        let supervisor = supervisor.clone();
        Some(AbortOnDropHandle::new(tokio::spawn(async move { supervisor.stop().await })))
    };
    let end = loop {
        tokio::select! {
            biased;
            batch = events.next_after(last) => last = tell(batch.events, json).unwrap_or(last),
            end = &mut ended => break end,
            signal = signals.next() => match stopping {
                None => stopping = begin_stop(),
                Some(_) => return Over::Killed(signal),
            },
            () = stop.cancelled(), if stopping.is_none() => stopping = begin_stop(),
        }
    };
    tell(events.after(last).events, json);
    Over::Ended(end)
}

/// Prints events; the number of the last.
fn tell(batch: Vec<Event>, json: bool) -> Option<u64> {
    for event in &batch {
        // Nobody may read this any more; the children run on.
        let _ = terminal::print(&events::line(event, json));
    }
    batch.last().map(|event| event.sequence)
}

/// The signals that ask a program to end.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::INT,
            Some(()) = self.terminate.recv() => Signal::TERM,
            Some(()) = self.hangup.recv() => Signal::HUP,
            else => std::future::pending().await,
        }
    }
}
