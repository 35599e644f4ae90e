//! A disk that fails on cue, counts its syncs, and knows what a power cut would leave.
//!
//! It keeps a model beside the real files: for each file the bytes written and the bytes on the platter, for
//! each directory the names given and the names on the platter. A failed sync marks the bytes clean without
//! putting them on the platter, as a kernel does, so that a second sync would succeed and prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use crate::audit::{Disk, DiskFile, LocalDisk};

#[derive(Clone, Debug, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

/// A part of the data directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Area {
    /// `journal/`.
    #[default]
    Journal,
    /// All but that: tiles, checkpoint, key.
    Log,
    /// Everything.
    Whole,
}

/// What goes wrong. The default is nothing.
#[derive(Debug, Default)]
pub struct Faults {
    /// And where.
    pub area: Area,
    /// Bytes that can yet be written.
    pub room: Option<usize>,
    /// Most bytes that one write takes.
    pub longest_write: Option<usize>,
    /// Nothing can be changed.
    pub read_only: bool,
    /// Every sync of data fails.
    pub syncs_fail: bool,
    /// These syncs of data fail, counted in the area from 1 since the disk was made.
    pub failing_syncs: BTreeSet<u64>,
    /// So many syncs of directories fail.
    pub failing_dir_syncs: u32,
}

/// What is left of bytes that were not synced when the power went.
#[derive(Clone, Copy, Debug)]
pub enum Unsynced {
    /// The first so many.
    Prefix(usize),
    /// All but the first so many, which read as zeros.
    Hole(usize),
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    /// Syncs of data: in the journal, and elsewhere.
    syncs: [u64; 2],
    stall: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    platter_names: BTreeMap<PathBuf, usize>,
    dirs: BTreeSet<PathBuf>,
    platter_dirs: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Contents {
    written: Vec<u8>,
    platter: Vec<u8>,
}

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    inode: usize,
    real: Box<dyn DiskFile>,
}

// === impl FaultyDisk ===

impl FaultyDisk {
    /// Changes what goes wrong from now on.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// Syncs of data in an area so far, failed ones too.
    pub fn syncs(&self, area: Area) -> u64 {
        self.state().syncs(area)
    }

    /// Stops the next sync of the journal's data: the receiver tells that it is there, and dropping the sender lets it go.
    pub fn stall(&self) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (arrived_tx, arrived_rx) = mpsc::channel();
        let (release_tx, release_rx) = mpsc::channel();
        self.state().stall = Some((arrived_tx, release_rx));
        (arrived_rx, release_tx)
    }

    /// Writes what a power cut would leave now of one data directory as another.
    ///
    /// `late_names`: names that were not synced made it all the same.
    pub fn power_cut(&self, from: &Path, to: &Path, unsynced: Unsynced, late_names: bool) {
        let state = self.state();
        let (names, dirs) = match late_names {
            true => (&state.names, &state.dirs),
            false => (&state.platter_names, &state.platter_dirs),
        };
        for (path, inode) in names {
            // It is found only where every directory on the way to it is.
            let above = path.parent().unwrap().ancestors().take_while(|above| *above != from);
            if !above.into_iter().all(|above| dirs.contains(above)) {
                continue;
            }
            let Contents { written, platter } = &state.files[*inode];
            let dirty = &written[platter.len()..];
            let mut left = platter.clone();
            match unsynced {
                Unsynced::Prefix(count) => left.extend(&dirty[..count.min(dirty.len())]),
                Unsynced::Hole(count) => {
                    let hole = count.min(dirty.len());
                    left.extend(std::iter::repeat_n(0, hole));
                    left.extend(&dirty[hole..]);
                }
            }
            let copy = to.join(path.strip_prefix(from).unwrap());
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::write(copy, left).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn check_writable(&self, path: &Path) -> io::Result<()> {
        let state = self.state();
        if state.hits(path) && state.faults.read_only {
            Err(io::ErrorKind::ReadOnlyFilesystem.into())
        } else {
            Ok(())
        }
    }
}

// === impl State ===

fn is_journal(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "journal")
}

impl State {
    /// Whether what goes wrong goes wrong there.
    fn hits(&self, path: &Path) -> bool {
        match self.faults.area {
            Area::Journal => is_journal(path),
            Area::Log => !is_journal(path),
            Area::Whole => true,
        }
    }

    fn syncs(&self, area: Area) -> u64 {
        let [journal, log] = self.syncs;
        match area {
            Area::Journal => journal,
            Area::Log => log,
            Area::Whole => journal + log,
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check_writable(path)?;
        let mut state = self.state();
        let real = LocalDisk.create(path)?;
        let inode = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(path.to_owned(), inode);
        Ok(Box::new(FaultyFile { disk: self.clone(), path: path.to_owned(), inode, real }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<_> = path.ancestors().take_while(|above| !above.exists()).collect();
        if !missing.is_empty() {
            self.check_writable(path)?;
        }
        LocalDisk.create_dir(path)?;
        self.state().dirs.extend(missing.into_iter().map(Path::to_owned));
        Ok(())
    }

    fn create_secret(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.check_writable(path)?;
        LocalDisk.create_secret(path, bytes)?;
        let mut state = self.state();
        let inode = state.files.len();
        state.files.push(Contents { written: bytes.to_vec(), platter: bytes.to_vec() });
        state.names.insert(path.to_owned(), inode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_writable(to)?;
        let mut state = self.state();
        LocalDisk.rename(from, to)?;
        let inode = state.names.remove(from).unwrap();
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check_writable(path)?;
        let mut state = self.state();
        LocalDisk.remove(path)?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.check_writable(path)?;
        let mut state = self.state();
        LocalDisk.remove_dir(path)?;
        state.names.retain(|name, _| !name.starts_with(path));
        state.dirs.retain(|dir| !dir.starts_with(path));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.hits(dir) && state.faults.failing_dir_syncs > 0 {
            state.faults.failing_dir_syncs -= 1;
            return Err(io::Error::other("directory not synced"));
        }
        let State { names, platter_names, dirs, platter_dirs, .. } = &mut *state;
        let is_in = |path: &Path| path.parent() == Some(dir);
        platter_names.retain(|name, _| !is_in(name));
        platter_names
            .extend(names.iter().filter(|(name, _)| is_in(name)).map(|(name, inode)| (name.clone(), *inode)));
        platter_dirs.retain(|name| !is_in(name));
        platter_dirs.extend(dirs.iter().filter(|name| is_in(name)).cloned());
        Ok(())
    }
}

// === impl FaultyFile ===

impl io::Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.check_writable(&self.path)?;
        let mut state = self.disk.state();
        let hit = state.hits(&self.path);
        let room = state.faults.room.filter(|_| hit).unwrap_or(usize::MAX);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let longest = state.faults.longest_write.filter(|_| hit).unwrap_or(usize::MAX);
        let count = bytes.len().min(room).min(longest);
        self.real.write_all(&bytes[..count])?;
        state.files[self.inode].written.extend(&bytes[..count]);
        if let Some(room) = state.faults.room.as_mut().filter(|_| hit) {
            *room -= count;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn sync_data(&mut self) -> io::Result<()> {
        let stall = if is_journal(&self.path) { self.disk.state().stall.take() } else { None };
        if let Some((arrived_tx, release_rx)) = stall {
            arrived_tx.send(()).ok();
            // Nothing is ever sent: this ends when the test drops its sender.
            release_rx.recv().ok();
        }
        let mut state = self.disk.state();
        state.syncs[usize::from(!is_journal(&self.path))] += 1;
        let count = state.syncs(state.faults.area);
        let fails = state.hits(&self.path)
            && (state.faults.syncs_fail || state.faults.failing_syncs.contains(&count));
        let Contents { written, platter } = &mut state.files[self.inode];
        if fails {
            platter.resize(written.len(), 0);
            return Err(io::Error::other("data not synced"));
        }
        platter.extend_from_slice(&written[platter.len()..]);
        Ok(())
    }
}
