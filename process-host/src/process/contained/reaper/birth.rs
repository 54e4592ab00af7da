//! From a request to a process: maps the image, lays out the pointers, clones.

#![expect(unsafe_code, reason = "a forked process may only make system calls")]

use std::{ffi::c_void, mem, ptr};

use libc::{c_char, c_int, pid_t};

use super::{
    exec::{self, Birth},
    guardian::map,
    wire::{Descriptor, MAX_DESCRIPTORS, Request},
};
use crate::process::contained::image::HEAD_WORDS;

/// Memory that a child runs on until it has a program.
const STACK: usize = 64 << 10;

/// A child about to be born.
pub(super) struct Newborn {
    image: Mapping,
    pointers: Mapping,
    stack: Mapping,
}

/// The step and the system's error.
pub(super) type Failure = (c_int, c_int);

impl Newborn {
    /// Starts the child that `request` asks for; returns its process id.
    pub(super) fn bear(_: &Request, descriptors: &[c_int; MAX_DESCRIPTORS]) -> Result<pid_t, Failure> {
        let image = Mapping::of(descriptors[Descriptor::Image as usize])?;
        let strings = image.strings()?;
        let pointers = Mapping::new((strings.count + 3) * size_of::<*const c_char>())?;
        let stack = Mapping::new(STACK)?;
        Self { image, pointers, stack }.start(&strings, descriptors)
    }

    fn start(&self, strings: &Strings, descriptors: &[c_int; MAX_DESCRIPTORS]) -> Result<pid_t, Failure> {
        let at = |descriptor: Descriptor| descriptors[descriptor as usize];
        let pointers = self.pointers.start.cast::<*const c_char>();
        let (program, directory, environment) = strings.lay_out(self.image.end(), pointers)?;
        let mut birth = Birth {
            // SAFETY: asks for a number.
            reaper: unsafe { libc::getpid() },
            streams: [at(Descriptor::Stdin), at(Descriptor::Stdout), at(Descriptor::Stderr)],
            extra: at(Descriptor::Extra),
            ruleset: at(Descriptor::Ruleset),
            control_group: at(Descriptor::ControlGroup),
            open_files: open_files(),
            // SAFETY: the image begins with its head, and the limits follow it.
            limits: unsafe { self.image.start.cast::<u64>().add(HEAD_WORDS) },
            limit_count: strings.limits,
            program,
            directory,
            arguments: pointers,
            environment,
            failed: (0, 0),
        };
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the child runs on its own stack and shares this memory while this process waits
        // for it to run its program or end (CLONE_VFORK).
        let pid =
            unsafe { libc::clone(exec::main, self.stack.end(), flags, ptr::from_mut(&mut birth).cast()) };
        if pid < 0 {
            return Err((0, errno()));
        }
        // SAFETY: written by the child before it ended, and by nobody now.
        let failed = unsafe { ptr::read_volatile(&raw const birth.failed) };
        if failed.0 != 0 {
            super::sweep::reap(pid);
            return Err(failed);
        }
        Ok(pid)
    }
}

/// Where the strings of an image begin, and how many there are of each kind.
struct Strings {
    first: *const c_char,
    limits: usize,
    has_directory: bool,
    arguments: usize,
    variables: usize,
    count: usize,
}

impl Strings {
    /// Fills `pointers` with the arguments and the variables, each list closed by null. Returns the
    /// program, the directory or null, and where the variables begin.
    fn lay_out(
        &self,
        end: *mut c_void,
        pointers: *mut *const c_char,
    ) -> Result<(*const c_char, *const c_char, *const *const c_char), Failure> {
        let end = end.cast_const().cast::<c_char>();
        let mut next = self.first;
        let mut take = || -> Result<*const c_char, Failure> {
            let string = next;
            // SAFETY: bounded by the mapping, whose tail is zero.
            unsafe {
                if string >= end {
                    return Err((0, libc::EINVAL));
                }
                next = string.add(libc::strnlen(string, end.offset_from_unsigned(string)) + 1);
            }
            Ok(string)
        };
        let program = take()?;
        let directory = if self.has_directory { take()? } else { ptr::null() };
        let mut place = pointers;
        for count in [self.arguments, self.variables] {
            for _ in 0..count {
                // SAFETY: there are `count` strings and two nulls, for which room was mapped.
                unsafe {
                    place.write(take()?);
                    place = place.add(1);
                }
            }
            // SAFETY: the null at the end was there before: the mapping is zeroed.
            place = unsafe { place.add(1) };
        }
        // SAFETY: within the mapping.
        Ok((program, directory, unsafe { pointers.add(self.arguments + 1) }))
    }
}

/// Mapped memory; unmapped when dropped.
struct Mapping {
    start: *mut c_void,
    length: usize,
}

impl Mapping {
    fn new(length: usize) -> Result<Self, Failure> {
        let start = map(length);
        if start.is_null() { Err((0, libc::ENOMEM)) } else { Ok(Self { start, length }) }
    }

    /// Maps an image that the host wrote, with at least one zero byte behind it.
    fn of(descriptor: c_int) -> Result<Self, Failure> {
        // SAFETY: asks for the length; the mapping is private, and the host has let go of the memory.
        unsafe {
            let mut about: libc::stat = mem::zeroed();
            if libc::fstat(descriptor, &raw mut about) < 0 {
                return Err((0, errno()));
            }
            let length = about.st_size as usize;
            let start =
                libc::mmap(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, descriptor, 0);
            if start == libc::MAP_FAILED { Err((0, errno())) } else { Ok(Self { start, length }) }
        }
    }

    fn end(&self) -> *mut c_void {
        // SAFETY: one past the end of the mapping.
        unsafe { self.start.byte_add(self.length) }
    }

    fn strings(&self) -> Result<Strings, Failure> {
        if self.length < HEAD_WORDS * size_of::<u64>() {
            return Err((0, libc::EINVAL));
        }
        // SAFETY: mappings are aligned to pages, and the head is within.
        let head = |word: usize| unsafe { self.start.cast::<u64>().add(word).read() } as usize;
        let (limits, has_directory, arguments, variables) = (head(0), head(1) != 0, head(2), head(3));
        // SAFETY: checked against the end when a string is taken.
        let first = unsafe { self.start.cast::<u64>().add(HEAD_WORDS + limits * 2).cast_const().cast() };
        Ok(Strings { first, limits, has_directory, arguments, variables, count: arguments + variables })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is this value's own mapping.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

/// The limit on open files that this process was born with. It does not change it, so it is also
/// what a child gets.
fn open_files() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes the limit.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit
}

fn errno() -> c_int {
    // SAFETY: errno is this thread's own.
    unsafe { *libc::__errno_location() }
}
