//! Where in an input one is.

use std::fmt;

/// A place in a JSON document, shown as `tasks[3].title`. It lives on the stack of whoever walks
/// the document and is written out only where something is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The document itself, shown as nothing.
    Root,
    /// A member of an object.
    Key(&'a Path<'a>, &'a str),
    /// An item of an array.
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    /// Whether it is shown as nothing: the document itself, or a member with no name.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            Self::Root => true,
            Self::Key(parent, key) => key.is_empty() && parent.is_nothing(),
            Self::Index(..) => false,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) if parent.is_nothing() => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_a_caller_would_write_it() {
        let tasks = Path::Key(&Path::Root, "tasks");
        let task = Path::Index(&tasks, 3);
        assert_eq!(Path::Key(&task, "title").to_string(), "tasks[3].title");
        assert_eq!(Path::Key(&tasks, "title").to_string(), "tasks.title");
        assert_eq!(Path::Index(&Path::Root, 0).to_string(), "[0]");
        assert_eq!(Path::Root.to_string(), "");
        let nameless = Path::Key(&Path::Root, "");
        assert!(nameless.is_nothing() && !task.is_nothing());
        assert_eq!(Path::Key(&nameless, "title").to_string(), "title");
    }
}
