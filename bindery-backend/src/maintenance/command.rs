//! The command lines.

use std::path::PathBuf;

use clap::Subcommand;

/// A command on the store.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Write the whole store as lines of JSON.
    ///
    /// Everything there is: projects, tasks, notes, documents, claims and the whole history. The same
    /// store gives the same bytes, so that exports can be compared. A backend may run meanwhile.
    #[command(
        after_help = "Try:  bindery-backend export tasks.jsonl\n      bindery-backend export | gzip > tasks.jsonl.gz"
    )]
    Export {
        /// The file to write; standard output when not given, or `-`.
        file: Option<PathBuf>,
        /// Replace the file if it is there.
        #[arg(long)]
        force: bool,
    },
    /// Read an export into the store.
    ///
    /// Rows are matched by id. What is not there is added; of two versions of a row the later one
    /// wins; of two that parted the store's own stays, and is told. All is taken or nothing. The
    /// store is made if there is none. No backend may run.
    #[command(
        after_help = "Try:  bindery-backend import tasks.jsonl --dry-run\n      gunzip -c tasks.jsonl.gz | bindery-backend import -"
    )]
    Import {
        /// The file to read; `-` is standard input.
        file: PathBuf,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copy the database, while it is in use.
    ///
    /// The copy is the database at one moment, complete and on the disk when this returns. A backend
    /// makes such copies by itself, in .vespera/backups (BINDERY_BACKUP_EVERY).
    #[command(after_help = "Try:  bindery-backend backup ~/tasks-before-the-move.db")]
    Backup {
        /// The file to write.
        file: PathBuf,
        /// Replace the file if it is there.
        #[arg(long)]
        force: bool,
    },
    /// Put a backup in the place of the database.
    ///
    /// The backup is checked first. The present database is not removed: it is set aside, and you are
    /// told where. No backend may run.
    #[command(
        after_help = "Try:  ls .vespera/backups\n      bindery-backend restore .vespera/backups/tasks-20260301T120000Z.db"
    )]
    Restore {
        /// The backup.
        file: PathBuf,
    },
    /// Look for damage. Exit status 1 says that there is some.
    ///
    /// Checks every page, every reference, and whether counts and indexes agree with the rows. A
    /// backend may run; without one, full-text indexes are compared with their texts as well.
    Check {
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give back the space of what was removed.
    ///
    /// Writes the database anew, for which it needs as much room again. No backend may run.
    Vacuum {
        /// Report as JSON.
        #[arg(long)]
        json: bool,
    },
}
