//! Verification without trust: whatever byte of a log is changed, it is seen, and what is as it was is not
//! complained of.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use common::dice::Dice;
use common::place::small;
use situs::audit::verify::{Expected, Problem, Report, VerifyError, verify};
use situs::audit::{Checkpoint, Format, Log, LogDir, NotEncoded, Options, TILE_WIDTH, Verifier};
use situs::domain::{ContentPart, ContentRef, Draft, Masking, Outcome, Personal, Record};
use situs::engine::{Known, decide};
use situs::grpc::{self, INSPECT};
use situs::policy::Bundle;
use tempfile::TempDir;
use uuid::Uuid;

/// Entries as the server makes them, with fields masked.
struct Masked(Masking);

impl Format for Masked {
    fn decision(&self, record: &Record) -> Result<Draft, NotEncoded> {
        grpc::draft(record, &self.0).map_err(|error| NotEncoded(error.to_string()))
    }

    fn outcome(&self, outcome: &Outcome) -> Result<Draft, NotEncoded> {
        grpc::draft_outcome(outcome, &self.0).map_err(|error| NotEncoded(error.to_string()))
    }

    fn content(&self, part: &ContentPart) -> Vec<u8> {
        grpc::content_entry(part)
    }

    fn references(&self, contents: &[ContentRef]) -> Vec<u8> {
        grpc::content_refs(contents)
    }
}

/// A log in a folder that is gone with it.
struct Sample {
    folder: TempDir,
    key: Verifier,
    /// Checkpoints on the way.
    former: Vec<Checkpoint>,
}

fn bundle() -> &'static Bundle {
    static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| common::load(&small()).unwrap());
    &BUNDLE
}

fn mk_record(number: u64, dice: &mut Dice) -> Record {
    let question = std::iter::repeat_with(|| dice.question())
        .find_map(|words| situs::grpc::words::question(&words, &**bundle().facts()).ok())
        .unwrap();
    let id = Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 | number);
    let decision = decide(bundle(), &question, &Known::default(), common::now(), id);
    Record {
        caller: format!("spiffe://example/ns/{number}"),
        trace_id: String::new(),
        engine_version: "1".to_owned(),
        decision,
    }
}

async fn append(log: &Log, range: std::ops::Range<u64>) {
    let mut dice = Dice::new(range.start);
    for number in range {
        log.append_buffered(&mk_record(number, &mut dice)).await.unwrap();
    }
}

fn open(data: &Path) -> Log {
    let masking = Masking { mask: vec![Personal::Caller, Personal::DataRef], erase: Vec::new() };
    let options = Options { origin: Some("log.example/situs".to_owned()), ..Options::default() };
    Log::open(data, Arc::new(Masked(masking)), options).unwrap().0
}

/// A log of three bundles and a bit, of two runs.
fn sample() -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut former = Vec::new();
    let mut key = None;
    for range in [0..150, 150..400] {
        runtime.block_on(async {
            let log = open(folder.path());
            append(&log, range).await;
            key = Some(log.verifier().clone());
            log.close().await.unwrap();
        });
        former.push(LogDir::open(folder.path()).checkpoint().unwrap().unwrap());
    }
    assert!(former[1].size > 2 * TILE_WIDTH, "{}", former[1].size);
    Sample { folder, key: key.unwrap(), former }
}

impl Sample {
    fn expected(&self) -> Expected {
        let former = self.former.iter().map(|former| (format!("size {}", former.size), former.clone()));
        Expected { key: self.key.clone(), witnesses: Vec::new(), former: former.collect(), whole: true }
    }

    fn verify(&self) -> Result<Report, VerifyError> {
        verify(self.folder.path(), &self.expected(), INSPECT, &mut |_, _| ())
    }

    /// The files of the log and its journal, and how long they are. Locks hold nothing.
    fn files(&self) -> Vec<(PathBuf, usize)> {
        let mut open = vec![self.folder.path().join("log"), self.folder.path().join("journal")];
        let mut files = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else if !path.ends_with("lock") {
                files.push((path.clone(), fs::read(&path).unwrap().len()));
            }
        }
        files.sort();
        files
    }
}

/// How many bytes are changed: more where the environment says so.
fn flips() -> usize {
    std::env::var("SITUS_TEST_FLIPS").map_or(2000, |flips| flips.parse().unwrap())
}

#[test]
fn a_log_as_it_was_written_holds() {
    let sample = sample();
    let report = sample.verify().unwrap();
    assert_eq!(report.faults, []);
    assert_eq!(report.remarks, [""; 0]);
    let decided = report.entries.decisions + report.entries.enquiries;
    assert_eq!((decided, report.extends, report.pending), (400, 2, 0));
    assert!(report.entries.contents > 0);
    assert_eq!((report.texts.kept >= 800, report.texts.gone), (true, 0), "{:?}", report.texts);
    // A copy of the folder alone is as good.
    let alone = verify(&sample.folder.path().join("log"), &sample.expected(), INSPECT, &mut |_, _| ());
    assert!(alone.unwrap().holds());
}

#[test]
fn every_byte_that_is_changed_is_seen() {
    let sample = sample();
    let files = sample.files();
    let kinds = ["checkpoint", "tile/0", "tile/1", "tile/entries", "private", "journal"];
    for kind in kinds {
        assert!(files.iter().any(|(path, _)| path.to_str().unwrap().contains(kind)), "no file of {kind}");
    }
    let mut dice = Dice::new(7);
    let mut seen: BTreeMap<&Path, usize> = BTreeMap::new();
    // Every file in turn, so that the small ones are not passed over.
    for (path, length) in files.iter().filter(|(_, length)| *length > 0).cycle().take(flips()) {
        let sound = fs::read(path).unwrap();
        let mut bytes = sound.clone();
        let at = dice.roll(*length);
        bytes[at] ^= 1 << dice.roll(8);
        fs::write(path, &bytes).unwrap();
        let report = sample.verify();
        let held = report.as_ref().is_ok_and(|report| report.holds() && report.remarks.is_empty());
        assert!(!held, "byte {at} of `{}` was changed, and nobody saw it", path.display());
        fs::write(path, &sound).unwrap();
        *seen.entry(path).or_default() += 1;
    }
    assert!(sample.verify().unwrap().holds());
    println!("{} bytes of {} files were changed, and each was seen", flips(), seen.len());
}

#[test]
fn the_first_entry_that_is_wrong_is_named() {
    let sample = sample();
    let log = sample.folder.path().join("log");
    for (bundle, entry) in [("000", 17), ("001", 256 + 200), ("002.p", 2 * TILE_WIDTH + 3)] {
        let mut path = log.join("tile/entries").join(bundle);
        if path.is_dir() {
            path = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
        }
        let sound = fs::read(&path).unwrap();
        let place = entry as usize % 256;
        let offset: usize =
            situs::audit::entries(&sound).unwrap()[..place].iter().map(|entry| entry.len() + 2).sum();
        let mut bytes = sound.clone();
        bytes[offset + 20] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let report = sample.verify().unwrap();
        assert_eq!(report.faults[0].problem, Problem::Altered { first: entry, count: 1 });
        assert_eq!((report.faults[0].entry, &report.faults[0].path), (Some(entry), &path));
        assert_eq!(report.faults.len(), 1, "{:?}", report.faults);
        // Cut short, it goes wrong at the entry that is cut.
        fs::write(&path, &sound[..offset + 20]).unwrap();
        assert_eq!(sample.verify().unwrap().faults[0].entry, Some(entry));
        fs::write(&path, &sound).unwrap();
    }
}
