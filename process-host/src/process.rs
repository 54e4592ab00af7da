//! One child process: started without a shell, contained, reaped.

#[cfg(target_os = "linux")]
mod contained;
#[cfg(not(target_os = "linux"))]
mod grouped;

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{Mode, OFlags, open},
    process::Signal,
};
use tokio::net::unix::pipe;

#[cfg(target_os = "linux")]
pub use contained::Reaper;

use crate::{Exit, spec::ChildSpec};
#[cfg(target_os = "linux")]
use contained as system;
#[cfg(not(target_os = "linux"))]
use grouped as system;

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("there is no program {program} on the child's PATH")]
    NotFound {
        /// As it was given.
        program: String,
    },
    /// It could not be run as described.
    #[error("the system refused to {step}: {source}")]
    Refused {
        /// What was refused.
        step: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The description could not work.
    #[error("{0}")]
    Invalid(&'static str),
    /// It could not be confined.
    #[error("it cannot be confined to its files: {0}")]
    Sandbox(String),
    /// The host has no process, memory or descriptor left.
    #[error("the host cannot start a process: {0}")]
    System(#[from] io::Error),
}

/// A running child. It leads a process group of its own; signals go to all of it. Dropping this
/// kills the group.
#[derive(Debug)]
pub struct Process {
    ward: system::Ward,
}

/// The host's ends of a child's standard streams.
#[derive(Debug)]
pub struct Pipes {
    /// What it reads.
    pub stdin: pipe::Sender,
    /// What it writes.
    pub stdout: pipe::Receiver,
    /// What it complains about.
    pub stderr: pipe::Receiver,
}

/// What a child is connected to.
#[derive(Debug)]
pub struct Streams {
    /// What it reads.
    pub stdin: OwnedFd,
    /// Where it writes.
    pub stdout: OwnedFd,
    /// Where it complains.
    pub stderr: OwnedFd,
    /// What it gets as descriptor 3.
    pub extra: Option<OwnedFd>,
}

impl Streams {
    /// Streams that lead nowhere.
    ///
    /// # Errors
    /// When the host has no descriptor left.
    pub fn null() -> io::Result<Self> {
        let null = || open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        Ok(Self { stdin: null()?, stdout: null()?, stderr: null()?, extra: None })
    }

    /// Pipes, and the host's ends of them. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the host has no descriptor left.
    pub fn piped() -> io::Result<(Self, Pipes)> {
        let (stdin, ours_in) = io::pipe()?;
        let (ours_out, stdout) = io::pipe()?;
        let (ours_err, stderr) = io::pipe()?;
        let pipes = Pipes {
            stdin: sender(ours_in.into())?,
            stdout: receiver(ours_out.into())?,
            stderr: receiver(ours_err.into())?,
        };
        let streams = Self { stdin: stdin.into(), stdout: stdout.into(), stderr: stderr.into(), extra: None };
        Ok((streams, pipes))
    }
}

impl Process {
    /// Starts a child with pipes for its standard streams. It inherits no other descriptor. Must be
    /// called inside a tokio runtime, but the child outlives the thread it is called on.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn spawn(spec: &ChildSpec) -> Result<(Self, Pipes), SpawnError> {
        let (streams, pipes) = Streams::piped()?;
        Ok((Self::spawn_on(spec, streams).await?, pipes))
    }

    /// Starts a child on these streams.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn spawn_on(spec: &ChildSpec, streams: Streams) -> Result<Self, SpawnError> {
        Ok(Self { ward: system::Ward::start(spec, streams).await? })
    }

    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.ward.pid()
    }

    /// Sends `signal` to its process group; nothing once it has ended.
    pub fn signal(&self, signal: Signal) {
        self.group().signal(signal);
    }

    /// A handle to its process group, which may be kept beyond its end.
    pub fn group(&self) -> Group {
        Group(self.ward.handle())
    }

    /// Waits until it ended and was reaped; what was left of its group is killed then. May be
    /// dropped and called again.
    pub async fn ended(&mut self) -> Exit {
        self.ward.ended().await
    }
}

fn sender(fd: OwnedFd) -> io::Result<pipe::Sender> {
    rustix::io::ioctl_fionbio(&fd, true)?;
    pipe::Sender::from_owned_fd(fd)
}

fn receiver(fd: OwnedFd) -> io::Result<pipe::Receiver> {
    rustix::io::ioctl_fionbio(&fd, true)?;
    pipe::Receiver::from_owned_fd(fd)
}

/// The process group of a child. Dropping this does nothing to it.
#[derive(Debug, Clone)]
pub struct Group(system::Handle);

impl Group {
    /// Sends `signal` to the group; nothing once the child has ended. SIGKILL also reaches what left
    /// the group, where the child has a control group.
    pub fn signal(&self, signal: Signal) {
        self.0.signal(signal);
    }
}
