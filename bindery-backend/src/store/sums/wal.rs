//! Reading SQLite's write-ahead log: which pages it holds, as SQLite itself would find them.
//!
//! The log is a head of 32 bytes and frames of 24 bytes and a page. Each frame has the salts of the head,
//! and a sum over the head and all frames up to it. SQLite takes the frames up to the last commit before
//! the first one that does not fit: see <https://www.sqlite.org/fileformat2.html#walformat>.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

pub(super) const HEAD_BYTES: usize = 32;
pub(super) const FRAME_HEAD_BYTES: usize = 24;

/// The first word of a log whose sums take words with the little end first; with one more, the big end.
const MAGIC: u32 = 0x377f_0682;

const READ_BYTES: usize = 1 << 20;

/// Which log it is. A log that is begun again has the next number and other salts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogId {
    /// How often it was begun again since its file was made.
    pub(super) sequence: u32,
    pub(super) salts: [u32; 2],
}

impl LogId {
    /// Whether this log was begun when all of `former` was folded in.
    pub(super) fn follows(self, former: Self) -> bool {
        (self.sequence, self.salts[0]) == (former.sequence.wrapping_add(1), former.salts[0].wrapping_add(1))
    }
}

/// What a log holds.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) id: LogId,
    pub(super) page_size: u32,
    /// The frames up to the last commit.
    pub(super) frames: u32,
    /// The pages of the database after that commit; 0 when there is none.
    pub(super) database_pages: u32,
    /// The pages that these frames hold.
    pub(super) covered: HashSet<u32>,
    /// A frame that does not fit, with a whole commit and more behind it: it was synced before those were
    /// written, if every commit is.
    pub(super) gap: Option<u32>,
}

/// What lies where the log should be.
#[derive(Debug)]
pub(super) enum Found {
    Absent,
    /// A file in which no frame can be.
    Empty,
    /// A file with frames whose head says nothing. The head is synced before the first frame is written,
    /// so no crash leaves this.
    HeadDamaged,
    Log(Log),
}

/// Reads the log at `path`.
pub(super) fn read(path: &Path) -> io::Result<Found> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Absent),
        file => file?,
    };
    if file.metadata()?.len() <= HEAD_BYTES as u64 {
        return Ok(Found::Empty);
    }
    let mut file = BufReader::with_capacity(READ_BYTES, file);
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head)?;
    let Some((head, sum)) = Head::read(&head) else { return Ok(Found::HeadDamaged) };
    scan(&mut file, head, sum).map(Found::Log)
}

/// The number of the log at `path` and the size of its pages.
pub(super) fn read_head(file: &mut File) -> io::Result<Option<(LogId, u32)>> {
    let mut head = [0; HEAD_BYTES];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    Ok(Head::read(&head).map(|(head, _)| (head.id, head.page_size)))
}

/// The number of the page in a frame, and the size of the database if it ends a commit; `None` for a frame
/// of another log.
pub(super) fn read_frame_head(frame: &[u8], id: LogId) -> Option<(u32, u32)> {
    let [page, commit, salts @ ..] = [0, 4, 8, 12].map(|at| word(frame, at));
    (page > 0 && salts == id.salts).then_some((page, commit))
}

struct Head {
    id: LogId,
    page_size: u32,
    big_end_first: bool,
}

impl Head {
    fn read(bytes: &[u8; HEAD_BYTES]) -> Option<(Self, [u32; 2])> {
        let [magic, _version, page_size, sequence, salt, other_salt, sum, other_sum] =
            [0, 4, 8, 12, 16, 20, 24, 28].map(|at| word(bytes, at));
        let big_end_first = magic == MAGIC | 1;
        let size_is_one = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        if (magic != MAGIC && !big_end_first) || !size_is_one {
            return None;
        }
        let found = add(big_end_first, [0, 0], bytes.get(..24)?);
        let id = LogId { sequence, salts: [salt, other_salt] };
        (found == [sum, other_sum]).then_some((Self { id, page_size, big_end_first }, found))
    }
}

fn scan(file: &mut impl Read, head: Head, mut sum: [u32; 2]) -> io::Result<Log> {
    let Head { id, page_size, big_end_first } = head;
    let mut log = Log { id, page_size, frames: 0, database_pages: 0, covered: HashSet::new(), gap: None };
    let mut frame = vec![0; FRAME_HEAD_BYTES + page_size as usize];
    let (mut uncommitted, mut first_misfit, mut commit_before) = (Vec::new(), None, false);
    for number in 1.. {
        match file.read_exact(&mut frame) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        // The sum goes on from what the frame before says, so that one misfit does not hide those behind it.
        let (parts, data) = frame.split_at(FRAME_HEAD_BYTES);
        let found = add(big_end_first, add(big_end_first, sum, parts.get(..8).unwrap_or_default()), data);
        sum = [word(parts, 16), word(parts, 20)];
        let fitting = read_frame_head(parts, id).filter(|_| found == sum);
        match (fitting, first_misfit) {
            (Some((page, commit)), None) => {
                uncommitted.push(page);
                if commit > 0 {
                    (log.frames, log.database_pages) = (number, commit);
                    log.covered.extend(uncommitted.drain(..));
                }
            }
            (Some(_), Some(misfit)) if commit_before => {
                log.gap = Some(misfit);
                break;
            }
            (Some(_), Some(_)) => {}
            (None, _) => first_misfit = first_misfit.or(Some(number)),
        }
        commit_before = fitting.is_some_and(|(_, commit)| commit > 0);
    }
    Ok(log)
}

/// The word at `at`, which has its big end first; 0 where there is none.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_be_bytes(*word))
}

/// Adds `bytes`, a multiple of 8, to the sum of what stands before them.
fn add(big_end_first: bool, sum: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let read = if big_end_first { u32::from_be_bytes } else { u32::from_le_bytes };
    let (pairs, _) = bytes.as_chunks::<8>();
    pairs.iter().fold(sum, |[one, other], &[a, b, c, d, e, f, g, h]| {
        let one = one.wrapping_add(read([a, b, c, d])).wrapping_add(other);
        [one, other.wrapping_add(read([e, f, g, h])).wrapping_add(one)]
    })
}
