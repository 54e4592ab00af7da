//! Ends and reaps every process below the reaper.

#![expect(unsafe_code, reason = "a forked process may only make system calls")]

use std::{ffi::CStr, io::Write, mem, ptr};

use libc::{c_int, pid_t};

use super::guardian::drain;
use crate::detached::DETACHED;

/// Rounds at most: what cannot be killed, because it hangs in the system, is left after 10 s.
const ROUNDS: u32 = 1000;
/// From one round to the next, unless a death comes sooner.
const ROUND_MS: c_int = 10;

/// Kills until nothing is left but detached services. Every process below loses its parent at some
/// point and then becomes a child of this one, however it has hidden from its group and session.
pub(super) fn everything_below(deaths: c_int) {
    for _ in 0..ROUNDS {
        let killed = kill_children();
        while let Some(pid) = next_dead() {
            reap(pid);
        }
        if killed == 0 {
            return;
        }
        let mut ready = libc::pollfd { fd: deaths, events: libc::POLLIN, revents: 0 };
        // SAFETY: one initialized entry.
        unsafe { libc::poll(&raw mut ready, 1, ROUND_MS) };
        drain(deaths);
    }
}

/// A child that is dead and not reaped.
pub(super) fn next_dead() -> Option<pid_t> {
    // SAFETY: writes the zeroed value.
    unsafe {
        let mut who: libc::siginfo_t = mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let found = libc::waitid(libc::P_ALL, 0, &raw mut who, options) == 0 && who.si_pid() != 0;
        found.then(|| who.si_pid())
    }
}

/// Reaps a dead child; returns what `wait` says of it.
pub(super) fn reap(pid: pid_t) -> c_int {
    let mut status = 0;
    // SAFETY: writes the status.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    status
}

/// Kills every process whose parent is this one, as `/proc` has it, but for detached services; says
/// how many there were. The dead count until they are reaped.
fn kill_children() -> usize {
    let mut killed = 0;
    #[repr(align(8))]
    struct Entries([u8; 8192]);
    let mut entries = Entries([0; 8192]);
    // SAFETY: the kernel fills the buffer with whole entries; their lengths lead from one to the
    // next, and their names end in NUL.
    unsafe {
        let this = libc::getpid();
        let directory = libc::open(c"/proc".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC);
        if directory < 0 {
            return 0;
        }
        loop {
            let filled =
                libc::syscall(libc::SYS_getdents64, directory, entries.0.as_mut_ptr(), entries.0.len());
            if filled <= 0 {
                break;
            }
            let mut at = 0;
            while at < filled as usize {
                let entry = entries.0.as_ptr().add(at).cast::<libc::dirent64>();
                at += usize::from(ptr::read(&raw const (*entry).d_reclen));
                let name = CStr::from_ptr((&raw const (*entry).d_name).cast());
                if let Some(pid) = number(name.to_bytes())
                    && parent_of(pid) == Some(this)
                    && !is_detached(pid)
                {
                    libc::kill(pid, libc::SIGKILL);
                    killed += 1;
                }
            }
        }
        libc::close(directory);
    }
    killed
}

/// Whether a process was started to outlive its host; its environment says so.
fn is_detached(pid: pid_t) -> bool {
    // Its name is enough: nobody sets it to anything else.
    const MARK: &[u8] = DETACHED.0.as_bytes();
    let mut bytes = [0_u8; 4096];
    let mut path = [0_u8; 32];
    if write!(&mut path[..], "/proc/{pid}/environ\0").is_err() {
        return false;
    }
    // SAFETY: the path ends in NUL.
    let file = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return false;
    }
    let mut kept = 0;
    let found = loop {
        // SAFETY: reads behind what was kept, to the end of the buffer at most.
        let length = unsafe { libc::read(file, bytes.as_mut_ptr().add(kept).cast(), bytes.len() - kept) };
        let Some(length) = usize::try_from(length).ok().filter(|length| *length > 0) else { break false };
        let filled = kept + length;
        if bytes[..filled].windows(MARK.len()).any(|window| window == MARK) {
            break true;
        }
        // The mark may begin here and end in what is read next.
        kept = filled.min(MARK.len() - 1);
        bytes.copy_within(filled - kept..filled, 0);
    };
    // SAFETY: opened above.
    unsafe { libc::close(file) };
    found
}

/// The parent of a process, from its line in `/proc`: `pid (name) state parent …`, where a name may
/// hold anything.
fn parent_of(pid: pid_t) -> Option<pid_t> {
    let mut path = [0_u8; 32];
    write!(&mut path[..], "/proc/{pid}/stat\0").ok()?;
    let mut line = [0_u8; 512];
    // SAFETY: the path ends in NUL, and the line is as long as said.
    let length = unsafe {
        let file = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return None;
        }
        let length = libc::read(file, line.as_mut_ptr().cast(), line.len());
        libc::close(file);
        usize::try_from(length).ok()?
    };
    let line = line.get(..length)?;
    let after_name = line.get(line.iter().rposition(|byte| *byte == b')')? + 1..)?;
    let parent = after_name.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).nth(1)?;
    number(parent)
}

fn number(digits: &[u8]) -> Option<pid_t> {
    digits.iter().try_fold(0, |number: pid_t, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(pid_t::from(digit))
    })
}
