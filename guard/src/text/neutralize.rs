//! The default: only what would act is changed, and only as much as stops it.

use super::{
    content::Content,
    controls,
    inspection::{Change, Inspection, Shift, apply, count},
    invisible, markup, patterns,
};

/// What is to be changed in `text`, and what a reader should know about.
pub(super) fn inspect(text: &str) -> Inspection {
    let content = Content::of(text);
    let removals = if content.controls { controls::removals(text) } else { Vec::new() };
    let clean = apply(text, &removals);
    let mut found = Inspection::default();
    if content.beyond_ascii {
        count(&mut found.flags, invisible::runs(&clean));
    }
    count(&mut found.flags, patterns::matches(&clean));
    if content.markup {
        found.changes = markup::escapes(&clean);
    }
    if removals.is_empty() { found } else { onto_the_original(removals, found) }
}

/// Puts the ranges of `clean`, which was found in the text without `removals`, where they are in
/// the text with them.
fn onto_the_original(removals: Vec<Change>, mut clean: Inspection) -> Inspection {
    clean.flags.sort_by_key(|flag| flag.range.start);
    let mut shift = Shift::new(&removals);
    for flag in &mut clean.flags {
        flag.range = shift.range(&flag.range);
    }
    let mut shift = Shift::new(&removals);
    for change in &mut clean.changes {
        change.range = shift.range(&change.range);
    }
    clean.changes.extend(removals);
    clean.changes.sort_by_key(|change| change.range.start);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_text_as_it_was_sent() {
        let text = "\0<scr\0ipt> é\0 {\x07{ x";
        let inspection = inspect(text);
        let changed: Vec<_> =
            inspection.changes.iter().map(|change| (&text[change.range.clone()], change.with)).collect();
        assert_eq!(changed, [("\0", ""), ("<", "&lt;"), ("\0", ""), ("\0", ""), ("\x07", "")]);
        assert_eq!(apply(text, &inspection.changes), "&lt;script> é {{ x");
        assert_eq!(&text[inspection.flags[0].range.clone()], "{\x07{");
    }
}
