//! What a sequence may ask of the store. Tasks and claims are named by a number that is taken modulo
//! how many there are, so that every sequence means something, also while it is made smaller.

use proptest::{collection::vec, option, prelude::*};
use shared_types::task::{Priority, Status};

/// A task to be created.
#[derive(Debug, Clone)]
pub(crate) struct New {
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) parent: Option<usize>,
    /// Among the tasks that are there and those before it in the same call.
    pub(crate) depends_on: Vec<usize>,
    /// How many tasks stand in it.
    pub(crate) subtasks: usize,
}

/// Which version the caller says it has read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    Nothing,
    TheVersion,
    AnOlderOne,
}

/// The fields of an update; what is `None` is kept.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) title: Option<u8>,
    pub(crate) description: Option<Option<u8>>,
    pub(crate) status: Option<Status>,
    pub(crate) priority: Option<Priority>,
    pub(crate) tag: Option<u8>,
    pub(crate) parent: Option<Option<usize>>,
    pub(crate) depends_on: Option<Vec<usize>>,
    pub(crate) note: Option<u8>,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Create(Vec<New>),
    Update(usize, Change, Expected),
    Complete(usize, Option<u8>),
    Delete(usize),
    Restore(usize),
    Undo(usize),
    /// The task, or the next one; and the worker.
    Claim(Option<usize>, u8),
    Keep(usize),
    Release(usize),
    /// Seconds go by.
    Wait(i64),
}

/// An operation, and whether the same request is sent again.
pub(crate) type Step = (Operation, bool);

pub(crate) fn sequence() -> impl Strategy<Value = Vec<Step>> {
    let first = vec(new(), 2..5).prop_map(|tasks| (Operation::Create(tasks), false));
    (first, vec((operation(), prop::bool::weighted(0.1)), 14..25)).prop_map(|(first, mut steps)| {
        steps.insert(0, first);
        steps
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        2 => vec(new(), 1..4).prop_map(Operation::Create),
        5 => (number(), change(), expected()).prop_map(|(task, change, expected)| {
            Operation::Update(task, change, expected)
        }),
        2 => (number(), option::of(0..3_u8)).prop_map(|(task, notes)| Operation::Complete(task, notes)),
        2 => number().prop_map(Operation::Delete),
        2 => number().prop_map(Operation::Restore),
        4 => number().prop_map(Operation::Undo),
        3 => (option::of(number()), 0..2_u8).prop_map(|(task, worker)| Operation::Claim(task, worker)),
        1 => number().prop_map(Operation::Keep),
        1 => number().prop_map(Operation::Release),
        1 => (1..1500_i64).prop_map(Operation::Wait),
    ]
}

fn number() -> impl Strategy<Value = usize> {
    0..8_usize
}

fn status() -> impl Strategy<Value = Status> {
    use Status::{Blocked, Cancelled, Doing, Done, Todo};
    prop_oneof![4 => Just(Todo), 1 => Just(Doing), 2 => Just(Done), 1 => Just(Blocked), 1 => Just(Cancelled)]
}

fn priority() -> impl Strategy<Value = Priority> {
    use Priority::{High, Low, Normal, Urgent};
    prop_oneof![Just(Normal), Just(Low), Just(High), Just(Urgent)]
}

fn expected() -> impl Strategy<Value = Expected> {
    prop_oneof![4 => Just(Expected::Nothing), 1 => Just(Expected::TheVersion), 1 => Just(Expected::AnOlderOne)]
}

fn new() -> impl Strategy<Value = New> {
    let links = (option::weighted(0.3, number()), vec(number(), 0..3));
    (status(), priority(), links, 0..3_usize).prop_map(
        |(status, priority, (parent, depends_on), subtasks)| New {
            status,
            priority,
            parent,
            depends_on,
            subtasks: subtasks.saturating_sub(1),
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let texts = (option::weighted(0.3, 0..3_u8), option::weighted(0.2, option::of(0..3_u8)));
    let words = (option::weighted(0.4, status()), option::weighted(0.2, priority()));
    let links =
        (option::weighted(0.2, option::weighted(0.8, number())), option::weighted(0.3, vec(number(), 0..3)));
    let rest = (option::weighted(0.2, 0..3_u8), option::weighted(0.3, 0..3_u8));
    (texts, words, links, rest).prop_map(|(texts, words, links, rest)| Change {
        title: texts.0,
        description: texts.1,
        status: words.0,
        priority: words.1,
        tag: rest.0,
        parent: links.0,
        depends_on: links.1,
        note: rest.1,
    })
}
