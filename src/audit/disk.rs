//! The file system as the log writes it: a seam, so that tests can make a disk fail on cue.
//!
//! It owns the calls that can lose data (write, sync, rename). Reading and locking use the standard library
//! where they are needed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The calls by which the log changes files.
pub trait Disk: std::fmt::Debug + Send + Sync {
    /// Makes a new, empty file, in place of one that is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a directory and those above it, where they are not there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Writes a file durably that its owner alone can read, whole or not at all; its directory is left to
    /// sync.
    ///
    /// # Errors
    /// Whatever the system says.
    fn create_secret(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Gives a file another name, in one step, in place of one that is there.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with the files in it.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file open for appending.
pub trait DiskFile: io::Write + Send {
    /// Makes what was written durable.
    ///
    /// # Errors
    /// Whatever the system says. What was written since the last success is then in an unknown state.
    fn sync_data(&mut self) -> io::Result<()>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

/// A call to the disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} `{}`: {source}", path.display())]
pub struct DiskError {
    /// What was tried, as a verb.
    pub operation: &'static str,
    /// On which file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes a file in place of one that is there, whole or not at all. Its directory is left to sync.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let draft = path.with_extension("tmp");
    let written = || -> Result<(), DiskError> {
        let mut file = disk.create(&draft).map_err(DiskError::of("create", &draft))?;
        file.write_all(bytes).map_err(DiskError::of("write", &draft))?;
        file.sync_data().map_err(DiskError::of("sync", &draft))?;
        disk.rename(&draft, path).map_err(DiskError::of("rename", &draft))
    };
    written().inspect_err(|_| {
        // On a full disk the draft's room is needed; when it cannot go, the next one takes its place.
        let _ = disk.remove(&draft);
    })
}

// === impl LocalDisk ===

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        // A fresh inode carries no error or page of the file that it replaces.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Records name people and proceedings: readable by the service and its group alone.
        let file = OpenOptions::new().append(true).create_new(true).mode(0o640).open(path)?;
        Ok(Box::new(file))
    }

    fn create_secret(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = path.with_extension("tmp");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o750).create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for File {
    fn sync_data(&mut self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

// === impl DiskError ===

impl DiskError {
    /// For `map_err`: names what was tried on which path.
    pub(super) fn of(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { operation, path: path.to_owned(), source }
    }
}
