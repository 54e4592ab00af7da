//! The model: what the store should hold, in a few vectors, by the rules as they are told to users.

mod claims;

use std::collections::BTreeSet;

use shared_types::{
    ErrorCode,
    task::{Priority, Status},
};

use super::operations::{Change, Expected, New, Operation};

/// Fields of a task that a change can set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) status: Status,
    pub(crate) priority: Priority,
    pub(crate) tags: Vec<String>,
    pub(crate) parent: Option<usize>,
    pub(crate) depends_on: BTreeSet<usize>,
    pub(crate) assignee: Option<String>,
    pub(crate) completion_notes: Option<String>,
    pub(crate) completed_at: Option<i64>,
}

#[derive(Debug, Clone)]
enum Kind {
    Created,
    Deleted,
    Restored,
    Changed { before: Box<Fields>, after: Box<Fields>, note: Option<usize>, claimed: bool },
}

/// A change that can be undone.
#[derive(Debug, Clone)]
struct Entry {
    kind: Kind,
    undone: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) fields: Fields,
    pub(crate) version: i64,
    /// The deletion that took it along.
    pub(crate) deletion: Option<usize>,
    /// Each with a number of its own.
    pub(crate) notes: Vec<(usize, String)>,
    history: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Claim {
    task: usize,
    worker: String,
    expires: i64,
    active: bool,
}

/// What the store answers to a write.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reply {
    /// The task that was named or claimed, with its version.
    pub(crate) task: Option<(usize, i64)>,
    pub(crate) unblocked: BTreeSet<usize>,
    pub(crate) claim: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) tasks: Vec<Task>,
    claims: Vec<Claim>,
    now: i64,
    /// Numbers for notes and deletions.
    count: usize,
}

type Answer = Result<Reply, ErrorCode>;

impl Model {
    pub(crate) fn at(now: i64) -> Self {
        Self { now, ..Self::default() }
    }

    /// Carries out `operation`; after an error nothing is different.
    pub(crate) fn apply(&mut self, operation: &Operation) -> Answer {
        let mut next = self.clone();
        let answer = next.carry_out(operation);
        if answer.is_ok() {
            *self = next;
        }
        answer
    }

    /// The number of the task that is meant by `number`.
    pub(crate) fn task(&self, number: usize) -> usize {
        number % self.tasks.len()
    }

    /// The number of the claim that is meant, if there are any.
    pub(crate) fn claim(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.claims.len())
    }

    pub(crate) fn is_live(&self, task: usize) -> bool {
        self.tasks[task].deletion.is_none()
    }

    fn is_open(&self, task: usize) -> bool {
        self.is_live(task) && !self.tasks[task].fields.status.is_closed()
    }

    pub(crate) fn waiting_for(&self, task: usize) -> BTreeSet<usize> {
        self.tasks[task].fields.depends_on.iter().copied().filter(|other| self.is_open(*other)).collect()
    }

    pub(crate) fn is_ready(&self, task: usize) -> bool {
        self.is_live(task)
            && self.tasks[task].fields.status == Status::Todo
            && self.waiting_for(task).is_empty()
    }

    /// Live tasks in the order of the queue.
    pub(crate) fn queue(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut queue: Vec<usize> = (0..self.tasks.len()).filter(|task| wanted(*task)).collect();
        queue.sort_by_key(|task| (std::cmp::Reverse(self.tasks[*task].fields.priority), *task));
        queue
    }

    fn live(&self, task: usize) -> Result<usize, ErrorCode> {
        if self.is_live(task) { Ok(task) } else { Err(ErrorCode::NotFound) }
    }

    fn carry_out(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Create(tasks) => self.create(tasks),
            Operation::Update(task, change, expected) => self.update(self.task(*task), change, *expected),
            Operation::Complete(task, notes) => self.complete(self.task(*task), *notes),
            Operation::Delete(task) => Ok(self.delete(self.task(*task), false)),
            Operation::Restore(task) => Ok(self.restore(self.task(*task), false)),
            Operation::Undo(task) => self.undo(self.task(*task)),
            Operation::Claim(Some(task), worker) => self.claim_named(self.task(*task), &name(*worker)),
            Operation::Claim(None, worker) => Ok(self.claim_next(&name(*worker))),
            Operation::Keep(number) => self.keep(*number),
            Operation::Release(number) => self.release(*number),
            Operation::Wait(seconds) => {
                self.now += seconds * 1000;
                Ok(Reply::default())
            }
        }
    }

    fn reply(&self, task: usize) -> Reply {
        Reply { task: Some((task, self.tasks[task].version)), ..Reply::default() }
    }

    fn create(&mut self, tasks: &[New]) -> Answer {
        let stored = self.tasks.len();
        for new in tasks {
            let all = self.tasks.len();
            // Only what was there before the call can be deleted; all of it is looked up while it is.
            let parent = new.parent.filter(|_| all > 0).map(|parent| self.live(parent % all)).transpose()?;
            let depends_on: Result<_, _> =
                new.depends_on.iter().filter(|_| all > 0).map(|other| self.live(other % all)).collect();
            let fields = Fields {
                title: format!("task {all}"),
                description: None,
                status: new.status,
                priority: new.priority,
                tags: Vec::new(),
                parent,
                depends_on: depends_on?,
                assignee: None,
                completion_notes: None,
                completed_at: (new.status == Status::Done).then_some(self.now),
            };
            self.tasks.push(Task::new(fields));
            for _ in 0..new.subtasks {
                self.tasks.push(Task::new(Fields {
                    title: format!("task {}", self.tasks.len()),
                    description: None,
                    status: Status::Todo,
                    priority: Priority::Normal,
                    tags: Vec::new(),
                    parent: Some(all),
                    depends_on: BTreeSet::new(),
                    assignee: None,
                    completion_notes: None,
                    completed_at: None,
                }));
            }
        }
        debug_assert!(self.tasks.len() > stored);
        Ok(Reply::default())
    }

    fn update(&mut self, task: usize, change: &Change, expected: Expected) -> Answer {
        if change.is_empty() {
            return Err(ErrorCode::InvalidValue);
        }
        self.live(task)?;
        if matches!(expected, Expected::AnOlderOne) {
            return Err(ErrorCode::VersionConflict);
        }
        let before = self.tasks[task].fields.clone();
        let mut after = before.clone();
        change.title.inspect(|title| after.title = format!("title {title}"));
        change.description.inspect(|text| after.description = text.map(|text| format!("text {text}")));
        change.status.inspect(|status| after.status = *status);
        change.priority.inspect(|priority| after.priority = *priority);
        change.tag.inspect(|tag| after.tags = vec![format!("tag {tag}")]);
        if let Some(numbers) = &change.depends_on {
            let named = numbers.iter().map(|number| self.task(*number));
            let known =
                |other: usize| if before.depends_on.contains(&other) { Ok(other) } else { self.live(other) };
            after.depends_on = named.map(known).collect::<Result<_, _>>()?;
        }
        match change.parent {
            Some(Some(parent)) => after.parent = Some(self.live(self.task(parent))?),
            Some(None) => after.parent = None,
            None => {}
        }
        let note = change.note.map(|note| {
            self.count += 1;
            self.tasks[task].notes.push((self.count, format!("note {note}")));
            self.count
        });
        self.save(task, after, note, false, false)
    }

    /// Brings `task` to the state `after`. Nothing is written when nothing differs, unless it `must`.
    fn save(
        &mut self,
        task: usize,
        mut after: Fields,
        note: Option<usize>,
        claimed: bool,
        must: bool,
    ) -> Answer {
        let before = self.tasks[task].fields.clone();
        match after.status {
            Status::Done if before.status != Status::Done && after.completed_at.is_none() => {
                after.completed_at = Some(self.now);
            }
            Status::Done => {}
            _ => after.completed_at = None,
        }
        if before == after && note.is_none() && !claimed && !must {
            return Ok(self.reply(task));
        }
        self.check_links(task, &before, &after)?;
        if before.status == Status::Doing && after.status != Status::Doing {
            self.end_claim(task);
        }
        self.tasks[task].fields = after.clone();
        self.tasks[task].version += 1;
        if !must {
            let kind =
                Kind::Changed { before: before.clone().into(), after: after.clone().into(), note, claimed };
            self.tasks[task].history.push(Entry { kind, undone: false });
        }
        let closed = !before.status.is_closed() && after.status.is_closed();
        let unblocked = if closed { self.unblocked_by(task) } else { BTreeSet::new() };
        Ok(Reply { unblocked, ..self.reply(task) })
    }

    fn check_links(&self, task: usize, before: &Fields, after: &Fields) -> Result<(), ErrorCode> {
        let up = |task: usize| self.tasks[task].fields.parent;
        let mut line = after.parent.filter(|_| before.parent != after.parent);
        while let Some(above) = line {
            if above == task {
                return Err(ErrorCode::Cycle);
            }
            line = up(above);
        }
        let mut ahead: Vec<usize> = after.depends_on.difference(&before.depends_on).copied().collect();
        let mut seen = BTreeSet::new();
        while let Some(other) = ahead.pop() {
            if other == task {
                return Err(ErrorCode::Cycle);
            }
            if seen.insert(other) {
                ahead.extend(&self.tasks[other].fields.depends_on);
            }
        }
        Ok(())
    }

    fn unblocked_by(&self, closed: usize) -> BTreeSet<usize> {
        let waits =
            |task: &usize| self.tasks[*task].fields.depends_on.contains(&closed) && self.is_ready(*task);
        (0..self.tasks.len()).filter(waits).collect()
    }

    fn complete(&mut self, task: usize, notes: Option<u8>) -> Answer {
        self.live(task)?;
        let mut after = self.tasks[task].fields.clone();
        if after.status == Status::Done {
            return Ok(self.reply(task));
        }
        if self.active(task).is_some_and(|claim| claim.expires > self.now) {
            return Err(ErrorCode::AlreadyClaimed);
        }
        after.status = Status::Done;
        after.completion_notes = notes.map(|notes| format!("done {notes}")).or(after.completion_notes);
        self.save(task, after, None, false, false)
    }

    /// Marks the deletion or restoration of `task`, the `root` of it perhaps as an undoing.
    fn mark(&mut self, task: usize, kind: Kind, undoing: bool) {
        let task = &mut self.tasks[task];
        task.version += 1;
        if undoing {
            task.undone();
        } else {
            task.history.push(Entry { kind, undone: false });
        }
    }

    fn delete(&mut self, root: usize, undoing: bool) -> Reply {
        if !self.is_live(root) {
            return self.reply(root);
        }
        self.count += 1;
        let mut subtree = BTreeSet::from([root]);
        loop {
            let below = |task: &usize| {
                self.is_live(*task)
                    && self.tasks[*task].fields.parent.is_some_and(|above| subtree.contains(&above))
            };
            let found: Vec<usize> = (0..self.tasks.len()).filter(below).collect();
            let known = subtree.len();
            subtree.extend(found);
            if subtree.len() == known {
                break;
            }
        }
        for task in &subtree {
            self.end_claim(*task);
            self.tasks[*task].deletion = Some(self.count);
            self.mark(*task, Kind::Deleted, undoing && *task == root);
        }
        let open = |task: &&usize| !self.tasks[**task].fields.status.is_closed();
        let unblocked = subtree.iter().filter(open).flat_map(|task| self.unblocked_by(*task)).collect();
        Reply { unblocked, ..self.reply(root) }
    }

    fn restore(&mut self, root: usize, undoing: bool) -> Reply {
        if let Some(deletion) = self.tasks[root].deletion {
            for task in 0..self.tasks.len() {
                if self.tasks[task].deletion == Some(deletion) {
                    self.tasks[task].deletion = None;
                    self.mark(task, Kind::Restored, undoing && task == root);
                }
            }
        }
        self.reply(root)
    }

    fn undo(&mut self, task: usize) -> Answer {
        let Some(entry) = self.tasks[task].history.iter().rev().find(|entry| !entry.undone) else {
            return Err(ErrorCode::NothingToUndo);
        };
        match entry.kind.clone() {
            Kind::Created | Kind::Restored => Ok(self.delete(task, true)),
            Kind::Deleted => Ok(self.restore(task, true)),
            Kind::Changed { before, after, note, claimed } => {
                self.tasks[task].notes.retain(|(number, _)| Some(*number) != note);
                if claimed {
                    self.end_claim(task);
                }
                let mut fields = self.tasks[task].fields.clone();
                fields.take_back(&before, &after);
                let reply = self.save(task, fields, None, false, true)?;
                self.tasks[task].undone();
                Ok(reply)
            }
        }
    }
}

impl Task {
    fn new(fields: Fields) -> Self {
        let created = Entry { kind: Kind::Created, undone: false };
        Self { fields, version: 1, deletion: None, notes: Vec::new(), history: vec![created] }
    }

    /// Marks the last change that was not undone.
    fn undone(&mut self) {
        if let Some(entry) = self.history.iter_mut().rev().find(|entry| !entry.undone) {
            entry.undone = true;
        }
    }
}

impl Fields {
    /// Sets each field that differs between `before` and `after` to what it was before.
    fn take_back(&mut self, before: &Self, after: &Self) {
        macro_rules! each {
            ($($field:ident),+) => {$(
                if before.$field != after.$field {
                    self.$field = before.$field.clone();
                }
            )+};
        }
        each!(title, description, status, priority, tags, parent, depends_on, assignee, completion_notes);
        each!(completed_at);
    }
}

impl Change {
    fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.description.is_none()
            && self.status.is_none()
            && self.priority.is_none()
            && self.tag.is_none()
            && self.parent.is_none()
            && self.depends_on.is_none()
            && self.note.is_none()
    }
}

/// The name of a worker.
pub(crate) fn name(worker: u8) -> String {
    format!("worker {worker}")
}
