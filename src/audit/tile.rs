//! Tiles and entry bundles of C2SP tlog-tiles: their paths, bytes and hashes.
//!
//! It owns what is in which file and how; it writes none.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::disk::DiskError;
use super::error::ReadError;
use super::merkle::{self, Hash, Hashes};

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in a tile.
const TILE_LEVELS: u32 = 8;
/// Longest entry, in bytes: its length takes two.
pub const MAX_ENTRY_BYTES: usize = u16::MAX as usize;
/// Tiles kept in memory while proofs are made: a path needs one a level, and neighbours share them.
const CACHED_TILES: usize = 64;

/// A file of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tile {
    /// Hashes: of leaves at level 0, of full tiles of the level below above.
    Hashes {
        /// The level.
        level: u8,
        /// Its place in the level.
        index: u64,
    },
    /// Entries.
    Entries {
        /// Its place.
        index: u64,
    },
}

/// The hashes of a log's tree, from its tiles.
#[derive(Debug)]
pub struct Tiles {
    root: PathBuf,
    size: u64,
    cache: Mutex<BTreeMap<(u8, u64), Vec<Hash>>>,
}

/// Appends an entry to a bundle. The caller keeps it to [`MAX_ENTRY_BYTES`].
pub(super) fn write_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    bundle.extend((entry.len() as u16).to_be_bytes());
    bundle.extend(entry);
}

/// The entries of a bundle; `None` where it does not end with one.
#[must_use]
pub fn entries(bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let (entries, rest) = whole_entries(bundle);
    rest.is_empty().then_some(entries)
}

/// The whole entries that a bundle begins with, and the bytes after them.
pub(super) fn whole_entries(bundle: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while let Some((length, after)) = rest.split_first_chunk::<2>()
        && let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    {
        entries.push(entry);
        rest = after;
    }
    (entries, rest)
}

/// The hashes of a tile; `None` where it does not end with one.
#[must_use]
pub fn hashes(tile: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = tile.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// How many hashes the tiles of a level have together, in a tree of that size.
pub(super) fn level_width(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level) * TILE_LEVELS).unwrap_or(0)
}

// === impl Tile ===

impl Tile {
    /// Its path below the log's folder; a width below [`TILE_WIDTH`] is that of a partial one.
    #[must_use]
    pub fn path(self, width: u64) -> PathBuf {
        let (kind, index) = match self {
            Self::Hashes { level, index } => (level.to_string(), index),
            Self::Entries { index } => (String::from("entries"), index),
        };
        let mut path = Path::new("tile").join(kind).join(index_path(index));
        if width < TILE_WIDTH {
            path.as_mut_os_string().push(format!(".p/{width}"));
        }
        path
    }

    /// Reads a path below the log's folder, and gives the width too; `None` where it is none of a tile.
    #[must_use]
    pub fn parse(path: &Path) -> Option<(Self, u64)> {
        let (kind, place) = path.to_str()?.strip_prefix("tile/")?.split_once('/')?;
        let (place, width) = match place.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (place, TILE_WIDTH),
        };
        let index =
            place.split('/').map(|part| part.trim_start_matches('x')).collect::<String>().parse().ok()?;
        let tile = match kind {
            "entries" => Self::Entries { index },
            level => Self::Hashes { level: level.parse().ok()?, index },
        };
        // A tile has one path.
        (tile.path(width) == path).then_some((tile, width))
    }

    /// The folder of its partial forms.
    pub(super) fn partials(self) -> PathBuf {
        self.path(1).parent().map(Path::to_owned).unwrap_or_default()
    }

    /// How wide it is in a tree of that size: 0 where it is not in it.
    #[must_use]
    pub fn width(self, size: u64) -> u64 {
        let (level, index) = match self {
            Self::Hashes { level, index } => (level, index),
            Self::Entries { index } => (0, index),
        };
        level_width(size, level).saturating_sub(index.saturating_mul(TILE_WIDTH)).min(TILE_WIDTH)
    }

    /// Reads it as of a tree of that size, from its full form where that is there already. Gives the path that
    /// was read, and no more than belongs to that size is sure to be in it; `None` where neither is there.
    pub(super) fn read(self, root: &Path, size: u64) -> Result<Option<(PathBuf, Vec<u8>)>, DiskError> {
        let width = self.width(size);
        for width in [width, TILE_WIDTH] {
            let path = root.join(self.path(width));
            match fs::read(&path) {
                Ok(bytes) => return Ok(Some((path, bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(DiskError::of("read", &path)(error)),
            }
        }
        Ok(None)
    }
}

/// Groups of three digits, all but the last after an `x`.
fn index_path(index: u64) -> PathBuf {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    PathBuf::from(path)
}

// === impl Tiles ===

impl Tiles {
    /// The tiles below a log's folder, for a tree of that size: that of a checkpoint.
    #[must_use]
    pub fn new(log: &Path, size: u64) -> Self {
        Self { root: log.to_owned(), size, cache: Mutex::default() }
    }

    /// The size of the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of one tile, as many as this tree has.
    ///
    /// # Errors
    /// [`ReadError`]: it is not there, or shorter.
    pub fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, ReadError> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hashes) = cache.get(&(level, index)) {
            return Ok(hashes.clone());
        }
        let tile = Tile::Hashes { level, index };
        let width = tile.width(self.size);
        let Some((path, bytes)) = tile.read(&self.root, self.size)? else {
            return Err(ReadError::Missing { path: self.root.join(tile.path(width)) });
        };
        let wanted = usize::try_from(width).unwrap_or(usize::MAX);
        let mut found = hashes(&bytes)
            .filter(|hashes| hashes.len() >= wanted)
            .ok_or(ReadError::Damaged { path, offset: bytes.len() as u64 })?;
        found.truncate(wanted);
        if cache.len() >= CACHED_TILES {
            cache.clear();
        }
        cache.insert((level, index), found.clone());
        Ok(found)
    }
}

impl Hashes for Tiles {
    type Error = ReadError;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, ReadError> {
        let (tile_level, height) = (level / TILE_LEVELS, level % TILE_LEVELS);
        let first = index << height;
        let tile_level = u8::try_from(tile_level).unwrap_or(u8::MAX);
        let tile = first / TILE_WIDTH;
        let hashes = self.tile(tile_level, tile)?;
        let start = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let root = hashes.get(start..start + (1 << height)).and_then(merkle::reduce);
        root.ok_or_else(|| ReadError::Missing {
            path: self.root.join(Tile::Hashes { level: tile_level, index: tile }.path(TILE_WIDTH)),
        })
    }
}
