//! The files of a log that are not read by the way: those of former trees, and those that do not belong there.

use std::fs;
use std::path::{Path, PathBuf};

use super::fault::{Faults, Problem};
use crate::audit::tile::{TILE_WIDTH, Tile};

/// The checkpoint, below the log's folder.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The newest checkpoint that witnesses signed, too.
pub(super) const COSIGNED: &str = "cosigned";
/// Where it is written that the log was pruned.
const PRUNED: &str = "pruned";

/// The log's folder, and the data directory that it is in; nothing in place of that where it was copied alone.
pub(super) fn places(dir: &Path) -> (PathBuf, Option<PathBuf>) {
    let log = dir.join("log");
    if !log.is_dir() {
        return (dir.to_owned(), None);
    }
    (log, Some(dir.to_owned()).filter(|data| data.join("journal").is_dir()))
}

/// Checks every file below the log's folder for its place there. `kept` are the first entry that is kept, the
/// size of the tree, and the end of the journal.
pub(super) fn check(
    log: &Path,
    kept: (u64, u64, u64),
    whole: bool,
    faults: &mut Faults,
    remarks: &mut Vec<String>,
) {
    let (first_kept, ..) = kept;
    let said = match fs::read_to_string(log.join(PRUNED)) {
        // One number has one text.
        Ok(text) => text.trim_end().parse::<u64>().ok().filter(|first| format!("{first}\n") == text),
        Err(_) => Some(0),
    };
    if said != Some(first_kept) {
        faults.add(0, &log.join(PRUNED), Problem::Pruned { said, first: first_kept });
    } else if whole && first_kept > 0 {
        faults.add(0, &log.join("tile/entries"), Problem::Missing);
    }
    let (mut left, mut ahead) = (0_u64, 0_u64);
    let mut open = vec![log.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            faults.add(None, &folder, Problem::Unreadable("its files cannot be listed".to_owned()));
            continue;
        };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if let Ok(name) = path.strip_prefix(log) {
                match file(log, name, kept, faults) {
                    Place::Known => {}
                    Place::Left => left += 1,
                    Place::Ahead => ahead += 1,
                }
            }
        }
    }
    if left > 0 {
        remarks.push(format!("{left} file(s) are left of what was broken off or pruned"));
    }
    if ahead > 0 {
        remarks.push(format!("{ahead} file(s) are beyond the checkpoint: the next one covers them"));
    }
}

/// What a file is to the log.
enum Place {
    /// It was read, or was held against what was.
    Known,
    /// It should be gone by now.
    Left,
    /// It is for the next checkpoint.
    Ahead,
}

fn file(log: &Path, name: &Path, kept: (u64, u64, u64), faults: &mut Faults) -> Place {
    let (first_kept, size, end) = kept;
    let path = log.join(name);
    let text = name.to_str().unwrap_or_default();
    if [CHECKPOINT, COSIGNED, PRUNED, "private/lock"].contains(&text) {
        return Place::Known;
    }
    if text.ends_with(".tmp") {
        return Place::Left;
    }
    if let Some(number) = text.strip_prefix("private/") {
        match number.parse::<u64>().ok().filter(|index| index.to_string() == number) {
            Some(index) => {
                let entry = index.saturating_mul(TILE_WIDTH);
                if entry >= end || entry.saturating_add(TILE_WIDTH) <= first_kept {
                    faults.add(entry, &path, Problem::Stray { entry });
                }
            }
            None => faults.add(None, &path, Problem::Stranger),
        }
        return Place::Known;
    }
    let Some((tile, width)) = Tile::parse(name) else {
        faults.add(None, &path, Problem::Stranger);
        return Place::Known;
    };
    let now = tile.width(size);
    if let Tile::Entries { index } = tile
        && index.saturating_mul(TILE_WIDTH) < first_kept
    {
        return Place::Left;
    }
    if width > now {
        return Place::Ahead;
    }
    if width < now && !begins(tile, log, size, &path) {
        faults.add(None, &path, Problem::Former);
    }
    Place::Known
}

/// Whether a partial tile of a former tree is the beginning of what the tile is now.
fn begins(tile: Tile, log: &Path, size: u64, path: &Path) -> bool {
    let (Ok(former), Ok(Some((_, now)))) = (fs::read(path), tile.read(log, size)) else { return false };
    !former.is_empty() && now.starts_with(&former)
}
