//! A real `process-host run`, and the other commands beside it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Instant,
};

use process_host::{Event, EventKind};
use rustix::{
    event::{PollFd, PollFlags, poll},
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open},
};
use tempfile::TempDir;

use crate::PATIENCE;

/// A host that runs a tree. Dropping it kills it.
pub(crate) struct Host {
    process: Child,
    events: Receiver<Event>,
    seen: Vec<Event>,
    folder: TempDir,
}

impl Host {
    /// Starts a host of this tree in a folder of its own, where its commands find it.
    pub(crate) fn start(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tree.toml"), toml).unwrap();
        let stderr = File::create(folder.path().join("stderr")).unwrap();
        let mut process = command(folder.path(), &["run", "tree.toml", "--json"])
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let stdout = process.stdout.take().unwrap();
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { process, events, seen: Vec::new(), folder }
    }

    /// As [`Host::start`], once all of it runs.
    pub(crate) fn up(toml: &str) -> Self {
        let mut host = Self::start(toml);
        host.event("", |kind| matches!(kind, EventKind::Running { .. }));
        host
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its control socket is, if it is.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        let sockets = fs::read_dir(self.folder.path().join("process-host")).unwrap();
        let mut sockets = sockets.map(|entry| entry.unwrap().path());
        sockets.find(|path| path.extension().is_some_and(|end| end == "sock"))
    }

    /// The next event of this kind about a child, among those that were not waited for yet.
    pub(crate) fn event(&mut self, path: &str, wanted: impl Fn(&EventKind) -> bool) -> Event {
        self.event_of(&[path], wanted)
    }

    /// As [`Host::event`], about one of several.
    pub(crate) fn event_of(&mut self, paths: &[&str], wanted: impl Fn(&EventKind) -> bool) -> Event {
        loop {
            let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|error| {
                panic!("{error} for {paths:?}, after {:#?}\n{}", self.seen, self.stderr())
            });
            self.seen.push(event.clone());
            if paths.contains(&&*event.path) && wanted(&event.kind) {
                return event;
            }
        }
    }

    /// Waits until a child runs; its process.
    pub(crate) fn running(&mut self, path: &str) -> u32 {
        match self.event(path, |kind| matches!(kind, EventKind::Running { .. })).kind {
            EventKind::Running { pid } => pid.unwrap(),
            _ => unreachable!(),
        }
    }

    /// The process of a child that was seen to run, the last one.
    pub(crate) fn last_pid(&self, path: &str) -> u32 {
        let pid = |event: &Event| match event.kind {
            EventKind::Running { pid } if &*event.path == path => pid,
            _ => None,
        };
        self.seen.iter().rev().find_map(pid).unwrap()
    }

    /// The child and the first word of every event so far.
    pub(crate) fn history(&self) -> Vec<String> {
        let word = |event: &Event| event.kind.to_string().split([' ', ',']).next().unwrap().to_owned();
        self.seen.iter().map(|event| format!("{} {}", event.path, word(event))).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.seen.push(event),
                // Its stdout ends with it.
                Err(RecvTimeoutError::Disconnected) => return self.process.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("it goes on: {:?}", self.history()),
            }
        }
    }

    /// What it wrote to standard error.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    /// Runs a command where it finds this host.
    pub(crate) fn command(&self, arguments: &[&str]) -> Said {
        bounded(command(self.folder.path(), arguments))
    }

    /// Starts a command that goes on, and hands out its stdout by lines.
    pub(crate) fn follow(&self, arguments: &[&str]) -> Lines {
        Lines::of(command(self.folder.path(), arguments))
    }

    /// The reaper: the one child of the host's process.
    pub(crate) fn reaper(&self) -> u32 {
        let is_reaper = |pid: &u32| parent(*pid) == Some(self.pid());
        pids().into_iter().find(is_reaper).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// Its stdout, if it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// Its complaint, if it failed.
    #[track_caller]
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.stderr
    }
}

/// A program that goes on, killed when this is dropped.
pub(crate) struct Lines {
    process: Child,
    lines: Receiver<String>,
}

impl Lines {
    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// Waits for a line that ends so.
    pub(crate) fn until(&self, end: &str) {
        self.until_all([end]);
    }

    /// Waits for lines that end so, in any order.
    pub(crate) fn until_all<const N: usize>(&self, ends: [&str; N]) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut found = Vec::new();
        while found.len() < N {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|error| panic!("{error} for {ends:?} after {found:?}"));
            if ends.iter().any(|end| line.ends_with(end)) {
                found.push(line);
            }
        }
        found
    }

    /// Waits until it ends by itself, which must go well; the lines that were not waited for.
    pub(crate) fn end(mut self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            rest.push(line);
        }
        assert!(Instant::now() < deadline, "it goes on");
        assert!(self.process.wait().unwrap().success());
        rest
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `process-host` with these arguments, with `folder` as its working and its runtime directory.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_process-host"));
    command.args(arguments).current_dir(folder).env("XDG_RUNTIME_DIR", folder).stdin(Stdio::null());
    command
}

/// Runs a command to its end, which must come in time.
pub(crate) fn bounded(mut command: Command) -> Said {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (sender, output) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let Ok(Output { status, stdout, stderr }) = output.recv_timeout(PATIENCE) else {
        send(pid, Signal::KILL);
        panic!("{command:?} goes on");
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A number of seconds that nobody else sleeps for.
pub(crate) fn marker() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("1000.{:07}{:05}1", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn send(pid: u32, signal: Signal) {
    kill_process(raw(pid), signal).unwrap();
}

pub(crate) fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The processes with the marker on their command line.
pub(crate) fn marked(marker: &str) -> Vec<u32> {
    let bears = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    };
    pids().into_iter().filter(bears).collect()
}

/// Something that tells when a process ends, whoever its parent is.
pub(crate) struct Watched(OwnedFd);

impl Watched {
    pub(crate) fn new(pid: u32) -> Self {
        Self(pidfd_open(raw(pid), PidfdFlags::empty()).unwrap())
    }

    /// Whether it ends by then.
    pub(crate) fn ends_by(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now()).try_into().unwrap();
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&left)).unwrap() == 1
    }
}
