//! The plain texts of masked fields, beside the log: one file for the entries of a bundle. They may be
//! erased, and nothing of the log needs them to be verified.
//!
//! ```text
//! file = (index:u64 length:u32 text)*      big-endian, by ascending index
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskError};
use super::error::ReadError;
use super::tile::TILE_WIDTH;

const DIRECTORY: &str = "private";
/// Held while a file is read, changed and written: the server adds texts, and another process erases some.
const LOCK: &str = "lock";

/// Texts by the index of their entry.
pub(super) type Texts = BTreeMap<u64, Vec<u8>>;

/// The file with the texts of the entries of a bundle.
pub(super) fn path(log: &Path, bundle: u64) -> PathBuf {
    log.join(DIRECTORY).join(bundle.to_string())
}

/// The texts of a bundle's entries; none where there is no file.
pub(super) fn read(log: &Path, bundle: u64) -> Result<Texts, ReadError> {
    let path = path(log, bundle);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Texts::new()),
        Err(error) => return Err(DiskError::of("read", &path)(error).into()),
    };
    let damaged =
        |rest: &[u8]| ReadError::Damaged { path: path.clone(), offset: (bytes.len() - rest.len()) as u64 };
    let mut texts = Texts::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (index, text, after) = text(rest).ok_or_else(|| damaged(rest))?;
        // By ascending index, and none of another bundle.
        let follows = texts.last_key_value().is_none_or(|(last, _)| *last < index);
        if !follows || index / TILE_WIDTH != bundle {
            return Err(damaged(rest));
        }
        texts.insert(index, text.to_vec());
        rest = after;
    }
    Ok(texts)
}

fn text(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (index, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((u64::from_be_bytes(*index), text, rest))
}

/// Changes the texts of a bundle's entries, durably and in one step. A file without texts goes.
pub(super) fn change(
    disk: &dyn Disk,
    log: &Path,
    bundle: u64,
    change: impl FnOnce(&mut Texts),
) -> Result<(), ReadError> {
    let directory = log.join(DIRECTORY);
    disk.create_dir(&directory).map_err(DiskError::of("create", &directory))?;
    let _lock = lock(&directory.join(LOCK))?;
    let path = path(log, bundle);
    let mut texts = read(log, bundle)?;
    change(&mut texts);
    if texts.is_empty() {
        match disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DiskError::of("remove", &path)(error).into());
            }
            _ => {}
        }
    } else {
        let mut bytes = Vec::new();
        for (index, text) in &texts {
            bytes.extend(index.to_be_bytes());
            // INVARIANT: a text is a part of a draft, whose length fits in 32 bits.
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text);
        }
        super::disk::replace(disk, &path, &bytes)?;
    }
    disk.sync_dir(&directory).map_err(DiskError::of("sync", &directory))?;
    disk.sync_dir(log).map_err(DiskError::of("sync", log))?;
    Ok(())
}

fn lock(path: &Path) -> Result<File, DiskError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
        .map_err(DiskError::of("create", path))?;
    file.lock().map_err(DiskError::of("lock", path))?;
    Ok(file)
}
