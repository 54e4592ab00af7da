//! The child between its birth and its program: what the reaper's clone does before `execve`.
//!
//! It shares the reaper's memory while the reaper waits, as `posix_spawn` does; so it makes system
//! calls only, and writes nothing but [`Birth::failed`].

#![expect(unsafe_code, reason = "prepares a child before it runs its program")]

use libc::{c_char, c_int, c_void, pid_t};

/// What a child is born with. Descriptors that are absent are -1.
pub(super) struct Birth {
    pub(super) reaper: pid_t,
    pub(super) streams: [c_int; 3],
    pub(super) extra: c_int,
    pub(super) ruleset: c_int,
    pub(super) control_group: c_int,
    /// The most open files that the host may have; what the reaper may have is more.
    pub(super) open_files: libc::rlimit,
    /// Pairs of words: resource, most.
    pub(super) limits: *const u64,
    pub(super) limit_count: usize,
    pub(super) program: *const c_char,
    /// Null for the host's own.
    pub(super) directory: *const c_char,
    pub(super) arguments: *const *const c_char,
    pub(super) environment: *const *const c_char,
    /// The step that failed and the system's error; 0 while none has.
    pub(super) failed: (c_int, c_int),
}

/// The first function of a child; `birth` points to a [`Birth`].
pub(super) extern "C" fn main(birth: *mut c_void) -> c_int {
    // SAFETY: the reaper passes a pointer to a Birth that it keeps until this process has gone its
    // own way, and touches it only afterwards.
    let birth = unsafe { &mut *birth.cast::<Birth>() };
    // SAFETY: all pointers in a Birth point into mapped memory that outlives this function.
    let step = unsafe { become_program(birth) };
    // SAFETY: errno is this thread's own.
    birth.failed = (step, unsafe { *libc::__errno_location() });
    // SAFETY: ends this process without running the reaper's exit handlers.
    unsafe { libc::_exit(127) }
}

/// Turns this process into its program. Returns the step that failed; see
/// [`STEPS`](super::wire::STEPS).
unsafe fn become_program(birth: &Birth) -> c_int {
    // SAFETY: system calls on descriptors and memory that belong to this process.
    unsafe {
        if libc::setpgid(0, 0) < 0 {
            return 1;
        }
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != birth.reaper {
            libc::_exit(127);
        }
        for (number, stream) in (0..).zip(birth.streams) {
            if libc::dup2(stream, number) < 0 {
                return 2;
            }
        }
        if birth.extra >= 0 && libc::dup2(birth.extra, 3) < 0 {
            return 2;
        }
        if birth.control_group >= 0 && libc::write(birth.control_group, c"0".as_ptr().cast(), 1) < 0 {
            return 3;
        }
        if !set_limits(birth) {
            return 4;
        }
        if !birth.directory.is_null() && libc::chdir(birth.directory) < 0 {
            return 5;
        }
        if birth.ruleset >= 0
            && (libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
                || libc::syscall(libc::SYS_landlock_restrict_self, birth.ruleset, 0) < 0)
        {
            return 6;
        }
        let first_closed: c_int = if birth.extra >= 0 { 4 } else { 3 };
        if libc::syscall(libc::SYS_close_range, first_closed, c_int::MAX, 0) < 0 {
            return 7;
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::execve(birth.program, birth.arguments, birth.environment);
        8
    }
}

unsafe fn set_limits(birth: &Birth) -> bool {
    // SAFETY: `limits` points to `limit_count` pairs of words.
    unsafe {
        if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const birth.open_files) < 0 {
            return false;
        }
        for pair in 0..birth.limit_count {
            let most = *birth.limits.add(pair * 2 + 1);
            let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
            let resource = *birth.limits.add(pair * 2) as libc::__rlimit_resource_t;
            if libc::setrlimit(resource, &raw const limit) < 0 {
                return false;
            }
        }
    }
    true
}
