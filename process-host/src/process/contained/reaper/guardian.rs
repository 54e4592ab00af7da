//! The reaper itself: a process without a program, forked from the host.
//!
//! The host may have any number of threads when it forks, one of them inside the allocator. So the
//! reaper allocates nothing, locks nothing and calls the system only. Its memory is what it maps.

#![expect(unsafe_code, reason = "a forked process may only make system calls")]

use std::{ffi::c_void, mem, ptr};

use libc::{c_int, pid_t};

use super::{
    birth::Newborn,
    sweep,
    wire::{Answer, ENDED, FAILED, MAX_DESCRIPTORS, Request, SIGNAL, START, STARTED},
};

/// Children at most. The table is mapped, not filled: a page of memory holds 256 of them.
const MAX_CHILDREN: usize = 1 << 16;

/// A child that has not been reaped.
#[derive(Clone, Copy)]
struct Entry {
    token: u64,
    pid: pid_t,
    answers: c_int,
}

/// The children by no order; those at `0..count` are in use.
struct Children {
    entries: *mut Entry,
    count: usize,
}

/// Serves the host at the other end of `control` until it is gone, then ends everything below.
pub(super) fn run(control: c_int) -> ! {
    let Some((control, deaths)) = prepare(control) else { exit(1) };
    let entries = map(MAX_CHILDREN * size_of::<Entry>()).cast();
    let mut children = Children { entries, count: 0 };
    if entries.is_null() {
        exit(1);
    }
    loop {
        let mut ready = [control, deaths].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
        // SAFETY: two initialized entries.
        unsafe { libc::poll(ready.as_mut_ptr(), 2, -1) };
        if ready[1].revents != 0 {
            drain(deaths);
            children.bury();
        }
        if ready[0].revents != 0 && !children.serve(control) {
            children.kill_all();
            sweep::everything_below(deaths);
            exit(0);
        }
    }
}

impl Children {
    /// Takes one request; false when the host is gone.
    fn serve(&mut self, control: c_int) -> bool {
        let mut request = Request::default();
        let mut descriptors = [-1; MAX_DESCRIPTORS];
        match receive(control, &mut request, &mut descriptors) {
            0 => return false,
            length if length != size_of::<Request>() as isize => {}
            _ if request.kind == START => self.start(&request, &mut descriptors),
            _ if request.kind == SIGNAL => self.signal(&request),
            _ => {}
        }
        for descriptor in descriptors.into_iter().filter(|descriptor| *descriptor >= 0) {
            // SAFETY: it was received for this request and is not kept.
            unsafe { libc::close(descriptor) };
        }
        true
    }

    fn start(&mut self, request: &Request, descriptors: &mut [c_int; MAX_DESCRIPTORS]) {
        let answers = descriptors[0];
        let outcome = match self.count < MAX_CHILDREN {
            true => Newborn::bear(request, descriptors),
            false => Err((0, libc::EAGAIN)),
        };
        match outcome {
            Ok(pid) => {
                // Kept to say how the child ended.
                descriptors[0] = -1;
                let entry = Entry { token: request.token, pid, answers };
                // SAFETY: count is less than the capacity of the mapping.
                unsafe { self.entries.add(self.count).write(entry) };
                self.count += 1;
                answer(answers, Answer { kind: STARTED, value: pid, step: 0 });
            }
            Err((step, error)) => answer(answers, Answer { kind: FAILED, value: error, step }),
        }
    }

    fn signal(&self, request: &Request) {
        for index in 0..self.count {
            let entry = self.entry(index);
            if entry.token == request.token {
                // SAFETY: the child has not been reaped, so the group's number is still its own.
                unsafe { libc::kill(-entry.pid, request.signal) };
            }
        }
    }

    fn kill_all(&self) {
        for index in 0..self.count {
            // SAFETY: as above.
            unsafe { libc::kill(-self.entry(index).pid, libc::SIGKILL) };
        }
    }

    /// Reaps who is dead, and tells of those that were started here. What they leave in their
    /// process group ends with them: the group's number is theirs only until they are reaped.
    fn bury(&mut self) {
        while let Some(pid) = sweep::next_dead() {
            let known = (0..self.count).find(|index| self.entry(*index).pid == pid);
            if known.is_some() {
                // SAFETY: the dead leader still holds the group's number.
                unsafe { libc::kill(-pid, libc::SIGKILL) };
            }
            let status = sweep::reap(pid);
            let Some(index) = known else { continue };
            let entry = self.entry(index);
            answer(entry.answers, Answer { kind: ENDED, value: status, step: 0 });
            // SAFETY: the entry's own descriptor; the last entry takes the freed place.
            unsafe {
                libc::close(entry.answers);
                self.count -= 1;
                self.entries.add(index).write(self.entry(self.count));
            }
        }
    }

    fn entry(&self, index: usize) -> Entry {
        // SAFETY: callers stay below count (or at it, for the place just given up), which was written.
        unsafe { self.entries.add(index).read() }
    }
}

/// Makes this process a reaper: its own session, no descriptors of the host's, no handlers, and the
/// new parent of every process below it that loses its own. Returns the control socket and the
/// descriptor that tells of deaths.
fn prepare(control: c_int) -> Option<(c_int, c_int)> {
    // SAFETY: system calls on this process alone.
    unsafe {
        let mut all: libc::sigset_t = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, ptr::null_mut());
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        libc::setsid();
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
        libc::prctl(libc::PR_SET_NAME, c"process-host".as_ptr());
        // 0 to 3 stay taken, so that no descriptor received later has such a number: a child's
        // streams can be put there without overwriting each other.
        let control = libc::fcntl(control, libc::F_DUPFD_CLOEXEC, 8);
        if control < 0 {
            return None;
        }
        libc::syscall(libc::SYS_close_range, 0, control - 1, 0);
        libc::syscall(libc::SYS_close_range, control + 1, c_int::MAX, 0);
        for _ in 0..4 {
            libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        }
        let mut death: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut death);
        libc::sigaddset(&raw mut death, libc::SIGCHLD);
        let deaths = libc::signalfd(-1, &raw const death, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        (deaths >= 0).then_some((control, deaths))
    }
}

/// Forgets the deaths told so far; who died is asked separately.
pub(super) fn drain(deaths: c_int) {
    let mut told = [0_u8; 1024];
    // SAFETY: the buffer is as long as said.
    while unsafe { libc::read(deaths, told.as_mut_ptr().cast(), told.len()) } > 0 {}
}

/// Receives a request and what travels with it. 0: the host is gone.
fn receive(control: c_int, request: &mut Request, descriptors: &mut [c_int; MAX_DESCRIPTORS]) -> isize {
    #[repr(C, align(8))]
    struct Space([u8; 128]);
    let mut space = Space([0; 128]);
    let mut part = libc::iovec { iov_base: ptr::from_mut(request).cast(), iov_len: size_of::<Request>() };
    // SAFETY: all pointers are to locals that outlive the call, with their true lengths; the kernel
    // closes what does not fit.
    unsafe {
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = space.0.as_mut_ptr().cast::<c_void>();
        message.msg_controllen = space.0.len();
        let length = libc::recvmsg(control, &raw mut message, libc::MSG_CMSG_CLOEXEC);
        if length < 0 {
            // Interrupted, or out of descriptors: the request is lost, the host is not.
            return if *libc::__errno_location() == libc::ECONNRESET { 0 } else { -1 };
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS {
            let bytes = (*header).cmsg_len - libc::CMSG_LEN(0) as usize;
            let count = (bytes / size_of::<c_int>()).min(MAX_DESCRIPTORS);
            let received = libc::CMSG_DATA(header).cast::<c_int>();
            // Optional ones that are absent leave no gap on the wire, but do in the table.
            let mut next = 0;
            for (place, slot) in descriptors.iter_mut().enumerate() {
                if request.present & (1 << place) != 0 && next < count {
                    *slot = received.add(next).read_unaligned();
                    next += 1;
                }
            }
        }
        length
    }
}

fn answer(answers: c_int, answer: Answer) {
    // SAFETY: an Answer is plain bytes. A pipe takes so few at once, or nobody reads it any more.
    unsafe { libc::write(answers, ptr::from_ref(&answer).cast(), size_of::<Answer>()) };
}

/// Maps zeroed memory; null when there is none.
pub(super) fn map(length: usize) -> *mut c_void {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a mapping of its own.
    let memory = unsafe { libc::mmap(ptr::null_mut(), length, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED { ptr::null_mut() } else { memory }
}

fn exit(code: c_int) -> ! {
    // SAFETY: ends this process without running the host's exit handlers.
    unsafe { libc::_exit(code) }
}
