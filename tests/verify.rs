//! Verification without trust: whatever byte of a log is changed, it is seen, and what is as it was is not
//! complained of.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what was measured, and what was skipped")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use common::dice::Dice;
use common::place::small;
use situs::audit::verify::{Expected, Problem, Report, VerifyError, verify};
use situs::audit::{Checkpoint, Format, Log, LogDir, NotEncoded, Options, Proof, TILE_WIDTH, Tile, Verifier};
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

/// Makes a log of three bundles or so, in two runs, once; each test has a copy to break.
fn sample() -> Sample {
    static MADE: LazyLock<Sample> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut former = Vec::new();
        let mut key = None;
        for range in [0..100, 100..190] {
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
    });
    let folder = tempfile::tempdir().unwrap();
    copy(MADE.folder.path(), folder.path());
    Sample { folder, key: MADE.key.clone(), former: MADE.former.clone() }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
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
    assert_eq!((decided, report.extends, report.pending), (190, 2, 0));
    assert!(report.entries.contents > 0);
    assert_eq!((report.texts.kept >= 380, report.texts.gone), (true, 0), "{:?}", report.texts);
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
    // Each of two at its own copy.
    let seen = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| scope.spawn(move || flip(half, flips() / 2)));
        halves.map(|half| half.join().unwrap()).into_iter().sum::<usize>()
    });
    println!("{seen} bytes were changed, and each was seen");
}

/// Changes so many bytes, one at a time, of every file in turn, so that the small ones are not passed over.
fn flip(seed: u64, count: usize) -> usize {
    let sample = sample();
    let files = sample.files();
    let mut dice = Dice::new(seed);
    for (path, length) in files.iter().filter(|(_, length)| *length > 0).cycle().take(count) {
        let sound = fs::read(path).unwrap();
        let mut bytes = sound.clone();
        let at = dice.roll(*length);
        bytes[at] ^= 1 << dice.roll(8);
        fs::write(path, &bytes).unwrap();
        let report = sample.verify();
        let held = report.as_ref().is_ok_and(|report| report.holds() && report.remarks.is_empty());
        assert!(!held, "byte {at} of `{}` was changed, and nobody saw it", path.display());
        fs::write(path, &sound).unwrap();
    }
    assert!(sample.verify().unwrap().holds());
    count
}

#[test]
fn the_first_entry_that_is_wrong_is_named() {
    let sample = sample();
    let log = sample.folder.path().join("log");
    let size = LogDir::open(sample.folder.path()).checkpoint().unwrap().unwrap().size;
    for entry in [17, 256 + 200, size - 2] {
        let tile = Tile::Entries { index: entry / TILE_WIDTH };
        let path = log.join(tile.path(tile.width(size)));
        let sound = fs::read(&path).unwrap();
        let place = (entry % TILE_WIDTH) as usize;
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

/// What another program, made of the Go project's libraries for such logs, says; absent: there is no Go here.
fn other(sample: &Sample, proofs: &[PathBuf]) -> Option<bool> {
    static BUILT: LazyLock<Option<(TempDir, PathBuf)>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("verifier");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifier");
        let built =
            Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(source).status();
        match built {
            Ok(status) => {
                assert!(status.success(), "the other verifier does not build");
                Some((folder, program))
            }
            Err(error) => {
                eprintln!("SKIPPED: no Go is here, and nothing but Situs verified the log: {error}");
                None
            }
        }
    });
    let (_, program) = BUILT.as_ref()?;
    let key = sample.folder.path().join("key");
    fs::write(&key, sample.key.to_string()).unwrap();
    let run = Command::new(program).arg(key).arg(sample.folder.path().join("log")).args(proofs).output();
    let run = run.unwrap();
    println!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    Some(run.status.success())
}

#[test]
fn another_program_says_the_same() {
    let sample = sample();
    let dir = LogDir::open(sample.folder.path());
    let size = dir.checkpoint().unwrap().unwrap().size;
    let proofs: Vec<PathBuf> = [0, 1, 255, 256, size / 2, size - 1]
        .into_iter()
        .map(|index| {
            let proof = Proof::of(&dir, index).unwrap().unwrap();
            proof.check(&sample.key, &proof.leaf_hash().unwrap()).unwrap();
            let path = sample.folder.path().join(format!("{index}.tlog-proof"));
            fs::write(&path, proof.to_string()).unwrap();
            path
        })
        .collect();
    if other(&sample, &proofs).is_none() {
        return;
    }
    assert_eq!((other(&sample, &proofs), sample.verify().unwrap().holds()), (Some(true), true));
    let mut dice = Dice::new(11);
    // It reads nothing but the tree as it is: no plain texts, no journal, and no tile of a former tree.
    let log = sample.folder.path().join("log");
    let public = |path: &Path| match path.strip_prefix(&log).ok().map(|name| (name, Tile::parse(name))) {
        Some((_, Some((tile, width)))) => tile.width(size) == width,
        Some((name, None)) => name == Path::new("checkpoint"),
        None => false,
    };
    for (path, length) in sample.files().into_iter().filter(|(path, _)| public(path)) {
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        bytes[dice.roll(length)] ^= 1 << dice.roll(8);
        fs::write(&path, &bytes).unwrap();
        let holds = sample.verify().is_ok_and(|report| report.holds());
        assert_eq!((other(&sample, &[]), holds), (Some(false), false), "{}", path.display());
        fs::write(&path, &sound).unwrap();
    }
}
