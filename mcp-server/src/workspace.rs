//! The workspace: the directory whose tasks an assistant works on.
//!
//! Two assistants in one project must find the same store, wherever in the project they were
//! started, so the search goes by what marks a project's root and says why it chose.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The directory inside a workspace that holds everything of ours.
pub const STATE_DIR: &str = ".vespera";

/// A workspace and why it is the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    root: PathBuf,
    reason: Reason,
}

/// Why a directory is the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// `--workspace` or `BINDERY_WORKSPACE` names it.
    Named,
    /// It is the nearest directory with a `.vespera`.
    State,
    /// It is the nearest directory with a `.git`.
    Repository,
    /// The nearest `.git` belongs to a worktree of the repository there.
    MainCheckout,
    /// Nothing marks a project, so it is where the process was started.
    CurrentDirectory,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named by --workspace or BINDERY_WORKSPACE",
            Self::State => "nearest directory with a .vespera",
            Self::Repository => "nearest directory with a .git",
            Self::MainCheckout => "main checkout of this git worktree",
            Self::CurrentDirectory => "the current directory: no .vespera or .git above it",
        })
    }
}

impl Workspace {
    /// The workspace named, or else the one around `cwd`.
    ///
    /// `home` is never chosen from below: a stray `~/.git` or `~/.vespera` would otherwise gather
    /// the tasks of every unrelated directory.
    ///
    /// # Errors
    /// When the directory does not exist or cannot be read.
    pub fn find(named: Option<&Path>, cwd: &Path, home: Option<&Path>) -> io::Result<Self> {
        if let Some(named) = named {
            return Ok(Self { root: directory(&cwd.join(named))?, reason: Reason::Named });
        }
        let cwd = directory(cwd)?;
        let home = home.and_then(|home| home.canonicalize().ok());
        for root in cwd.ancestors() {
            if home.as_deref() == Some(root) && root != cwd {
                break;
            }
            if let Some((root, reason)) = marked(root) {
                return Ok(Self { root, reason });
            }
        }
        Ok(Self { root: cwd, reason: Reason::CurrentDirectory })
    }

    /// The directory itself, canonical.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Why it was chosen.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The directory that holds everything of ours.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join(STATE_DIR)
    }

    /// The database that a backend of this workspace keeps.
    pub fn database(&self) -> PathBuf {
        self.state_dir().join("tasks.db")
    }

    /// The operator's roles, which need not exist.
    pub fn roles(&self) -> PathBuf {
        self.state_dir().join("roles.toml")
    }

    /// Creates the state directory, closed to other users and ignored by git.
    ///
    /// # Errors
    /// When the directory or its `.gitignore` cannot be written.
    pub fn prepare(&self) -> io::Result<PathBuf> {
        use std::os::unix::fs::DirBuilderExt;

        let state = self.state_dir();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&state)?;
        match fs::File::create_new(state.join(".gitignore")) {
            Ok(mut file) => io::Write::write_all(&mut file, b"*\n")?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(state)
    }
}

/// `path`, canonical, if it is a directory.
fn directory(path: &Path) -> io::Result<PathBuf> {
    let path = path.canonicalize()?;
    if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// The workspace that `root` marks, if it marks one.
fn marked(root: &Path) -> Option<(PathBuf, Reason)> {
    if root.join(STATE_DIR).is_dir() {
        return Some((root.to_owned(), Reason::State));
    }
    let git = root.join(".git");
    if git.is_file()
        && let Some(main) = main_checkout(root, &git)
    {
        return Some((main, Reason::MainCheckout));
    }
    git.exists().then(|| (root.to_owned(), Reason::Repository))
}

/// The main checkout of the worktree whose `.git` file this is. Worktrees of one repository are
/// one project, so they share its tasks. A submodule's `.git` is a file too, but its git directory
/// has no `commondir`: it is a project of its own.
fn main_checkout(worktree: &Path, git_file: &Path) -> Option<PathBuf> {
    let pointer = fs::read_to_string(git_file).ok()?;
    let git_dir = worktree.join(pointer.strip_prefix("gitdir:")?.trim());
    let common = fs::read_to_string(git_dir.join("commondir")).ok()?;
    let common = git_dir.join(common.trim()).canonicalize().ok()?;
    if common.file_name()? != ".git" {
        return None;
    }
    common.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with the given subdirectories, canonical as the search returns it.
    fn tree(directories: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let temporary = tempfile::tempdir().unwrap();
        for directory in directories {
            fs::create_dir_all(temporary.path().join(directory)).unwrap();
        }
        let root = temporary.path().canonicalize().unwrap();
        (temporary, root)
    }

    fn find(cwd: &Path) -> (PathBuf, Reason) {
        let found = Workspace::find(None, cwd, None).unwrap();
        (found.root, found.reason)
    }

    #[test]
    fn a_named_workspace_wins_and_may_be_relative() {
        let (_temporary, root) = tree(&["project/.git", "other"]);
        let found = Workspace::find(Some(Path::new("../other")), &root.join("project"), None).unwrap();
        assert_eq!((found.root(), found.reason()), (root.join("other").as_path(), Reason::Named));
    }

    #[test]
    fn a_named_workspace_must_be_a_directory() {
        let (_temporary, root) = tree(&[]);
        fs::write(root.join("file"), "").unwrap();
        for name in ["missing", "file"] {
            assert!(Workspace::find(Some(Path::new(name)), &root, None).is_err(), "{name}");
        }
    }

    #[test]
    fn the_nearest_mark_wins() {
        let (_temporary, root) = tree(&["a/.git", "a/b/.vespera", "a/b/c", "a/d"]);
        assert_eq!(find(&root.join("a/b/c")), (root.join("a/b"), Reason::State));
        assert_eq!(find(&root.join("a/d")), (root.join("a"), Reason::Repository));
    }

    #[test]
    fn an_unmarked_directory_is_its_own_workspace() {
        let (_temporary, root) = tree(&["home/plain"]);
        let home = root.join("home");
        let found = Workspace::find(None, &home.join("plain"), Some(&home)).unwrap();
        assert_eq!((found.root, found.reason), (home.join("plain"), Reason::CurrentDirectory));
    }

    #[test]
    fn home_is_chosen_only_when_started_there() {
        let (_temporary, root) = tree(&["home/.git", "home/.vespera", "home/notes"]);
        let home = root.join("home");
        let from = |cwd: &Path| Workspace::find(None, cwd, Some(&home)).unwrap().root;
        assert_eq!(from(&home.join("notes")), home.join("notes"));
        assert_eq!(from(&home), home);
    }

    fn worktree(root: &Path) {
        fs::write(root.join("tree/.git"), format!("gitdir: {}/main/.git/worktrees/tree\n", root.display()))
            .unwrap();
        fs::write(root.join("main/.git/worktrees/tree/commondir"), "../..\n").unwrap();
    }

    #[test]
    fn a_worktree_shares_the_tasks_of_its_main_checkout() {
        let (_temporary, root) = tree(&["main/.git/worktrees/tree", "tree/src"]);
        worktree(&root);
        assert_eq!(find(&root.join("tree/src")), (root.join("main"), Reason::MainCheckout));
    }

    #[test]
    fn a_worktree_with_its_own_state_keeps_it() {
        let (_temporary, root) = tree(&["main/.git/worktrees/tree", "tree/.vespera"]);
        worktree(&root);
        assert_eq!(find(&root.join("tree")), (root.join("tree"), Reason::State));
    }

    #[test]
    fn a_submodule_is_a_project_of_its_own() {
        let (_temporary, root) = tree(&["main/.git/modules/sub", "main/sub"]);
        fs::write(root.join("main/sub/.git"), "gitdir: ../.git/modules/sub\n").unwrap();
        assert_eq!(find(&root.join("main/sub")), (root.join("main/sub"), Reason::Repository));
    }

    #[test]
    fn the_state_directory_is_private_and_ignored_by_git() {
        use std::os::unix::fs::PermissionsExt;

        let (_temporary, root) = tree(&[]);
        let workspace = Workspace::find(Some(&root), &root, None).unwrap();
        for _ in 0..2 {
            let state = workspace.prepare().unwrap();
            assert_eq!(state.metadata().unwrap().permissions().mode() & 0o777, 0o700);
            assert_eq!(fs::read_to_string(state.join(".gitignore")).unwrap(), "*\n");
        }
    }
}
