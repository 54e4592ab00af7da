//! The reaper: one process beside the host that starts all its children and outlives it by moments.
//!
//! It is the parent of every child, so children die with it and not with the thread that asked for
//! them; it adopts every descendant that loses its parent; and it holds one end of a socket whose
//! other end only the host has. When the host is gone, by whatever means, that socket says so, and
//! the reaper kills and reaps all that is left below it.
//!
//! It is forked when the first child starts, and shares the memory that the host had then until one
//! of the two writes to it. A host that will grow large does well to call [`Reaper::shared`] early.

mod birth;
mod exec;
mod guardian;
mod sweep;
pub(super) mod wire;

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use rustix::{
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
        SocketType, recv, sendmsg, socketpair,
    },
    process::{Pid, Signal, WaitOptions, waitpid},
};
use tokio::{io::AsyncReadExt, net::unix::pipe};

use crate::{
    Exit,
    process::{SpawnError, Streams},
};
use wire::{
    ANSWER_LENGTH, Answer, Descriptor, ENDED, FAILED, MAX_DESCRIPTORS, Request, SIGNAL, START, STARTED,
};

/// The reaper of this process.
#[derive(Debug)]
pub struct Reaper {
    control: OwnedFd,
    pid: Pid,
    /// Set when it was found gone, and reaped itself; the next child gets another.
    gone: AtomicBool,
}

/// What a child is given besides its image.
#[derive(Debug)]
pub(super) struct Gifts<'a> {
    pub(super) image: OwnedFd,
    pub(super) streams: Streams,
    pub(super) ruleset: Option<OwnedFd>,
    /// Where to join a control group.
    pub(super) members: Option<BorrowedFd<'a>>,
}

/// A child that the reaper started, or is about to. Dropping it kills its process group.
#[derive(Debug)]
pub(super) struct Ward {
    name: Name,
    answers: pipe::Receiver,
    ended: Option<Exit>,
}

/// What a child is called between host and reaper. It is never used for another, so a signal that
/// comes too late meets nobody.
#[derive(Debug, Clone)]
pub(super) struct Name {
    reaper: Arc<Reaper>,
    token: u64,
    /// 0 before it started.
    pid: i32,
}

static CURRENT: Mutex<Option<Arc<Reaper>>> = Mutex::new(None);
static TOKENS: AtomicU64 = AtomicU64::new(1);

impl Reaper {
    /// The reaper of this process; started if there is none.
    ///
    /// # Errors
    /// When the system has no process or descriptor left.
    pub fn shared() -> io::Result<Arc<Self>> {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = current.as_ref().filter(|reaper| reaper.lives()) {
            return Ok(Arc::clone(reaper));
        }
        let reaper = Arc::new(Self::start()?);
        *current = Some(Arc::clone(&reaper));
        Ok(reaper)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    fn start() -> io::Result<Self> {
        let (control, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let theirs_number = theirs.as_raw_fd();
        #[expect(unsafe_code, reason = "forks the reaper")]
        // SAFETY: the new process makes system calls only and never returns (see `guardian`).
        let pid = match unsafe { libc::fork() } {
            0 => guardian::run(theirs_number),
            pid => Pid::from_raw(pid),
        };
        let pid = pid.filter(|pid| pid.as_raw_nonzero().get() > 0).ok_or_else(io::Error::last_os_error)?;
        tracing::debug!(reaper_pid = pid.as_raw_nonzero().get(), "reaper started");
        Ok(Self { control, pid, gone: AtomicBool::new(false) })
    }

    /// Whether it is there. The socket tells: the reaper never sends on it, so there is nothing to
    /// read but its end.
    fn lives(&self) -> bool {
        let mut nothing = [0; 1];
        let end = recv(&self.control, &mut nothing, RecvFlags::DONTWAIT);
        let has_ended = matches!(end, Ok(_) | Err(rustix::io::Errno::CONNRESET));
        if has_ended && !self.gone.swap(true, Ordering::Relaxed) {
            // Nobody else waits for it.
            let _ = waitpid(Some(self.pid), WaitOptions::empty());
        }
        !has_ended
    }

    /// Asks for a child. It gets copies of the descriptors; ours are closed here, so that a pipe
    /// ends with the child.
    ///
    /// # Errors
    /// When the system has no descriptor left or the reaper is gone.
    pub(super) fn ask(self: &Arc<Self>, gifts: Gifts<'_>) -> io::Result<Ward> {
        let (answers, theirs) = io::pipe()?;
        let all = [
            Some((Descriptor::Answers, theirs.as_fd())),
            Some((Descriptor::Image, gifts.image.as_fd())),
            Some((Descriptor::Stdin, gifts.streams.stdin.as_fd())),
            Some((Descriptor::Stdout, gifts.streams.stdout.as_fd())),
            Some((Descriptor::Stderr, gifts.streams.stderr.as_fd())),
            gifts.streams.extra.as_ref().map(|fd| (Descriptor::Extra, fd.as_fd())),
            gifts.ruleset.as_ref().map(|fd| (Descriptor::Ruleset, fd.as_fd())),
            gifts.members.map(|fd| (Descriptor::ControlGroup, fd)),
        ];
        let present = all.iter().flatten().fold(0, |set, (descriptor, _)| set | 1 << *descriptor as u32);
        let descriptors: Vec<BorrowedFd<'_>> = all.into_iter().flatten().map(|(_, fd)| fd).collect();
        let token = TOKENS.fetch_add(1, Ordering::Relaxed);
        rustix::io::ioctl_fionbio(&answers, true)?;
        let answers = pipe::Receiver::from_owned_fd(answers.into())?;
        let request = Request { kind: START, present, token, ..Request::default() };
        self.send(&request, &descriptors)?;
        Ok(Ward { name: Name { reaper: Arc::clone(self), token, pid: 0 }, answers, ended: None })
    }

    fn send(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            beside.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        sendmsg(&self.control, &[IoSlice::new(&request.to_bytes())], &mut beside, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

impl Ward {
    /// Waits until it runs; returns its process id.
    pub(super) async fn started(&mut self) -> Result<u32, SpawnError> {
        let answer = self.next().await;
        match answer.kind {
            STARTED => {
                self.name.pid = answer.value;
                Ok(answer.value.cast_unsigned())
            }
            FAILED => {
                self.ended = Some(Exit::Lost);
                let step = usize::try_from(answer.step).ok().and_then(|step| wire::STEPS.get(step));
                let source = io::Error::from_raw_os_error(answer.value);
                Err(SpawnError::Refused { step: step.copied().unwrap_or("start it"), source })
            }
            _ => {
                self.ended = Some(Exit::Lost);
                Err(SpawnError::System(io::Error::other("the reaper was killed")))
            }
        }
    }

    /// Waits until it ended and was reaped.
    pub(super) async fn ended(&mut self) -> Exit {
        if let Some(exit) = self.ended {
            return exit;
        }
        let answer = self.next().await;
        let exit = match answer.kind {
            ENDED => Exit::from_wait_status(answer.value),
            _ => {
                self.name.kill_unwatched();
                Exit::Lost
            }
        };
        self.ended = Some(exit);
        exit
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// The next answer; all zero when the reaper is gone. Answers are written whole, and read whole
    /// or not at all, so this may be dropped at any time.
    async fn next(&mut self) -> Answer {
        let mut bytes = [0; ANSWER_LENGTH];
        match self.answers.read(&mut bytes).await {
            Ok(ANSWER_LENGTH) => Answer::from_bytes(bytes),
            _ => Answer::default(),
        }
    }
}

impl Name {
    /// Sends a signal to its process group, unless it has been reaped.
    pub(super) fn signal(&self, signal: Signal) {
        let request =
            Request { kind: SIGNAL, token: self.token, signal: signal.as_raw(), ..Request::default() };
        if let Err(error) = self.reaper.send(&request, &[]) {
            tracing::debug!(%error, "the reaper is gone");
            self.kill_unwatched();
        }
    }

    /// The reaper was killed, and its children with it; what they started may still be there.
    fn kill_unwatched(&self) {
        if let Some(group) = Pid::from_raw(self.pid) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.name.signal(Signal::KILL);
        }
    }
}
