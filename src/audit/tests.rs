//! What the log promises, held against disks that fail, processes that are killed and power that is cut.

mod buffer;
mod crash;
mod faults;
mod faulty;
mod power;
mod publish;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Checkpoint, Disk, Entry, Format, LocalDisk, Log, LogDir, NotEncoded, OpenError, Options, ReadError,
    leaf_hash, merkle,
};
use crate::domain::{Action, Answer, DataRef, Decision, Disposition, Question, Record, Requester, Verdict};
use crate::domain::{Content, ContentPart, ContentRef, Draft, Outcome};

/// A record that encodes to `text`.
fn mk_record(text: &str) -> Record {
    let question = Question {
        data_ref: DataRef::parse("acme/mail").unwrap(),
        requester: Requester::default(),
        jurisdiction: String::from("IE"),
        action: None,
        data_categories: Vec::new(),
        process: None,
        transfer: None,
        tenant: None,
        holding: None,
        as_of: None,
        at_least_revision: None,
        expect_policy_version: String::new(),
        request_id: String::new(),
    };
    let answer = Answer {
        decision: Verdict::Deny,
        disposition: Disposition::NoGrant,
        next_step: String::new(),
        reasons: Vec::new(),
        category_verdicts: Vec::new(),
        obligations: Vec::new(),
        routes: Vec::new(),
        regimes: Vec::new(),
        policy_version: String::new(),
        facts_version: String::new(),
        catalog_revision: 0,
        decided_at: Timestamp::UNIX_EPOCH,
        as_of: Timestamp::UNIX_EPOCH,
        hypothetical: false,
        valid_until: Timestamp::UNIX_EPOCH,
        receipt: None,
        decision_id: Uuid::nil(),
        request_id: String::new(),
    };
    let decision = Decision {
        question,
        action: Action::Transfer,
        tenant: None,
        holding: None,
        matched: None,
        requester: None,
        recipient: None,
        process: None,
        answer,
    };
    Record { caller: text.to_owned(), trace_id: String::new(), engine_version: String::new(), decision }
}

/// Entries as text: a record's is its caller, its trace id is private, and its engine version is a content.
struct Plain;

impl Format for Plain {
    fn decision(&self, record: &Record) -> Result<Draft, NotEncoded> {
        let content = record.engine_version.as_bytes();
        let contents = match content.is_empty() {
            true => Vec::new(),
            false => vec![Content { sha256: leaf_hash(content), bytes: content.to_vec() }],
        };
        let body = record.caller.clone().into_bytes();
        Ok(Draft { body, contents, private: record.trace_id.clone().into_bytes() })
    }

    fn outcome(&self, outcome: &Outcome) -> Result<Draft, NotEncoded> {
        Ok(Draft { body: outcome.kind.clone().into_bytes(), ..Draft::default() })
    }

    fn content(&self, part: &ContentPart) -> Vec<u8> {
        [format!("content {} of {} ", part.part, part.parts).as_bytes(), &part.bytes].concat()
    }

    fn references(&self, contents: &[ContentRef]) -> Vec<u8> {
        contents.iter().flat_map(|at| format!(" @{}", at.index).into_bytes()).collect()
    }
}

/// Waits that no test outlasts by its own doing, and retries and checkpoints that follow each other closely.
fn mk_options() -> Options {
    Options {
        room_wait: Duration::from_secs(60),
        durable_wait: Duration::from_secs(60),
        retry_first: Duration::from_millis(1),
        retry_longest: Duration::from_millis(4),
        checkpoint_interval: Duration::ZERO,
        ..Options::default()
    }
}

fn try_open(disk: &(impl Disk + Clone + 'static), dir: &Path, options: Options) -> Result<Log, OpenError> {
    Ok(Log::open_on(Arc::new(disk.clone()), dir, Arc::new(Plain), options)?.0)
}

fn open(disk: &(impl Disk + Clone + 'static), dir: &Path, options: Options) -> Log {
    try_open(disk, dir, options).unwrap()
}

/// Every entry of a log as text. Checks indexes and hashes on the way.
fn contents(dir: &Path) -> Result<Vec<String>, ReadError> {
    texts(&LogDir::open(dir))
}

fn texts(dir: &LogDir) -> Result<Vec<String>, ReadError> {
    let mut texts = Vec::new();
    for entry in dir.entries(0..u64::MAX)? {
        let Entry { index, bytes, leaf_hash: hash } = entry?;
        assert_eq!(index, texts.len() as u64, "an index is out of turn");
        assert_eq!(hash, leaf_hash(&bytes));
        texts.push(String::from_utf8(bytes).unwrap());
    }
    Ok(texts)
}

/// Waits for the checkpoint of that many entries.
async fn covered(log: &Log, size: u64) -> Arc<Checkpoint> {
    let mut checkpoint_rx = log.checkpoint_rx();
    let is_there =
        |checkpoint: &Option<Arc<Checkpoint>>| checkpoint.as_ref().is_some_and(|at| at.size >= size);
    checkpoint_rx.wait_for(is_there).await.unwrap().clone().unwrap()
}

/// Holds the checkpoint of a log against its key, its tiles and its entries, and former checkpoints against it.
fn check_tree(dir: &Path, former: &[Checkpoint]) -> Checkpoint {
    let log = LogDir::open(dir);
    let checkpoint = log.checkpoint().unwrap().unwrap();
    let key = std::fs::read_to_string(dir.join("log.key")).unwrap();
    checkpoint.check(&key.parse::<super::Signer>().unwrap().verifier()).unwrap();
    let tiles = log.tiles(checkpoint.size);
    assert_eq!(merkle::root(checkpoint.size, &tiles).unwrap(), checkpoint.root);
    for entry in log.entries(0..checkpoint.size).unwrap().map(Result::unwrap) {
        assert_eq!(merkle::Hashes::subtree(&tiles, 0, entry.index).unwrap(), entry.leaf_hash);
    }
    for old in former {
        assert!(old.size <= checkpoint.size, "a checkpoint of {} is lost", old.size);
        assert_eq!(merkle::root(old.size, &tiles).unwrap(), old.root);
    }
    checkpoint
}
