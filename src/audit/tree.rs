//! The right edge of the tree: all that is needed to append to it, and to compute its root.

use std::path::Path;

use super::error::ReadError;
use super::journal::Leaf;
use super::merkle::{self, Hash};
use super::tile::{self, TILE_WIDTH, Tile, Tiles, level_width};

/// The partial tiles of a tree, and its partial bundle.
#[derive(Clone, Debug, Default)]
pub(super) struct Edge {
    size: u64,
    /// Of each level, the hashes that fill no tile yet: at most one short of a tile.
    levels: Vec<Vec<Hash>>,
    bundle: Vec<u8>,
}

impl Edge {
    /// Reads it from the tiles below a log's folder, and checks it against a root and the bundle against it.
    pub(super) fn load(log: &Path, size: u64, root: &Hash) -> Result<Self, ReadError> {
        let tiles = Tiles::new(log, size);
        let mut edge = Self { size, ..Self::default() };
        for level in 0_u8.. {
            let width = level_width(size, level);
            if width == 0 {
                break;
            }
            edge.levels.push(match width % TILE_WIDTH {
                0 => Vec::new(),
                _ => tiles.tile(level, width / TILE_WIDTH)?,
            });
        }
        if edge.root() != *root {
            let level = Tile::Hashes { level: 0, index: size / TILE_WIDTH };
            let path = log.join(level.path(size % TILE_WIDTH));
            return Err(ReadError::Damaged { path, offset: 0 });
        }
        if !size.is_multiple_of(TILE_WIDTH) {
            edge.bundle = edge.load_bundle(log)?;
        }
        Ok(edge)
    }

    fn load_bundle(&self, log: &Path) -> Result<Vec<u8>, ReadError> {
        let tile = Tile::Entries { index: self.size / TILE_WIDTH };
        let Some((path, bytes)) = tile.read(log, self.size)? else {
            return Err(ReadError::Missing { path: log.join(tile.path(self.size % TILE_WIDTH)) });
        };
        let damaged = |offset: usize| ReadError::Damaged { path: path.clone(), offset: offset as u64 };
        let entries = tile::entries(&bytes).ok_or_else(|| damaged(bytes.len()))?;
        let hashes = self.levels.first().map(Vec::as_slice).unwrap_or_default();
        if entries.len() < hashes.len() {
            return Err(damaged(bytes.len()));
        }
        let mut bundle = Vec::new();
        for (entry, hash) in entries.iter().zip(hashes) {
            if merkle::leaf_hash(entry) != *hash {
                return Err(damaged(bundle.len()));
            }
            tile::write_entry(&mut bundle, entry);
        }
        Ok(bundle)
    }

    /// Entries in the tree.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry; gives each file that becomes full to `full`.
    pub(super) fn push<E>(
        &mut self,
        leaf: &Leaf,
        mut full: impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.size += 1;
        tile::write_entry(&mut self.bundle, &leaf.payload);
        if self.size.is_multiple_of(TILE_WIDTH) {
            full(Tile::Entries { index: self.size / TILE_WIDTH - 1 }, &self.bundle)?;
            self.bundle.clear();
        }
        let mut carried = Some(leaf.hash);
        for level in 0_u8.. {
            let Some(hash) = carried.take() else { break };
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { break };
            hashes.push(hash);
            if hashes.len() as u64 == TILE_WIDTH {
                let index = level_width(self.size, level) / TILE_WIDTH - 1;
                full(Tile::Hashes { level, index }, &hashes.concat())?;
                carried = merkle::reduce(hashes);
                hashes.clear();
            }
        }
        Ok(())
    }

    /// The partial files as they are now, each with its width.
    pub(super) fn partials(&self) -> impl Iterator<Item = (Tile, u64, Vec<u8>)> {
        let index = |level| level_width(self.size, level) / TILE_WIDTH;
        let tiles = (0_u8..).zip(&self.levels).map(move |(level, hashes)| {
            (Tile::Hashes { level, index: index(level) }, hashes.len() as u64, hashes.concat())
        });
        let bundle = (Tile::Entries { index: index(0) }, self.size % TILE_WIDTH, self.bundle.clone());
        tiles.chain([bundle]).filter(|(_, width, _)| *width > 0)
    }

    /// The root of the tree.
    pub(super) fn root(&self) -> Hash {
        // The whole subtrees that the tree is made of, the largest first.
        let mut subtrees = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (whole, after) = rest.split_at(1 << rest.len().ilog2());
                subtrees.extend(merkle::reduce(whole));
                rest = after;
            }
        }
        let root = subtrees.into_iter().rev().reduce(|right, left| merkle::node_hash(&left, &right));
        root.unwrap_or_else(merkle::empty_root)
    }
}
