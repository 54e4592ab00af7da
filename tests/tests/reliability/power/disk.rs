//! A disk that forgets what was not synced: the recorder's log, replayed to any moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The disk writes these bytes as one.
const SECTOR: usize = 512;

/// One call of the recorded process.
pub(crate) struct Record {
    /// Where in the log the record ends: the moment from which the call was done.
    pub(crate) end: usize,
    path: String,
    call: Call,
}

#[derive(Clone)]
enum Call {
    Created,
    Written { offset: usize, data: Vec<u8> },
    Truncated(usize),
    Synced,
    Renamed(String),
    Unlinked,
}

/// Reads the log of `recorder.c`. The last record may be cut off.
pub(crate) fn read_log(log: &[u8]) -> Vec<Record> {
    const HEAD: usize = 17;
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&log[at..at + length]);
        usize::try_from(u64::from_le_bytes(bytes)).unwrap()
    };
    let mut records = Vec::new();
    let mut at = 0;
    while at + HEAD <= log.len() {
        let (path_length, offset, length) = (number(at + 1, 4), number(at + 5, 8), number(at + 13, 4));
        let (path_at, data_at) = (at + HEAD, at + HEAD + path_length);
        let end = data_at + length;
        if end > log.len() {
            break;
        }
        let call = match log[at] {
            b'c' => Call::Created,
            b'w' => Call::Written { offset, data: log[data_at..end].to_vec() },
            b't' => Call::Truncated(offset),
            b's' => Call::Synced,
            b'r' => Call::Renamed(String::from_utf8(log[data_at..end].to_vec()).unwrap()),
            b'u' => Call::Unlinked,
            other => panic!("a record of kind {other}"),
        };
        records.push(Record { end, path: String::from_utf8(log[path_at..data_at].to_vec()).unwrap(), call });
        at = end;
    }
    records
}

/// A file: what is safe, and what the system still holds.
#[derive(Clone, Default)]
struct File {
    safe: Vec<u8>,
    held: Vec<Call>,
}

/// The disk below one folder.
#[derive(Default)]
pub(crate) struct Disk {
    folder: String,
    files: Vec<File>,
    /// The files by name, as a running system shows them, and as they would be found after a loss of
    /// power. A name is safe once its folder was synced.
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_str().unwrap().to_owned(), ..Self::default() }
    }

    /// Carries out one call.
    pub(crate) fn apply(&mut self, record: &Record) {
        if record.path == self.folder {
            self.safe_names = self.names.clone();
            return;
        }
        match &record.call {
            Call::Created => {
                self.names.insert(record.path.clone(), self.files.len());
                self.files.push(File::default());
            }
            Call::Renamed(to) => {
                if let Some(file) = self.names.remove(&record.path) {
                    self.names.insert(to.clone(), file);
                }
            }
            Call::Unlinked => {
                self.names.remove(&record.path);
            }
            call => {
                // Only sockets and the like are used without having been created.
                let Some(file) = self.names.get(&record.path) else { return };
                let file = &mut self.files[*file];
                match call {
                    Call::Synced => file.held.drain(..).for_each(|call| carry_out(&mut file.safe, &call)),
                    call => file.held.push(call.clone()),
                }
            }
        }
    }

    /// Writes into `folder` what is found after the power was lost just now: all that is safe, and of
    /// the rest what chance leaves.
    pub(crate) fn lose_power(&self, folder: &Path, chance: &mut fastrand::Rng) {
        let kept = f64::from(chance.u8(0..=10)) / 10.0;
        let names: BTreeSet<&String> = self.names.keys().chain(self.safe_names.keys()).collect();
        for name in names {
            let (now, safe) = (self.names.get(name), self.safe_names.get(name));
            let Some(file) = (if now == safe || chance.f64() < kept { now } else { safe }) else { continue };
            let content = self.files[*file].after_loss(kept, chance);
            fs::write(folder.join(Path::new(name).file_name().unwrap()), content).unwrap();
        }
    }
}

impl File {
    /// Each sector of each write that was not synced is there or not, in any order.
    fn after_loss(&self, kept: f64, chance: &mut fastrand::Rng) -> Vec<u8> {
        let mut survivors: Vec<Call> =
            self.held.iter().flat_map(sectors).filter(|_| chance.f64() < kept).collect();
        if chance.bool() {
            chance.shuffle(&mut survivors);
        }
        let mut content = self.safe.clone();
        survivors.iter().for_each(|call| carry_out(&mut content, call));
        content
    }
}

fn carry_out(content: &mut Vec<u8>, call: &Call) {
    match call {
        Call::Written { offset, data } => {
            let end = offset + data.len();
            content.resize(content.len().max(end), 0);
            content[*offset..end].copy_from_slice(data);
        }
        Call::Truncated(length) => content.resize(*length, 0),
        Call::Created | Call::Synced | Call::Renamed(_) | Call::Unlinked => {}
    }
}

/// The parts of a call that reach the disk each on its own.
fn sectors(call: &Call) -> Vec<Call> {
    let Call::Written { offset, data } = call else { return vec![call.clone()] };
    let mut parts = Vec::new();
    let mut from = 0;
    while from < data.len() {
        let to = data.len().min(from + SECTOR - (offset + from) % SECTOR);
        parts.push(Call::Written { offset: offset + from, data: data[from..to].to_vec() });
        from = to;
    }
    parts
}
