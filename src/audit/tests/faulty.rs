//! A disk that fails on cue, counts its syncs, and knows what a power cut would leave.
//!
//! It keeps a model beside the real files: for each file the bytes written and the bytes on the platter, for
//! the directory the names given and the names on the platter. A failed sync marks the bytes clean without
//! putting them on the platter, as a kernel does, so that a second sync would succeed and prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use crate::audit::{Disk, DiskFile, LocalDisk};

#[derive(Clone, Debug, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

/// What goes wrong. The default is nothing.
#[derive(Debug, Default)]
pub struct Faults {
    /// Bytes that can yet be written.
    pub room: Option<usize>,
    /// Most bytes that one write takes.
    pub longest_write: Option<usize>,
    /// Nothing can be changed.
    pub read_only: bool,
    /// Every sync of data fails.
    pub syncs_fail: bool,
    /// These syncs of data fail, counted from 1 since the disk was made.
    pub failing_syncs: BTreeSet<u64>,
    /// So many syncs of the directory fail.
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
    syncs: u64,
    stall: Option<(mpsc::Sender<()>, mpsc::Receiver<()>)>,
    files: Vec<Contents>,
    names: BTreeMap<PathBuf, usize>,
    platter_names: BTreeMap<PathBuf, usize>,
}

#[derive(Debug, Default)]
struct Contents {
    written: Vec<u8>,
    platter: Vec<u8>,
}

struct FaultyFile {
    disk: FaultyDisk,
    inode: usize,
    real: Box<dyn DiskFile>,
}

// === impl FaultyDisk ===

impl FaultyDisk {
    /// Changes what goes wrong from now on.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state().faults);
    }

    /// Syncs of data so far, failed ones too.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Stops the next sync of data: the receiver tells that it is there, and dropping the sender lets it go.
    pub fn stall(&self) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (arrived_tx, arrived_rx) = mpsc::channel();
        let (release_tx, release_rx) = mpsc::channel();
        self.state().stall = Some((arrived_tx, release_rx));
        (arrived_rx, release_tx)
    }

    /// Writes what a power cut would leave now as the journal of another data directory.
    ///
    /// `late_names`: names that were not synced made it all the same.
    pub fn power_cut(&self, data: &Path, unsynced: Unsynced, late_names: bool) {
        let state = self.state();
        std::fs::create_dir_all(data.join("journal")).unwrap();
        let names = if late_names { &state.names } else { &state.platter_names };
        for (path, inode) in names {
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
            std::fs::write(data.join("journal").join(path.file_name().unwrap()), left).unwrap();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn check_writable(&self) -> io::Result<()> {
        if self.state().faults.read_only { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.check_writable()?;
        let real = LocalDisk.create(path)?;
        let mut state = self.state();
        let inode = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(path.to_owned(), inode);
        Ok(Box::new(FaultyFile { disk: self.clone(), inode, real }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_writable()?;
        LocalDisk.rename(from, to)?;
        let mut state = self.state();
        let inode = state.names.remove(from).unwrap();
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check_writable()?;
        LocalDisk.remove(path)?;
        self.state().names.remove(path);
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.faults.failing_dir_syncs > 0 {
            state.faults.failing_dir_syncs -= 1;
            return Err(io::Error::other("directory not synced"));
        }
        state.platter_names = state.names.clone();
        Ok(())
    }
}

// === impl FaultyFile ===

impl io::Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.check_writable()?;
        let mut state = self.disk.state();
        let room = state.faults.room.unwrap_or(usize::MAX);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = bytes.len().min(room).min(state.faults.longest_write.unwrap_or(usize::MAX));
        self.real.write_all(&bytes[..count])?;
        state.files[self.inode].written.extend(&bytes[..count]);
        if let Some(room) = &mut state.faults.room {
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
        let stall = self.disk.state().stall.take();
        if let Some((arrived_tx, release_rx)) = stall {
            arrived_tx.send(()).ok();
            // Nothing is ever sent: this ends when the test drops its sender.
            release_rx.recv().ok();
        }
        let mut state = self.disk.state();
        state.syncs += 1;
        let fails = state.faults.syncs_fail || state.faults.failing_syncs.contains(&state.syncs);
        let Contents { written, platter } = &mut state.files[self.inode];
        if fails {
            platter.resize(written.len(), 0);
            return Err(io::Error::other("data not synced"));
        }
        platter.extend_from_slice(&written[platter.len()..]);
        Ok(())
    }
}
