//! What is found in one text, and how a change is carried out.

use std::{borrow::Cow, ops::Range};

/// A change to a text: the bytes in `range` become `with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) rule: &'static str,
    pub(super) with: &'static str,
}

/// Something a reader should know about that stays as it is: the first of its rule in a text,
/// and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) range: Range<usize>,
    pub(super) rule: &'static str,
    pub(super) count: usize,
}

/// Counts what was found, with its rule, into `flags`.
pub(super) fn count(flags: &mut Vec<Flag>, found: impl Iterator<Item = (Range<usize>, &'static str)>) {
    for (range, rule) in found {
        match flags.iter_mut().find(|flag| flag.rule == rule) {
            Some(flag) => flag.count += 1,
            None => flags.push(Flag { range, rule, count: 1 }),
        }
    }
}

/// What is found in a text. Ranges are bytes of the text as it was given; changes are in their
/// order and do not overlap.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inspection {
    pub(super) changes: Vec<Change>,
    pub(super) flags: Vec<Flag>,
}

impl Inspection {
    pub(super) const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.flags.is_empty()
    }
}

/// `text` with its changes made.
pub(super) fn apply<'a>(text: &'a str, changes: &[Change]) -> Cow<'a, str> {
    if changes.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut changed = String::with_capacity(text.len() + 8 * changes.len());
    let mut copied = 0;
    for change in changes {
        changed.push_str(&text[copied..change.range.start]);
        changed.push_str(change.with);
        copied = change.range.end;
    }
    changed.push_str(&text[copied..]);
    Cow::Owned(changed)
}

/// Turns ranges of a text without `removed` into ranges of the text with them.
pub(super) struct Shift<'a> {
    removed: std::slice::Iter<'a, Change>,
    next: Option<&'a Change>,
    by: usize,
}

impl<'a> Shift<'a> {
    pub(super) fn new(removed: &'a [Change]) -> Self {
        let mut removed = removed.iter();
        Self { next: removed.next(), removed, by: 0 }
    }

    /// Ranges hold something, and come in the order of their starts.
    pub(super) fn range(&mut self, range: &Range<usize>) -> Range<usize> {
        let start = self.offset(range.start);
        // The last byte is looked at and not the one after it: what was removed right behind
        // the range is no part of it.
        let last = Self { removed: self.removed.clone(), ..*self }.offset(range.end - 1);
        start..last + 1
    }

    fn offset(&mut self, offset: usize) -> usize {
        while let Some(change) = self.next.filter(|change| change.range.start <= offset + self.by) {
            self.by += change.range.len();
            self.next = self.removed.next();
        }
        offset + self.by
    }
}
