//! Large trees, made without a server, and what somebody with the key of nothing could do to them.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Expected, Inspect, Problem, Report, verify};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::journal::Leaf;
use crate::audit::note::Signer;
use crate::audit::tile::{self, TILE_WIDTH, Tile};
use crate::audit::tree::Edge;
use crate::audit::{LogDir, merkle};
use crate::domain::{ContentPart, LogEntry};

/// Three levels of tiles, each with a partial one.
const SIZE: u64 = 256 * 256 + 256 * 2 + 7;

/// Entries are contents of their own bytes.
const INSPECT: Inspect = Inspect {
    entry: |bytes| {
        let sha256 = Sha256::digest(bytes).into();
        Ok(LogEntry::Content(ContentPart { sha256, part: 0, parts: 1, bytes: bytes.to_vec() }))
    },
    texts: |_| None,
};

struct Made {
    folder: TempDir,
    signer: Signer,
    checkpoint: Checkpoint,
}

fn write(log: &Path, tile: Tile, width: u64, bytes: &[u8]) {
    let path = log.join(tile.path(width));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn mk_log(size: u64) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut edge = Edge::default();
    for index in 0..size {
        let leaf = Leaf::new(index.to_le_bytes().to_vec(), Vec::new());
        let full = |tile, bytes: &[u8]| -> Result<(), ()> {
            write(&log, tile, TILE_WIDTH, bytes);
            Ok(())
        };
        edge.push(&leaf, full).unwrap();
    }
    for (tile, width, bytes) in edge.partials() {
        write(&log, tile, width, &bytes);
    }
    let signer = Signer::generate("log.example/large").unwrap();
    let checkpoint = Checkpoint::sign(&signer, size, edge.root());
    fs::write(log.join("checkpoint"), checkpoint.to_string()).unwrap();
    Made { folder, signer, checkpoint }
}

impl Made {
    fn verify_since(&self, former: &[Checkpoint]) -> Report {
        let former = former.iter().map(|former| (String::from("former"), former.clone())).collect();
        let expected = Expected { key: self.signer.verifier(), witnesses: Vec::new(), former, whole: false };
        verify(self.folder.path(), &expected, INSPECT, &mut |_, _| ()).unwrap()
    }

    /// Changes a file for as long as the log is verified, and gives the first fault.
    fn problem(&self, tile: Tile, change: impl FnOnce(&mut Vec<u8>)) -> (Option<u64>, Problem) {
        let path = self.folder.path().join("log").join(tile.path(tile.width(SIZE)));
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let mut faults = self.verify_since(&[]).faults;
        fs::write(&path, sound).unwrap();
        assert_eq!(faults.len(), 1, "{faults:?}");
        let fault = faults.remove(0);
        assert_eq!(fault.path, path);
        (fault.entry, fault.problem)
    }
}

#[test]
fn whatever_file_of_a_large_tree_is_wrong_is_told_from_those_that_are_right() {
    let made = mk_log(SIZE);
    let tiles = LogDir::open(made.folder.path()).tiles(SIZE);
    let former = [1, 255, 256, 65_535, 65_536, 65_537, SIZE]
        .map(|size| Checkpoint::sign(&made.signer, size, merkle::root(size, &tiles).unwrap()));
    let report = made.verify_since(&former);
    assert_eq!((report.faults, report.extends, report.entries.contents), (Vec::new(), 7, SIZE));

    let hashes = |level, index| Tile::Hashes { level, index };
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 4;
    // A tile of each level, whole and partial: the entries are right, and so it is the tile that is wrong.
    for (tile, entry) in
        [(hashes(0, 3), 3 * 256 + 2), (hashes(0, SIZE / 256), SIZE / 256 * 256 + 2), (hashes(1, 0), 2 * 256)]
    {
        assert_eq!(made.problem(tile, flip(70)), (Some(entry), Problem::Hash { place: 2 }));
    }
    assert_eq!(made.problem(hashes(1, 1), flip(40)).1, Problem::Hash { place: 1 });
    assert_eq!(made.problem(hashes(2, 0), flip(0)).1, Problem::Hash { place: 0 });
    // An entry, whole bundle and partial.
    for index in [5, SIZE / 256] {
        let entry = index * 256 + 3;
        let altered = Problem::Altered { first: entry, count: 1 };
        assert_eq!(made.problem(Tile::Entries { index }, flip(3 * 10 + 4)), (Some(entry), altered));
    }
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    assert!(matches!(made.problem(hashes(0, 9), cut).1, Problem::Damaged(_)));
    assert!(matches!(made.problem(Tile::Entries { index: 9 }, cut), (Some(2559), Problem::Damaged(_))));
}

#[test]
fn entries_that_were_replaced_with_their_tiles_are_found() {
    let made = mk_log(SIZE);
    let log = made.folder.path().join("log");
    // The bundle and its tile agree; what is above does not.
    let mut bundle = Vec::new();
    let entries: Vec<[u8; 8]> = (0..256_u64).map(|index| (index + 7).to_be_bytes()).collect();
    entries.iter().for_each(|entry| tile::write_entry(&mut bundle, entry));
    let hashes: Vec<_> = entries.iter().map(|entry| merkle::leaf_hash(entry)).collect();
    write(&log, Tile::Entries { index: 4 }, TILE_WIDTH, &bundle);
    write(&log, Tile::Hashes { level: 0, index: 4 }, TILE_WIDTH, &hashes.concat());
    let report = made.verify_since(&[]);
    assert_eq!(report.faults[0].problem, Problem::Replaced { from: 1024, to: 1279 });
    // With every tile above it too, the signed root is another.
    let other = mk_log(SIZE - 1);
    fs::copy(log.join("checkpoint"), other.folder.path().join("log/checkpoint")).unwrap();
    let other = Made { signer: made.signer.clone(), ..other };
    assert!(!other.verify_since(&[]).holds());
}

#[test]
fn a_log_that_was_cut_or_forked_does_not_extend_what_it_signed() {
    let made = mk_log(700);
    let longer = Checkpoint::sign(&made.signer, 701, [7; 32]);
    let forked = Checkpoint::sign(&made.signer, 512, [7; 32]);
    let problems = |former: &[Checkpoint]| {
        made.verify_since(former).faults.into_iter().map(|fault| fault.problem).collect::<Vec<_>>()
    };
    let name = || String::from("former");
    assert_eq!(problems(&[longer]), [Problem::Cut(name())]);
    assert_eq!(problems(&[forked]), [Problem::Fork(name())]);
    let stranger = Checkpoint::sign(&Signer::generate("log.example/large").unwrap(), 512, [7; 32]);
    assert!(matches!(problems(&[stranger]).as_slice(), [Problem::Unsigned(_)]));
    assert_eq!(problems(std::slice::from_ref(&made.checkpoint)), []);
}

#[test]
fn what_was_pruned_is_told_and_what_is_missing_is_a_fault() {
    let made = mk_log(SIZE);
    let log = LogDir::open(made.folder.path());
    let tiles = log.tiles(SIZE);
    let old = Checkpoint::sign(&made.signer, 300, merkle::root(300, &tiles).unwrap());
    // Nothing goes as long as the window for contents is longer than the log.
    assert_eq!(log.prune(60_000).unwrap().first, 0);
    let pruned = log.prune(65_536 + 300).unwrap();
    assert_eq!((pruned.first, pruned.bundles), (256, 1));
    let report = made.verify_since(std::slice::from_ref(&old));
    assert_eq!((report.faults, report.first_kept, report.extends), (Vec::new(), 256, 1));
    assert_eq!(log.entries(0..u64::MAX).unwrap().next().unwrap().unwrap().index, 256);
    // A hole is no pruning, and neither is what nobody wrote down.
    let second = log.log().join(Tile::Entries { index: 2 }.path(TILE_WIDTH));
    let bytes = fs::read(&second).unwrap();
    fs::remove_file(&second).unwrap();
    let report = made.verify_since(&[]);
    assert_eq!((report.faults[0].entry, &report.faults[0].problem), (Some(512), &Problem::Missing));
    fs::write(&second, bytes).unwrap();
    fs::write(log.log().join("pruned"), "512\n").unwrap();
    let problem = &made.verify_since(&[]).faults[0].problem;
    assert_eq!(problem, &Problem::Pruned { said: Some(512), first: 256 });
}
