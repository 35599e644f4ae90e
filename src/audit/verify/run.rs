//! One verification, from the checkpoint to the journal.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::contents::Contents;
use super::fault::{Faults, Problem};
use super::texts::{Texts, masked};
use super::tree::Tree;
use super::{Entries, Expected, Inspect, Report, VerifyError, Witnessed, files, former};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::error::ReadError;
use crate::audit::journal::{self, Ragged};
use crate::audit::merkle::{Hash, Hashes as _, leaf_hash};
use crate::audit::note::NoteError;
use crate::audit::private;
use crate::audit::tile::{self, TILE_WIDTH, Tile, Tiles};
use crate::domain::{LogEntry, Masked};

/// A log that is being verified.
pub(super) struct Run<'a> {
    log: PathBuf,
    /// Where the journal is; absent: the log was copied without it.
    data: Option<PathBuf>,
    bytes: Vec<u8>,
    checkpoint: Checkpoint,
    expected: &'a Expected,
    inspect: Inspect,
    found: Found,
}

/// What was found so far.
struct Found {
    /// Absent before the first bundle that is there.
    first_kept: Option<u64>,
    entries: Entries,
    contents: Contents,
    /// Masked fields of the entries of the bundle that is being read, by entry.
    masked: BTreeMap<u64, Vec<Masked>>,
    texts: Texts,
    faults: Faults,
    /// Faults of what entries say: they mean something where the entries are the tree's alone.
    said: Faults,
    remarks: Vec<String>,
}

// === impl Run ===

impl<'a> Run<'a> {
    pub(super) fn open(dir: &Path, expected: &'a Expected, inspect: Inspect) -> Result<Self, VerifyError> {
        let (log, data) = files::places(dir);
        let path = log.join(files::CHECKPOINT);
        let bytes = fs::read(&path)
            .map_err(|error| VerifyError::Unreadable { path: path.clone(), cause: error.to_string() })?;
        let checked = std::str::from_utf8(&bytes)
            .map_err(|_| NoteError::Note("it is not UTF-8"))
            .and_then(str::parse::<Checkpoint>)
            .and_then(|checkpoint| checkpoint.check(&expected.key).map(|()| checkpoint));
        let checkpoint = checked.map_err(|source| VerifyError::Checkpoint { path, source })?;
        let found = Found {
            first_kept: None,
            entries: Entries::default(),
            contents: Contents::new(0),
            masked: BTreeMap::new(),
            texts: Texts::default(),
            faults: Faults::default(),
            said: Faults::default(),
            remarks: Vec::new(),
        };
        Ok(Self { log, data, bytes, checkpoint, expected, inspect, found })
    }

    pub(super) fn checkpoint_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn checkpoint_path(&self) -> PathBuf {
        self.log.join(files::CHECKPOINT)
    }

    pub(super) fn run(mut self, progress: &mut dyn FnMut(u64, u64)) -> Report {
        let size = self.checkpoint.size;
        let log = self.log.clone();
        let mut tree = Tree::new(&log, size);
        let mut unread = false;
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let hashes = self.bundle(index);
            // Of a bundle that is damaged nobody knows which texts belong to it.
            unread = hashes.is_none() && self.found.first_kept.is_some();
            tree.push(index, hashes, &mut self.found.faults);
            if (index + 1).saturating_mul(TILE_WIDTH) <= size && !unread {
                self.texts(index);
            }
            progress((index + 1).saturating_mul(TILE_WIDTH).min(size), size);
        }
        tree.finish(&self.checkpoint_path(), &self.checkpoint.root, &mut self.found.faults);
        let first_kept = self.found.first_kept.unwrap_or(size);
        let end = self.journal();
        for index in size / TILE_WIDTH..end.div_ceil(TILE_WIDTH) {
            if !unread || index > size / TILE_WIDTH {
                self.texts(index);
            }
        }
        if let Some(first) = self.found.contents.open() {
            self.found.said.add(first, &log, Problem::Digest { entry: first });
        }
        let cosigned = self.cosigned();
        let (witnessed, unverified) = self.signatures(cosigned.as_ref().map(|(_, checkpoint)| checkpoint));
        let former = self.expected.former.iter().chain(&cosigned);
        let found = &mut self.found;
        let extends = former::check(&log, &self.checkpoint, &self.expected.key, former, &mut found.faults);
        files::check(
            &log,
            (first_kept, size, end),
            self.expected.whole,
            &mut found.faults,
            &mut found.remarks,
        );
        let faults = match found.faults.is_empty() {
            true => std::mem::take(&mut found.said),
            false => std::mem::take(&mut found.faults),
        };
        let (faults, more_faults) = faults.finish();
        Report {
            log,
            checkpoint: self.checkpoint,
            first_kept,
            entries: self.found.entries,
            pending: end - size,
            texts: self.found.texts,
            extends,
            witnessed,
            unverified,
            remarks: self.found.remarks,
            faults,
            more_faults,
        }
    }

    /// Reads a bundle; the hashes of its entries, or nothing where it was pruned or is damaged.
    fn bundle(&mut self, index: u64) -> Option<Vec<Hash>> {
        let tile = Tile::Entries { index };
        let (size, first) = (self.checkpoint.size, index * TILE_WIDTH);
        let width = tile.width(size);
        let path = self.log.join(tile.path(width));
        let (path, bytes) = match tile.read(&self.log, size) {
            Ok(Some(read)) => read,
            Ok(None) => {
                // What is missing from the beginning on was pruned.
                if self.found.first_kept.is_some() {
                    self.found.faults.add(first, &path, Problem::Missing);
                }
                return None;
            }
            Err(error) => {
                self.found.begin(first);
                self.found.faults.add(first, &path, Problem::Unreadable(error.source.to_string()));
                return None;
            }
        };
        self.found.begin(first);
        // The full form holds more than this tree has of it.
        let whole = if path.ends_with(tile.path(width)) { width } else { TILE_WIDTH };
        let entries = tile::entries(&bytes).filter(|entries| entries.len() as u64 == whole);
        let Some(entries) = entries else {
            let bad = self.first_bad(first..first + width, &bytes);
            let problem = format!("it is not {whole} entries, and goes wrong at entry {bad}");
            self.found.faults.add(bad, &path, Problem::Damaged(problem));
            return None;
        };
        let mut hashes = Vec::with_capacity(entries.len());
        for (index, entry) in (first..size).zip(entries) {
            hashes.push(leaf_hash(entry));
            self.found.entry(index, entry, &path, &self.inspect);
        }
        Some(hashes)
    }

    /// Which entry of a bundle that has not its form is the first wrong one, by the tile of its hashes.
    fn first_bad(&self, range: Range<u64>, bundle: &[u8]) -> u64 {
        let tiles = Tiles::new(&self.log, self.checkpoint.size);
        let (entries, _) = tile::whole_entries(bundle);
        let first = range.start;
        let sound = range
            .zip(entries)
            .take_while(|(index, entry)| tiles.subtree(0, *index).is_ok_and(|hash| hash == leaf_hash(entry)));
        first + sound.count() as u64
    }

    /// Holds the journal against the log, and reads on where the log ends; gives where the journal ends.
    fn journal(&mut self) -> u64 {
        let size = self.checkpoint.size;
        let Some(data) = self.data.clone() else { return size };
        let directory = data.join("journal");
        let tiles = Tiles::new(&self.log, size);
        let reader = match journal::read(&data) {
            Ok(reader) => reader,
            Err(error) => {
                self.found.journal(&directory, &error);
                return size;
            }
        };
        if let Some(found) = reader.first().filter(|first| *first > size) {
            self.found.faults.add(size, &directory, Problem::Gap { expected: size, found });
            return size;
        }
        let mut end = size;
        for leaf in reader {
            let (index, leaf) = match leaf {
                Ok(leaf) => leaf,
                Err(error) => {
                    self.found.journal(&directory, &error);
                    break;
                }
            };
            if index < size {
                if tiles.subtree(0, index).is_ok_and(|hash| hash != leaf.hash) {
                    self.found.faults.add(index, &directory, Problem::Journal { entry: index });
                }
                continue;
            }
            self.found.entry(index, &leaf.payload, &directory, &self.inspect);
            if !leaf.private.is_empty() {
                let texts = BTreeMap::from([(index, leaf.private)]);
                let masked = self.found.masked.get(&index).cloned().unwrap_or_default();
                // They are counted by the file that they go to.
                let fields = BTreeMap::from([(index, masked)]);
                let mut counted = Texts::default();
                counted.check(&directory, &fields, &texts, &self.inspect, &mut self.found.faults);
            }
            end = index + 1;
        }
        for ragged in settled(&data) {
            let problem = format!("bytes from offset {} on are no whole write", ragged.offset);
            if ragged.last {
                self.found.faults.add(end, &ragged.path, Problem::Damaged(problem));
            } else {
                let remark = format!(
                    "`{}`: {problem}; what follows in the next segment takes their place",
                    ragged.path.display()
                );
                self.found.remarks.push(remark);
            }
        }
        end
    }

    /// Checks the plain texts of a bundle's entries, all of which were read.
    fn texts(&mut self, index: u64) {
        let path = private::path(&self.log, index);
        let later = self.found.masked.split_off(&((index + 1) * TILE_WIDTH));
        let mut entries = std::mem::replace(&mut self.found.masked, later);
        match private::read(&self.log, index) {
            Ok(mut texts) => {
                // What no checkpoint covers has its texts in the journal, and may have them here already.
                let pending = texts.split_off(&self.checkpoint.size);
                let uncovered = entries.split_off(&self.checkpoint.size);
                let (inspect, faults) = (&self.inspect, &mut self.found.faults);
                Texts::default().check(&path, &uncovered, &pending, inspect, faults);
                self.found.texts.check(&path, &entries, &texts, inspect, faults);
            }
            Err(error) => {
                self.found.faults.add(index * TILE_WIDTH, &path, Problem::Damaged(error.to_string()))
            }
        }
    }

    /// The newest checkpoint that witnesses signed, where it is kept by itself: the log must extend it too.
    fn cosigned(&mut self) -> Option<(String, Checkpoint)> {
        let path = self.log.join(files::COSIGNED);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes).map_err(|_| NoteError::Note("it is not UTF-8")),
            Err(_) => return None,
        };
        match text.and_then(|text| text.parse()) {
            Ok(checkpoint) => Some((format!("`{}`", path.display()), checkpoint)),
            Err(error) => {
                self.found.faults.add(None, &path, Problem::Damaged(error.to_string()));
                None
            }
        }
    }

    /// Which witnesses signed, and whose signatures nobody verified.
    fn signatures(&mut self, cosigned: Option<&Checkpoint>) -> (Vec<Witnessed>, Vec<String>) {
        let path = self.log.join(if cosigned.is_some() { files::COSIGNED } else { files::CHECKPOINT });
        let signed = cosigned.unwrap_or(&self.checkpoint);
        let note = &signed.note;
        let mut witnessed = Vec::new();
        for witness in &self.expected.witnesses {
            match witness.check(note) {
                Ok(time) => {
                    let name = witness.name().to_owned();
                    witnessed.push(Witnessed { name, time: time.unwrap_or_default(), size: signed.size });
                }
                Err(error) => self.found.faults.add(None, &path, Problem::Unsigned(error.to_string())),
            }
        }
        let known = |signature| {
            self.expected.key.made(signature) || self.expected.witnesses.iter().any(|key| key.made(signature))
        };
        let unverified = note.signatures.iter().filter(|signature| !known(signature));
        (witnessed, unverified.map(|signature| signature.name.clone()).collect())
    }
}

/// Where the journal's bytes are no whole write. One that a server is just making is waited for.
fn settled(data: &Path) -> Vec<Ragged> {
    // A second in all: a group is written in less.
    const LOOKS: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(50);
    let mut looks = 1;
    loop {
        let ragged = journal::ragged(data).unwrap_or_default();
        if looks == LOOKS || !ragged.iter().any(|ragged| ragged.last) || !journal::is_written(data) {
            return ragged;
        }
        looks += 1;
        std::thread::sleep(PAUSE);
    }
}

// === impl Found ===

impl Found {
    /// The first bundle that is there begins with that entry.
    fn begin(&mut self, first: u64) {
        if self.first_kept.is_none() {
            self.first_kept = Some(first);
            self.contents = Contents::new(first);
        }
    }

    /// Reads an entry.
    fn entry(&mut self, index: u64, bytes: &[u8], path: &Path, inspect: &Inspect) {
        self.begin(index);
        let entry = match (inspect.entry)(bytes) {
            Ok(entry) => entry,
            Err(cause) => return self.said.add(index, path, Problem::Entry { entry: index, cause }),
        };
        let count = match &entry {
            LogEntry::Decision(decided) if decided.hypothetical => &mut self.entries.enquiries,
            LogEntry::Decision(_) => &mut self.entries.decisions,
            LogEntry::Outcome(..) => &mut self.entries.outcomes,
            LogEntry::Content(_) => &mut self.entries.contents,
        };
        *count += 1;
        self.contents.take(index, &entry, path, &mut self.said);
        let masked = masked(&entry);
        if !masked.is_empty() {
            self.masked.insert(index, masked.to_vec());
        }
    }

    fn journal(&mut self, directory: &Path, error: &ReadError) {
        self.faults.add(None, directory, Problem::Damaged(error.to_string()));
    }
}
