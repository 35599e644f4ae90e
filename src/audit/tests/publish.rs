//! Tiles, checkpoints and private texts: what is in them, what happens when they cannot be written, and what
//! is refused.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::faulty::{Area, Faults, FaultyDisk};
use super::*;
use crate::audit::entry::Contents;
use crate::audit::journal::Leaf;
use crate::audit::tree::Edge;
use crate::audit::{
    CONTENT_WINDOW, Health, KeyError, NoteError, RecordError, Signer, TILE_WIDTH, Tile, receipt_text,
};

/// Appends so many entries, the last of them durably.
async fn append(log: &Log, texts: impl IntoIterator<Item = String>) {
    let mut last = String::new();
    for text in texts {
        log.append_buffered(&mk_record(&text)).await.unwrap();
        last = text;
    }
    log.append_durable(&mk_record(&format!("{last} end"))).await.unwrap();
}

fn mk_private(text: &str, private: &str) -> Record {
    Record { trace_id: private.to_owned(), ..mk_record(text) }
}

/// While `break_it` holds for the tiles, decisions are recorded and receipts given; when it no longer does, a
/// checkpoint covers them all, without a restart.
async fn check_outage(kind: io::ErrorKind, break_it: impl FnOnce(&mut Faults)) {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    let mut publishing_rx = log.publishing_rx();
    log.append_durable(&mk_record("before")).await.unwrap();
    let before = covered(&log, 1).await;

    disk.faults(|faults| faults.area = Area::Log);
    disk.faults(break_it);
    let receipt = log.append_durable(&mk_record("meanwhile")).await.unwrap();
    let text = receipt_text(log.origin(), 1, &receipt.leaf_hash);
    assert!(log.verifier().holds(text.as_bytes(), &receipt.signature));
    let cause = publishing_rx.wait_for(|health| !health.is_ok()).await.unwrap().cause().unwrap();
    match cause.as_ref() {
        ReadError::Disk(error) => assert_eq!(error.source.kind(), kind),
        other => panic!("{other}"),
    }
    assert!(log.health().is_ok());
    log.append_buffered(&mk_record("meanwhile too")).await.unwrap();
    assert_eq!(check_tree(dir.path(), &[]).size, 1);
    assert_eq!(contents(dir.path()).unwrap()[..2], ["before", "meanwhile"]);

    disk.faults(|faults| *faults = Faults::default());
    publishing_rx.wait_for(Health::is_ok).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(check_tree(dir.path(), &[before.as_ref().clone()]).size, 3);
    assert_eq!(contents(dir.path()).unwrap(), ["before", "meanwhile", "meanwhile too"]);
}

#[tokio::test]
async fn a_full_disk_for_tiles() {
    for room in [0, 1, 40, 100] {
        check_outage(io::ErrorKind::StorageFull, |faults| faults.room = Some(room)).await;
    }
}

#[tokio::test]
async fn a_read_only_disk_for_tiles() {
    check_outage(io::ErrorKind::ReadOnlyFilesystem, |faults| faults.read_only = true).await;
}

#[tokio::test]
async fn a_disk_that_does_not_sync_tiles() {
    check_outage(io::ErrorKind::Other, |faults| faults.syncs_fail = true).await;
    check_outage(io::ErrorKind::Other, |faults| faults.failing_dir_syncs = u32::MAX).await;
}

#[tokio::test]
async fn while_tiles_cannot_be_written_the_journal_takes_a_bounded_number_of_entries() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), Options { unpublished_entries: 2, ..mk_options() });
    covered(&log, 0).await;
    disk.faults(|faults| *faults = Faults { area: Area::Log, read_only: true, ..Faults::default() });
    for text in ["0", "1", "2"] {
        log.append_durable(&mk_record(text)).await.unwrap();
    }
    log.publishing_rx().wait_for(|health| !health.is_ok()).await.unwrap();
    for refused in [
        log.append_durable(&mk_record("refused")).await.map(drop),
        log.append_buffered(&mk_record("refused")).await,
    ] {
        assert!(
            matches!(refused, Err(RecordError::Unpublished { entries: 3, cause: Some(_) })),
            "{refused:?}"
        );
    }
    disk.faults(|faults| *faults = Faults::default());
    covered(&log, 3).await;
    log.append_durable(&mk_record("3")).await.unwrap();
}

#[tokio::test]
async fn what_was_not_published_is_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let log = open(&disk, dir.path(), mk_options());
    log.append_durable(&mk_private("first", "secret")).await.unwrap();
    let before = covered(&log, 1).await;
    disk.faults(|faults| *faults = Faults { area: Area::Log, read_only: true, ..Faults::default() });
    append(&log, (0..600).map(|number| number.to_string())).await;
    log.append_durable(&mk_private("last", "another")).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(check_tree(dir.path(), &[]).size, 1);
    let texts = contents(dir.path()).unwrap();
    assert_eq!(texts.len(), 603);
    let reader = LogDir::open(dir.path());
    assert_eq!(reader.private(602).unwrap(), Some(b"another".to_vec()));

    disk.faults(|faults| *faults = Faults::default());
    let log = open(&disk, dir.path(), mk_options());
    covered(&log, 603).await;
    log.close().await.unwrap();
    assert_eq!(check_tree(dir.path(), &[before.as_ref().clone()]).size, 603);
    assert_eq!(contents(dir.path()).unwrap(), texts);
    assert_eq!(reader.private(602).unwrap(), Some(b"another".to_vec()));
    assert_eq!(reader.private(0).unwrap(), Some(b"secret".to_vec()));
    // The journal keeps nothing of it.
    let journal: Vec<_> = fs::read_dir(dir.path().join("journal")).unwrap().collect();
    assert_eq!(journal.len(), 2, "the lock, and a segment without leaves");
}

#[tokio::test]
async fn readers_see_every_entry_once_while_the_log_grows() {
    let dir = tempfile::tempdir().unwrap();
    // Segments of a group, so that the journal is trimmed all the time.
    let log = open(&LocalDisk, dir.path(), Options { segment_bytes: 1, ..mk_options() });
    log.append_durable(&mk_record("0")).await.unwrap();
    let growing = log.clone();
    let grown = tokio::spawn(async move {
        for number in 1..700 {
            growing.append_durable(&mk_record(&number.to_string())).await.unwrap();
        }
    });
    let (live, path) = (log.reader(), dir.path().to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let mut durable = 0;
        while durable < 700 {
            // Of this process, and as another one would: that may see what is not durable yet.
            for (reader, sure) in [(live.clone(), true), (LogDir::open(&path), false)] {
                let texts = texts(&reader).unwrap();
                let length = texts.len();
                assert!(length >= durable, "entries are lost");
                if sure {
                    durable = length;
                }
                assert!(texts.iter().enumerate().all(|(index, text)| *text == index.to_string()));
                let last = length as u64 - 1;
                assert_eq!(reader.entry(last).unwrap().unwrap().index, last);
            }
        }
    });
    grown.await.unwrap();
    read.await.unwrap();
    log.close().await.unwrap();
    check_tree(dir.path(), &[]);
}

#[tokio::test]
async fn a_text_that_was_erased_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), Options { rotate_after: Duration::ZERO, ..mk_options() });
    for text in ["one", "two"] {
        log.append_durable(&mk_private(text, &format!("secret of {text}"))).await.unwrap();
    }
    covered(&log, 2).await;
    let reader = log.reader();
    assert!(reader.erase(0).unwrap());
    assert!(!reader.erase(0).unwrap(), "there is nothing left to erase");
    assert!(reader.erase(2).is_err(), "there is no such entry");
    // The file is written again, with what is added to it.
    log.append_durable(&mk_private("three", "secret of three")).await.unwrap();
    covered(&log, 3).await;
    log.close().await.unwrap();
    let found: Vec<_> = (0..3).map(|index| LogDir::open(dir.path()).private(index).unwrap()).collect();
    let mk_text = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(found, [None, mk_text("secret of two"), mk_text("secret of three")]);
    for entry in fs::read_dir(dir.path().join("journal")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"secret"), "the journal still has a text");
    }
}

#[tokio::test]
async fn no_private_text_stays_in_the_journal_of_an_idle_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), Options { rotate_after: Duration::ZERO, ..mk_options() });
    log.append_durable(&mk_private("one", "secret")).await.unwrap();
    covered(&log, 1).await;
    let holds_it = || {
        let files = fs::read_dir(dir.path().join("journal")).unwrap().map(|file| file.unwrap().path());
        // One that was listed may be trimmed by now.
        let mut bytes = files.map(|path| fs::read(path).unwrap_or_default());
        bytes.any(|bytes| bytes.windows(6).any(|window| window == b"secret"))
    };
    let trimmed = async {
        while holds_it() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), trimmed).await.unwrap();
    assert_eq!(log.reader().private(0).unwrap(), Some(b"secret".to_vec()));
}

#[tokio::test]
async fn a_content_is_written_once_before_the_entries_that_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), mk_options());
    let mk = |text: &str, content: &str| Record { engine_version: content.to_owned(), ..mk_record(text) };
    let long = "x".repeat(150_000);
    for (text, content) in [("one", "shared"), ("two", "shared"), ("three", &long), ("four", &long)] {
        log.append_durable(&mk(text, content)).await.unwrap();
    }
    log.close().await.unwrap();
    let brief = |text: &String| text.chars().take(14).collect::<String>();
    let texts: Vec<String> = contents(dir.path()).unwrap().iter().map(brief).collect();
    let parts = ["content 0 of 3", "content 1 of 3", "content 2 of 3"];
    assert_eq!(texts[..3], ["content 0 of 1", "one @0", "two @0"]);
    assert_eq!(texts[3..6], parts);
    assert_eq!(texts[6..], ["three @3", "four @3"]);
    // Another run does not know of them.
    let log = open(&LocalDisk, dir.path(), mk_options());
    log.append_durable(&mk("five", "shared")).await.unwrap();
    log.close().await.unwrap();
    assert_eq!(contents(dir.path()).unwrap()[8..], ["content 0 of 1 shared", "five @8"]);
}

#[test]
fn an_entry_never_names_a_content_beyond_the_window() {
    let mut known = Contents::default();
    let content = Content { sha256: [7; 32], bytes: b"shared".to_vec() };
    let draft = Draft { body: b"entry".to_vec(), contents: vec![content], private: Vec::new() };
    let (mut next, mut written) = (0, 0_u64);
    while next < 4 * CONTENT_WINDOW {
        let mut composer = known.composer(&Plain, next);
        let place = composer.add(&draft) as u64;
        let (leaves, fresh) = composer.finish();
        let text = String::from_utf8(leaves[place as usize].payload.clone()).unwrap();
        let named: u64 = text.split_once('@').unwrap().1.parse().unwrap();
        assert!(next + place - named <= CONTENT_WINDOW, "{named} is out of reach of {}", next + place);
        written += leaves.len() as u64 - 1;
        next += leaves.len() as u64 + 500;
        known.remember(fresh, next);
    }
    assert_eq!(written, 5, "once a window, and a little more often");
}

#[tokio::test]
async fn the_key_is_made_once_and_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { origin: Some(String::from("example.com/log")), ..mk_options() };
    let log = open(&LocalDisk, dir.path(), options.clone());
    let key = log.verifier();
    assert_eq!(log.origin(), "example.com/log");
    covered(&log, 0).await;
    log.close().await.unwrap();
    let path = dir.path().join("log.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Without the setting it is the same.
    let log = open(&LocalDisk, dir.path(), mk_options());
    assert_eq!(log.verifier(), key);
    log.close().await.unwrap();
    let open_with = |options: Options| try_open(&LocalDisk, dir.path(), options).map(drop).unwrap_err();
    let other = Options { origin: Some(String::from("example.com/other")), ..mk_options() };
    assert!(matches!(open_with(other), OpenError::Key(KeyError::Origin { .. })));
    // Another key cannot go on with the log, nor can none.
    let elsewhere = dir.path().join("other.key");
    fs::write(&elsewhere, Signer::generate("example.com/log").unwrap().secret()).unwrap();
    let given = Options { key: Some(elsewhere), ..mk_options() };
    let unsigned = |error: &OpenError| {
        matches!(error, OpenError::Read(ReadError::Note { source: NoteError::Unsigned { .. }, .. }))
    };
    assert!(unsigned(&open_with(given)));
    let secret = fs::read_to_string(&path).unwrap();
    fs::write(&path, secret.replace("PRIVATE", "PUBLIC")).unwrap();
    assert!(matches!(open_with(mk_options()), OpenError::Key(KeyError::Malformed { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(open_with(mk_options()), OpenError::Key(KeyError::Missing { .. })));
    assert!(!format!("{log:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn a_damaged_edge_of_the_tree_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), mk_options());
    append(&log, (0..300).map(|number| number.to_string())).await;
    log.close().await.unwrap();
    let size = check_tree(dir.path(), &[]).size;
    let edge = [
        Tile::Hashes { level: 0, index: 1 },
        Tile::Hashes { level: 1, index: 0 },
        Tile::Entries { index: 1 },
    ];
    for tile in edge {
        let path = dir.path().join("log").join(tile.path(tile.width(size)));
        let bytes = fs::read(&path).unwrap();
        for damaged in [[&bytes[..bytes.len() - 1], &[bytes[bytes.len() - 1] ^ 1]].concat(), Vec::new()] {
            fs::write(&path, damaged).unwrap();
            let opened = try_open(&LocalDisk, dir.path(), mk_options()).map(drop);
            assert!(matches!(opened, Err(OpenError::Read(ReadError::Damaged { .. }))), "{opened:?}");
        }
        fs::write(&path, bytes).unwrap();
    }
    // So is a checkpoint of another text.
    let path = dir.path().join("log/checkpoint");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(&format!("\n{size}\n"), "\n7\n")).unwrap();
    let opened = try_open(&LocalDisk, dir.path(), mk_options()).map(drop);
    let forged =
        matches!(opened, Err(OpenError::Read(ReadError::Note { source: NoteError::Forged { .. }, .. })));
    assert!(forged, "{opened:?}");
    fs::write(&path, text).unwrap();
    assert_eq!(open(&LocalDisk, dir.path(), mk_options()).len(), size);
}

#[tokio::test]
async fn partial_tiles_go_when_the_full_one_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&LocalDisk, dir.path(), mk_options());
    for number in 0..TILE_WIDTH {
        log.append_durable(&mk_record(&number.to_string())).await.unwrap();
    }
    covered(&log, TILE_WIDTH).await;
    log.close().await.unwrap();
    let mut files: Vec<_> = files(&dir.path().join("log"));
    files.retain(|path| !path.starts_with("private"));
    assert_eq!(files, ["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/000"]);
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path()).into_iter().map(|file| format!("{name}/{file}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

#[test]
fn a_tree_is_made_of_the_tiles_that_the_format_says() {
    let mut edge = Edge::default();
    let mut full = Vec::new();
    for number in 0..70_000_u32 {
        let leaf = Leaf::new(number.to_be_bytes().to_vec(), Vec::new());
        let pushed: Result<(), std::convert::Infallible> = edge.push(&leaf, |tile, _| {
            full.push(tile);
            Ok(())
        });
        pushed.unwrap();
    }
    // The example of the specification.
    let count = |wanted: u8| {
        full.iter().filter(|tile| matches!(tile, Tile::Hashes { level, .. } if *level == wanted)).count()
    };
    assert_eq!([count(0), count(1), count(2)], [273, 1, 0]);
    let partials: Vec<_> = edge.partials().map(|(tile, width, _)| (tile, width)).collect();
    let expected = [
        (Tile::Hashes { level: 0, index: 273 }, 112),
        (Tile::Hashes { level: 1, index: 1 }, 17),
        (Tile::Hashes { level: 2, index: 0 }, 1),
        (Tile::Entries { index: 273 }, 112),
    ];
    assert_eq!(partials, expected);
    assert!(partials.iter().all(|(tile, width)| tile.width(70_000) == *width));
    let tile = Tile::Hashes { level: 1, index: 1_234_067 };
    assert_eq!(tile.path(TILE_WIDTH), Path::new("tile/1/x001/x234/067"));
    assert_eq!(tile.path(5), Path::new("tile/1/x001/x234/067.p/5"));
}
