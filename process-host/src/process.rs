//! One child process: started without a shell, contained, reaped.

mod image;
mod landlock;
mod reaper;

use std::{io, os::fd::OwnedFd};

use rustix::{
    fs::{Mode, OFlags, open},
    pipe::{PipeFlags, pipe_with},
    process::Signal,
};
use tokio::net::unix::pipe;

pub use reaper::Reaper;

use crate::{Exit, spec::ChildSpec};
use image::Image;
use reaper::{Gifts, Ward};

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
    pid: u32,
    ward: Ward,
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

impl Process {
    /// Starts a child with pipes for its standard streams. It inherits no other descriptor. Must be
    /// called inside a tokio runtime, but outlives the thread it is called on.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn spawn(spec: &ChildSpec) -> Result<(Self, Pipes), SpawnError> {
        Self::spawn_with(spec, None).await
    }

    /// Starts a child that gets `extra` as descriptor 3.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn spawn_with(spec: &ChildSpec, extra: Option<OwnedFd>) -> Result<(Self, Pipes), SpawnError> {
        let image = Image::of(spec)?.into_memory()?;
        let ruleset = spec.sandbox.as_ref().map(landlock::ruleset).transpose()?;
        let (child_in, stdin) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let (stdout, child_out) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let (stderr, child_err) = pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from)?;
        let pipes = Pipes { stdin: sender(stdin)?, stdout: receiver(stdout)?, stderr: receiver(stderr)? };
        let streams = [child_in, child_out, child_err];
        let process = Self::ask(Gifts { image, streams, extra, ruleset, control_group: None }).await?;
        Ok((process, pipes))
    }

    /// Starts a child whose standard streams lead nowhere.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub async fn spawn_silent(spec: &ChildSpec) -> Result<Self, SpawnError> {
        let image = Image::of(spec)?.into_memory()?;
        let ruleset = spec.sandbox.as_ref().map(landlock::ruleset).transpose()?;
        let null =
            || open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(io::Error::from);
        let streams = [null()?, null()?, null()?];
        Self::ask(Gifts { image, streams, extra: None, ruleset, control_group: None }).await
    }

    async fn ask(gifts: Gifts<'_>) -> Result<Self, SpawnError> {
        let mut ward = Reaper::shared()?.ask(&gifts)?;
        // The child has its own copies; ours would keep the pipes open after its end.
        drop(gifts);
        let pid = ward.started().await?;
        Ok(Self { pid, ward })
    }

    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends `signal` to its process group; nothing once it has ended.
    pub fn signal(&self, signal: Signal) {
        self.ward.signal(signal);
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
