//! Takes the oldest entries out of a log, and keeps their hashes: every checkpoint and proof is as good as
//! before, and what is kept can still be verified.

use std::fs;
use std::path::{Path, PathBuf};

use super::dir::LogDir;
use super::disk::{self, Disk as _, DiskError, LocalDisk};
use super::entry::CONTENT_WINDOW;
use super::error::ReadError;
use super::private;
use super::tile::{TILE_WIDTH, Tile};

/// What was pruned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The first entry that is kept now.
    pub first: u64,
    /// Bundles of entries that were removed.
    pub bundles: u64,
    /// Files of plain texts that were removed or made shorter.
    pub texts: u64,
}

/// The first entry that is kept where what is before an index may go: contents that later entries name stand
/// up to a window before them, and bundles go whole.
#[must_use]
pub fn first_kept(before: u64) -> u64 {
    before.saturating_sub(CONTENT_WINDOW) / TILE_WIDTH * TILE_WIDTH
}

// === impl LogDir ===

impl LogDir {
    /// Removes what is before an entry: plain texts of masked fields all of it, entries but for the last
    /// 65,536, whose contents later ones name. A server may be running.
    ///
    /// # Errors
    /// [`ReadError`]: files cannot be removed. What is left goes with the next call.
    pub fn prune(&self, before: u64) -> Result<Pruned, ReadError> {
        let covered = self.checkpoint()?.map_or(0, |checkpoint| checkpoint.size);
        let before = before.min(covered);
        let first = first_kept(before).max(self.first()?);
        let log = self.log();
        if first > 0 {
            // Readers are told before the first file goes.
            disk::replace(&LocalDisk, &self.pruned(), format!("{first}\n").as_bytes())?;
            LocalDisk.sync_dir(&log).map_err(DiskError::of("sync", &log))?;
        }
        let mut pruned = Pruned { first, ..Pruned::default() };
        for path in files(&log.join("tile/entries"))? {
            let tile = path.strip_prefix(&log).ok().and_then(Tile::parse);
            if let Some((Tile::Entries { index }, _)) = tile
                && index < first / TILE_WIDTH
            {
                fs::remove_file(&path).map_err(DiskError::of("remove", &path))?;
                pruned.bundles += 1;
            }
        }
        for path in files(&log.join("private"))? {
            let bundle = path.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
            if let Some(bundle) = bundle.filter(|bundle| bundle.saturating_mul(TILE_WIDTH) < before) {
                private::change(&LocalDisk, &log, bundle, |texts| texts.retain(|index, _| *index >= before))?;
                pruned.texts += 1;
            }
        }
        Ok(pruned)
    }
}

/// The files below a folder; none where there is no folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut open = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        if !folder.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(DiskError::of("list", &folder))? {
            let path = entry.map_err(DiskError::of("list", &folder))?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
