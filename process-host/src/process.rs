//! One child process: started without a shell, contained, reaped.

mod control_group;
mod image;
mod landlock;
mod reaper;

use std::{
    io,
    os::fd::OwnedFd,
    sync::{Arc, Weak},
};

use rustix::{
    fs::{Mode, OFlags, open},
    pipe::{PipeFlags, pipe_with},
    process::Signal,
};
use tokio::net::unix::pipe;

pub use reaper::Reaper;

use crate::{Exit, spec::ChildSpec};
use control_group::ControlGroup;
use image::Image;
use reaper::{Gifts, Name, Ward};

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
    control_group: Option<Arc<ControlGroup>>,
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
        let (stdin, ours_in) = pipe_with(PipeFlags::CLOEXEC)?;
        let (ours_out, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (ours_err, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let pipes =
            Pipes { stdin: sender(ours_in)?, stdout: receiver(ours_out)?, stderr: receiver(ours_err)? };
        Ok((Self { stdin, stdout, stderr, extra: None }, pipes))
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
        let image = Image::of(spec)?.into_memory()?;
        let ruleset = spec.sandbox.as_ref().map(landlock::ruleset).transpose()?;
        let control_group = ControlGroup::create(&spec.limits).map(Arc::new);
        let members = control_group.as_ref().map(|group| group.members());
        let mut ward = Reaper::shared()?.ask(Gifts { image, streams, ruleset, members })?;
        let pid = ward.started().await?;
        Ok(Self { pid, ward, control_group })
    }

    /// Its process id, which is also that of its group.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends `signal` to its process group; nothing once it has ended.
    pub fn signal(&self, signal: Signal) {
        self.group().signal(signal);
    }

    /// A handle to its process group, which may be kept beyond its end.
    pub fn group(&self) -> Group {
        Group {
            name: self.ward.name().clone(),
            control_group: self.control_group.as_ref().map(Arc::downgrade),
        }
    }

    /// Waits until it ended and was reaped; what was left of its group is killed then. May be
    /// dropped and called again.
    pub async fn ended(&mut self) -> Exit {
        let exit = self.ward.ended().await;
        self.control_group = None;
        exit
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
pub struct Group {
    name: Name,
    control_group: Option<Weak<ControlGroup>>,
}

impl Group {
    /// Sends `signal` to the group; nothing once the child has ended. SIGKILL also reaches what left
    /// the group, where the child has a control group.
    pub fn signal(&self, signal: Signal) {
        self.name.signal(signal);
        if signal == Signal::KILL
            && let Some(control_group) = self.control_group.as_ref().and_then(Weak::upgrade)
        {
            control_group.kill();
        }
    }
}
