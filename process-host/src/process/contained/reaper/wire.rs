//! What the host and the reaper say to each other.
//!
//! Requests travel as packets over a socket pair, descriptors beside them. Each child has a pipe of
//! its own on which the reaper answers: first whether it started, then how it ended.

/// Start a child. Beside it travel the descriptors of [`Descriptor`], the optional ones if their flag
/// is set.
pub(super) const START: u32 = 1;
/// Send a signal to the process group of a child.
pub(super) const SIGNAL: u32 = 2;

/// A request of the host.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Request {
    /// [`START`] or [`SIGNAL`].
    pub(super) kind: u32,
    /// Which optional descriptors travel with it: a set of `1 << Descriptor`.
    pub(super) present: u32,
    /// The host's name for the child.
    pub(super) token: u64,
    /// The signal's number.
    pub(super) signal: i32,
    pub(super) reserved: i32,
}

/// Descriptors that travel with [`START`], in this order.
#[repr(u32)]
#[derive(Clone, Copy)]
pub(super) enum Descriptor {
    /// Where to answer.
    Answers = 0,
    /// The [`Image`](super::super::image::Image) in memory.
    Image = 1,
    Stdin = 2,
    Stdout = 3,
    Stderr = 4,
    /// What the child gets as descriptor 3.
    Extra = 5,
    /// A Landlock rule set to be confined by.
    Ruleset = 6,
    /// The `cgroup.procs` of a control group to join.
    ControlGroup = 7,
}

/// Descriptors that travel at most.
pub(super) const MAX_DESCRIPTORS: usize = 8;

/// The child runs; `value` is its process id.
pub(super) const STARTED: i32 = 1;
/// It does not; `value` is the system's error, `step` where it came up.
pub(super) const FAILED: i32 = 2;
/// It ended; `value` is what `wait` said.
pub(super) const ENDED: i32 = 3;

/// An answer of the reaper.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Answer {
    /// [`STARTED`], [`FAILED`] or [`ENDED`].
    pub(super) kind: i32,
    pub(super) value: i32,
    pub(super) step: i32,
}

/// Bytes of an [`Answer`].
pub(super) const ANSWER_LENGTH: usize = size_of::<Answer>();

impl Answer {
    /// Reads an answer from its bytes.
    pub(super) fn from_bytes(bytes: [u8; ANSWER_LENGTH]) -> Self {
        let word = |at: usize| i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { kind: word(0), value: word(4), step: word(8) }
    }
}

/// Where starting a child can fail, as the reaper counts.
pub(super) const STEPS: [&str; 9] = [
    "start it",
    "make its process group",
    "connect its standard streams",
    "join its control group",
    "set its limits",
    "enter its directory",
    "confine it",
    "close what it must not inherit",
    "run it",
];

/// Bytes of a [`Request`].
pub(super) const REQUEST_LENGTH: usize = size_of::<Request>();

impl Request {
    /// The bytes as they travel.
    pub(super) fn to_bytes(self) -> [u8; REQUEST_LENGTH] {
        let mut bytes = [0; REQUEST_LENGTH];
        let parts: [&[u8]; 4] = [
            &self.kind.to_ne_bytes(),
            &self.present.to_ne_bytes(),
            &self.token.to_ne_bytes(),
            &self.signal.to_ne_bytes(),
        ];
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        bytes
    }
}
