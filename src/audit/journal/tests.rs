//! The journal after a torn write, after damage, and after nothing at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::format::{GROUP_HEAD_BYTES, HEADER_BYTES, MAX_GROUP_BYTES};
use super::scan::scan;
use super::*;
use crate::audit::{LocalDisk, OpenError, Options, ReadError, leaf_hash};

/// One segment of 64 MiB.
fn open_journal(dir: &Path) -> Result<(Journal, Recovery), OpenError> {
    open_sized(dir, Options::default().segment_bytes)
}

fn open_sized(dir: &Path, segment_bytes: u64) -> Result<(Journal, Recovery), OpenError> {
    let lock = lock(&LocalDisk, dir)?;
    Journal::open(Arc::new(LocalDisk), dir, lock, segment_bytes, 0)
}

fn mk_leaves<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Vec<Leaf> {
    texts.into_iter().map(|text| Leaf::new(text.as_ref().to_vec(), Vec::new())).collect()
}

/// Commits these texts as one group.
fn commit(journal: &mut Journal, texts: &[&str]) {
    journal.commit(mk_leaves(texts).iter()).unwrap();
}

/// Every leaf of a journal as text. Checks indexes and hashes on the way.
fn contents(dir: &Path) -> Result<Vec<String>, ReadError> {
    let mut texts = Vec::new();
    for leaf in read(dir)? {
        let (index, Leaf { payload, hash, .. }) = leaf?;
        assert_eq!(index, texts.len() as u64, "an index is out of turn");
        assert_eq!(hash, leaf_hash(&payload));
        texts.push(String::from_utf8(payload).unwrap());
    }
    Ok(texts)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("journal/{number:020}.log"))
}

/// A data directory whose journal is this one segment.
fn mk_dir(bytes: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("journal")).unwrap();
    fs::write(segment(dir.path(), 0), bytes).unwrap();
    dir
}

/// A segment of two groups, of one record and of two; with it, where the second begins.
fn mk_segment() -> (Vec<u8>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_journal(dir.path()).unwrap();
    commit(&mut journal, &["one"]);
    let start = fs::metadata(segment(dir.path(), 0)).unwrap().len();
    commit(&mut journal, &["two", "three"]);
    (fs::read(segment(dir.path(), 0)).unwrap(), start as usize)
}

/// Opens, checks what is there and what was cut, and that the log goes on from it for good.
fn check_cut(bytes: &[u8], kept: &[&str], cut: Option<usize>) {
    let dir = mk_dir(bytes);
    let (mut journal, recovery) = open_journal(dir.path()).unwrap();
    assert_eq!(recovery.entries, kept.len() as u64);
    let torn = cut.map(|cut| Torn {
        path: segment(dir.path(), 0),
        offset: (bytes.len() - cut) as u64,
        bytes: cut as u64,
    });
    assert_eq!(recovery.torn, torn);
    assert_eq!(contents(dir.path()).unwrap(), kept);
    commit(&mut journal, &["next"]);
    drop(journal);
    let (_journal, recovery) = open_journal(dir.path()).unwrap();
    assert_eq!(recovery.torn, None);
    assert_eq!(contents(dir.path()).unwrap(), [kept, &["next"]].concat());
}

/// Opening and reading both refuse, and name the file and a byte of it.
fn check_refused(dir: &Path, number: u64) {
    let path_of = |error: ReadError| match error {
        ReadError::Damaged { path, offset } => {
            assert!(offset <= fs::metadata(&path).unwrap().len());
            path
        }
        other => panic!("{other}"),
    };
    let opened = match open_journal(dir).map(|_| ()).unwrap_err() {
        OpenError::Read(error) => path_of(error),
        other => panic!("{other}"),
    };
    assert_eq!(opened, segment(dir, number));
    assert_eq!(path_of(contents(dir).unwrap_err()), opened);
}

/// Where the whole records of `mk_segment` end before an offset, and how many they are.
fn whole_before(start: usize, offset: usize) -> (&'static [&'static str], usize) {
    let two = start + GROUP_HEAD_BYTES;
    let three = two + FRAME_HEAD_BYTES + 3;
    match offset {
        _ if offset >= three => (&["one", "two"], three),
        _ if offset >= two => (&["one"], two),
        _ => (&["one"], start),
    }
}

#[test]
fn a_torn_write_is_cut_at_every_offset() {
    let (bytes, start) = mk_segment();
    for length in start..bytes.len() {
        let (kept, end) = whole_before(start, length);
        check_cut(&bytes[..length], kept, (length > start).then_some(length - end));
    }
    check_cut(&bytes, &["one", "two", "three"], None);
}

#[test]
fn a_write_of_which_blocks_are_missing_is_cut() {
    let (bytes, start) = mk_segment();
    for offset in start..bytes.len() {
        let (kept, end) = whole_before(start, offset);
        // The end is not there: the file has its length and zeros in it.
        let mut zeros = bytes.clone();
        zeros[offset..].fill(0);
        if zeros != bytes {
            check_cut(&zeros, kept, Some(bytes.len() - end));
        }
        // A byte is wrong, and what follows is whole.
        let mut hole = bytes.clone();
        hole[offset] ^= 0xff;
        check_cut(&hole, kept, Some(bytes.len() - end));
    }
}

#[test]
fn damage_before_the_last_group_is_refused_at_every_offset() {
    let (bytes, start) = mk_segment();
    for offset in 0..start {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x01;
        check_refused(mk_dir(&damaged).path(), 0);
    }
}

#[test]
fn a_journal_that_was_closed_in_order_has_no_torn_end() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_journal(dir.path()).unwrap();
    commit(&mut journal, &["one"]);
    journal.rotate().unwrap();
    drop(journal);
    let path = segment(dir.path(), 0);
    let bytes = fs::read(&path).unwrap();
    for offset in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 0x80;
        fs::write(&path, damaged).unwrap();
        check_refused(dir.path(), 0);
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(open_journal(dir.path()).unwrap().1, Recovery { entries: 1, torn: None });
}

#[test]
fn private_texts_stand_beside_their_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_journal(dir.path()).unwrap();
    let leaf = |text: &str, private: &str| Leaf::new(text.into(), private.into());
    let leaves = [leaf("one", "secret"), leaf("two", ""), leaf("three", "another")];
    journal.commit(leaves[..1].iter()).unwrap();
    journal.commit(leaves[1..].iter()).unwrap();
    drop(journal);
    // Written anew, too.
    drop(open_journal(dir.path()).unwrap());
    let read: Vec<Leaf> = read(dir.path()).unwrap().map(|leaf| leaf.unwrap().1).collect();
    assert_eq!(read, leaves);
}

#[test]
fn what_a_checkpoint_covers_is_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_sized(dir.path(), 1).unwrap();
    for text in ["one", "two", "three"] {
        commit(&mut journal, &[text]);
    }
    let first = || read(dir.path()).unwrap().first();
    trim(&LocalDisk, dir.path(), 0).unwrap();
    assert_eq!(first(), Some(0));
    trim(&LocalDisk, dir.path(), 2).unwrap();
    assert_eq!(first(), Some(2));
    // The last one stays, as the place where it goes on.
    trim(&LocalDisk, dir.path(), 3).unwrap();
    assert_eq!(first(), Some(2));
    drop(journal);
    let open = |covered| {
        let lock = lock(&LocalDisk, dir.path()).unwrap();
        Journal::open(Arc::new(LocalDisk), dir.path(), lock, 1, covered).map(|(_, recovery)| recovery.entries)
    };
    // Less was covered than was trimmed, or more than there is: files are missing.
    assert!(matches!(open(1), Err(OpenError::Read(ReadError::Missing { .. }))));
    assert!(matches!(open(4), Err(OpenError::Read(ReadError::Damaged { .. }))));
    assert_eq!(open(2).unwrap(), 3);
}

#[test]
fn garbage_longer_than_a_group_is_refused() {
    let (mut bytes, _) = mk_segment();
    bytes.resize(bytes.len() + MAX_GROUP_BYTES + GROUP_HEAD_BYTES + 1, 0);
    check_refused(mk_dir(&bytes).path(), 0);
}

#[test]
fn a_payload_cannot_pass_for_a_group() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_journal(dir.path()).unwrap();
    commit(&mut journal, &["one"]);
    // Whoever chose this text has seen the segment's own bytes.
    let bytes = fs::read(segment(dir.path(), 0)).unwrap();
    journal.commit(mk_leaves([&bytes[HEADER_BYTES..]]).iter()).unwrap();
    let mut torn = fs::read(segment(dir.path(), 0)).unwrap();
    let group = bytes.len();
    torn[group] ^= 0xff;
    check_cut(&torn, &["one"], Some(torn.len() - group));
}

#[test]
fn damage_in_an_earlier_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["one", "two", "three"] {
        let (mut journal, _) = open_journal(dir.path()).unwrap();
        commit(&mut journal, &[text, text]);
    }
    // The first segment: the records of the first two runs. The second: those of the second run anew, on.
    let path = segment(dir.path(), 0);
    let bytes = fs::read(&path).unwrap();
    let damage = |offset: usize| {
        let mut damaged = bytes.clone();
        damaged[offset] ^= 1;
        fs::write(&path, damaged).unwrap();
    };
    let second_group = HEADER_BYTES + GROUP_HEAD_BYTES + 2 * (FRAME_HEAD_BYTES + 3);
    for offset in 0..second_group {
        damage(offset);
        check_refused(dir.path(), 0);
    }
    // So is one that ends too early.
    fs::write(&path, &bytes[..second_group - 1]).unwrap();
    check_refused(dir.path(), 0);
    // What the next segment holds too is not missed.
    damage(second_group);
    assert_eq!(open_journal(dir.path()).unwrap().1.entries, 6);
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["one", "two", "three"] {
        let (mut journal, _) = open_journal(dir.path()).unwrap();
        commit(&mut journal, &[text]);
        commit(&mut journal, &[text]);
    }
    for (number, named) in [(0, 0), (1, 1)] {
        let path = segment(dir.path(), number);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        match open_journal(dir.path()).map(|_| ()).unwrap_err() {
            OpenError::Read(ReadError::Missing { path: missing }) => {
                assert_eq!(missing, segment(dir.path(), named))
            }
            other => panic!("{other}"),
        }
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(open_journal(dir.path()).unwrap().1.entries, 6);
}

#[test]
fn another_version_is_named() {
    let (mut bytes, _) = mk_segment();
    bytes[8] = 1;
    let check = leaf_hash(&bytes[..HEADER_BYTES - 4]);
    bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&check[..4]);
    let dir = mk_dir(&bytes);
    assert!(matches!(contents(dir.path()), Err(ReadError::Version { version: 1, .. })));
}

#[test]
fn restarts_do_not_pile_up_files() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, recovery) = open_journal(dir.path()).unwrap();
    assert_eq!(recovery, Recovery::default());
    commit(&mut journal, &["one"]);
    commit(&mut journal, &["two"]);
    drop(journal);
    for _ in 0..5 {
        let (mut journal, recovery) = open_journal(dir.path()).unwrap();
        assert_eq!(recovery.entries, 2);
        journal.rotate().unwrap();
    }
    // The lock, the first segment, the one that has its last group anew, and the one begun since its end.
    assert_eq!(fs::read_dir(dir.path().join("journal")).unwrap().count(), 4);
    assert_eq!(contents(dir.path()).unwrap(), ["one", "two"]);
}

#[test]
fn one_journal_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = open_journal(dir.path()).unwrap();
    assert!(matches!(open_journal(dir.path()), Err(OpenError::Locked { .. })));
    drop(first);
    assert!(open_journal(dir.path()).is_ok());
}

#[test]
fn reading_starts_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = open_sized(dir.path(), 100).unwrap();
    let texts: Vec<String> = (0..20).map(|number| format!("record {number}")).collect();
    for text in &texts {
        commit(&mut journal, &[text]);
    }
    assert!(fs::read_dir(dir.path().join("journal")).unwrap().count() > 5, "segments rotate by size");
    assert_eq!(contents(dir.path()).unwrap(), texts);
    for from in 0..=20 {
        let reader = read(dir.path()).unwrap().starting_at(from);
        let indexes: Vec<u64> = reader.map(|leaf| leaf.unwrap().0).collect();
        assert_eq!(indexes, (from..20).collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_record_that_was_not_written(
        at in any::<prop::sample::Index>(),
        garbage in prop::collection::vec(any::<u8>(), 1..40),
        length in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, _) = mk_segment();
        let at = at.index(bytes.len());
        for (byte, other) in bytes[at..].iter_mut().zip(garbage) {
            *byte = other;
        }
        bytes.truncate(length.index(bytes.len() + 1));
        if let Ok(found) = scan(&bytes) {
            let texts: Vec<&[u8]> = found.leaves.iter().map(|placed| &bytes[placed.payload.clone()]).collect();
            let written: [&[u8]; 3] = [b"one", b"two", b"three"];
            prop_assert!(written.starts_with(&texts));
        }
    }
}
