//! The tree, hashed anew from its entries up, and held against every tile and the signed root.
//!
//! Where a tile and what is below it differ, what the tile above has says which of them is wrong; at the right
//! edge, where no tile is above, the signed root says it.

use std::path::{Path, PathBuf};

use super::fault::{Faults, Problem};
use crate::audit::merkle::{self, Hash};
use crate::audit::tile::{self, TILE_WIDTH, Tile, Tiles};

/// The tree as far as it has been hashed.
pub(super) struct Tree<'a> {
    log: &'a Path,
    size: u64,
    tiles: Tiles,
    /// Of each level from 1 on, the hashes that fill no tile yet.
    levels: Vec<Vec<Hash>>,
    /// The right edge: of each level at most one partial tile.
    edge: Vec<Sides>,
}

/// A tile from both sides.
struct Sides {
    level: u8,
    index: u64,
    path: PathBuf,
    /// The file that is below: of leaves, their bundle.
    source: PathBuf,
    /// As hashed from what is below; absent where that is gone.
    below: Option<Vec<Hash>>,
    /// As the file has it; absent where it cannot be read, which was told.
    filed: Option<Vec<Hash>>,
}

// === impl Tree ===

impl<'a> Tree<'a> {
    pub(super) fn new(log: &'a Path, size: u64) -> Self {
        Self { log, size, tiles: Tiles::new(log, size), levels: Vec::new(), edge: Vec::new() }
    }

    /// Adds the next bundle by the hashes of its entries; `None` where the bundle was pruned.
    pub(super) fn push(&mut self, index: u64, below: Option<Vec<Hash>>, faults: &mut Faults) {
        self.close(0, index, below, faults);
    }

    /// Holds the edge against the signed root.
    pub(super) fn finish(mut self, checkpoint: &Path, root: &Hash, faults: &mut Faults) {
        for (level, hashes) in (1_u8..).zip(std::mem::take(&mut self.levels)) {
            if !hashes.is_empty() {
                let index = tile::level_width(self.size, level) / TILE_WIDTH;
                let sides = self.sides(level, index, Some(hashes), faults);
                self.edge.push(sides);
            }
        }
        let differing: Vec<usize> = (0..self.edge.len())
            .filter(|place| self.edge.get(*place).is_some_and(|sides| sides.difference().is_some()))
            .collect();
        // Each bit says which side of a tile that differs is taken. At most 8 levels have one.
        let reached = (0_u32..1 << differing.len()).find(|taken| self.edge_root(&differing, *taken) == *root);
        let faultless = faults.is_empty();
        for (bit, place) in differing.iter().enumerate() {
            let Some(sides) = self.edge.get(*place) else { continue };
            let difference = sides.difference().unwrap_or_default();
            match reached {
                Some(taken) if taken >> bit & 1 == 0 => sides.wrong_file(difference, faults),
                Some(_) => sides.wrong_below(self.size, difference, faults),
                None => {
                    let problem = Problem::Contradiction { place: difference };
                    faults.add(sides.first_entry(difference), &sides.path, problem);
                }
            }
        }
        // Where a tile differs, or something is wrong below, that is what leads elsewhere.
        if reached.is_none() && differing.is_empty() && faultless {
            faults.add(None, checkpoint, Problem::Root);
        }
    }

    fn edge_root(&self, differing: &[usize], taken: u32) -> Hash {
        let mut subtrees = Vec::new();
        for (place, sides) in self.edge.iter().enumerate().rev() {
            let filed =
                differing.iter().position(|other| *other == place).is_some_and(|bit| taken >> bit & 1 == 1);
            let (first, second) =
                if filed { (&sides.filed, &sides.below) } else { (&sides.below, &sides.filed) };
            let mut rest = first.as_ref().or(second.as_ref()).map(Vec::as_slice).unwrap_or_default();
            while !rest.is_empty() {
                let (whole, after) = rest.split_at(1 << rest.len().ilog2());
                subtrees.extend(merkle::reduce(whole));
                rest = after;
            }
        }
        let root = subtrees.into_iter().rev().reduce(|right, left| merkle::node_hash(&left, &right));
        root.unwrap_or_else(merkle::empty_root)
    }

    /// Takes a whole tile up, or keeps it for the edge.
    fn close(&mut self, level: u8, index: u64, below: Option<Vec<Hash>>, faults: &mut Faults) {
        let sides = self.sides(level, index, below, faults);
        if (Tile::Hashes { level, index }).width(self.size) < TILE_WIDTH {
            self.edge.push(sides);
            return;
        }
        let hash = self.settle(&sides, faults);
        let above = usize::from(level);
        if self.levels.len() <= above {
            self.levels.push(Vec::new());
        }
        let Some(hashes) = self.levels.get_mut(above) else { return };
        hashes.push(hash);
        if hashes.len() as u64 == TILE_WIDTH {
            let full = std::mem::take(hashes);
            self.close(level + 1, index / TILE_WIDTH, Some(full), faults);
        }
    }

    /// The hash of a whole tile, and which side is wrong where they differ.
    fn settle(&self, sides: &Sides, faults: &mut Faults) -> Hash {
        let above = self.above(sides.level, sides.index);
        let below = sides.below.as_deref().and_then(merkle::reduce);
        let filed = sides.filed.as_deref().and_then(merkle::reduce);
        if let Some(place) = sides.difference() {
            if above.is_some() && above == filed {
                sides.wrong_below(self.size, place, faults);
                return filed.unwrap_or_default();
            }
            if above.is_some() && above == below {
                sides.wrong_file(place, faults);
            } else {
                faults.add(sides.first_entry(place), &sides.path, Problem::Contradiction { place });
            }
        }
        // Nothing is left to hash only where both sides are gone, which was told.
        below.or(filed).or(above).unwrap_or_default()
    }

    /// What the tile above has for a whole tile.
    fn above(&self, level: u8, index: u64) -> Option<Hash> {
        let tile = self.tiles.tile(level + 1, index / TILE_WIDTH).ok()?;
        tile.get(usize::try_from(index % TILE_WIDTH).ok()?).copied()
    }

    fn sides(&self, level: u8, index: u64, below: Option<Vec<Hash>>, faults: &mut Faults) -> Sides {
        let tile = Tile::Hashes { level, index };
        let width = tile.width(self.size);
        let path = self.log.join(tile.path(width));
        let source = match level {
            0 => self.log.join(Tile::Entries { index }.path(width)),
            _ => path.clone(),
        };
        let mut sides = Sides { level, index, path, source, below, filed: None };
        let first = Some(sides.first_entry(0));
        match tile.read(self.log, self.size) {
            Err(error) => faults.add(first, &sides.path, Problem::Unreadable(error.source.to_string())),
            Ok(None) => faults.add(first, &sides.path, Problem::Missing),
            Ok(Some((path, bytes))) => {
                // The full form holds more than this tree has of it.
                let expected = if path == sides.path { width } else { TILE_WIDTH };
                sides.path = path;
                match tile::hashes(&bytes).filter(|hashes| hashes.len() as u64 == expected) {
                    Some(mut hashes) => {
                        hashes.truncate(usize::try_from(width).unwrap_or(usize::MAX));
                        sides.filed = Some(hashes);
                    }
                    None => {
                        let problem = format!("it has {} bytes, and not {}", bytes.len(), expected * 32);
                        faults.add(first, &sides.path, Problem::Damaged(problem));
                    }
                }
            }
        }
        sides
    }
}

// === impl Sides ===

impl Sides {
    /// The first hash in which the sides differ; `None` where they agree, or one of them is gone.
    fn difference(&self) -> Option<usize> {
        let (below, filed) = (self.below.as_ref()?, self.filed.as_ref()?);
        below.iter().zip(filed).position(|(below, filed)| below != filed)
    }

    /// The first entry below a hash.
    fn first_entry(&self, place: usize) -> u64 {
        let hash = self.index.saturating_mul(TILE_WIDTH).saturating_add(place as u64);
        hash.saturating_mul(self.span())
    }

    /// How many entries are below one hash.
    fn span(&self) -> u64 {
        1_u64.checked_shl(u32::from(self.level) * 8).unwrap_or(u64::MAX)
    }

    fn wrong_file(&self, place: usize, faults: &mut Faults) {
        faults.add(self.first_entry(place), &self.path, Problem::Hash { place });
    }

    fn wrong_below(&self, size: u64, place: usize, faults: &mut Faults) {
        let from = self.first_entry(place);
        if self.level > 0 {
            let to = from.saturating_add(self.span()).min(size) - 1;
            faults.add(from, &self.path, Problem::Replaced { from, to });
            return;
        }
        let (Some(below), Some(filed)) = (&self.below, &self.filed) else { return };
        let count = below.iter().zip(filed).filter(|(below, filed)| below != filed).count() as u64;
        faults.add(from, &self.source, Problem::Altered { first: from, count });
    }
}
