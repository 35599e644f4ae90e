//! What the journal promises, held against disks that fail, processes that are killed and power that is cut.

mod buffer;
mod crash;
mod faults;
mod faulty;
mod power;
mod recovery;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::format::Leaf;
use super::log::{Log, OpenError, Recovery};
use super::{Disk, Entry, Journal, LocalDisk, Options, ReadError, leaf_hash, read};
use crate::domain::{Action, Answer, DataRef, Decision, Disposition, Question, Record, Requester, Verdict};

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

fn encode(record: &Record) -> Vec<u8> {
    record.caller.clone().into_bytes()
}

/// Waits that no test outlasts by its own doing, and retries that follow each other closely.
fn mk_options() -> Options {
    Options {
        room_wait: Duration::from_secs(60),
        durable_wait: Duration::from_secs(60),
        retry_first: Duration::from_millis(1),
        retry_longest: Duration::from_millis(4),
        ..Options::default()
    }
}

fn open(disk: &(impl Disk + Clone + 'static), dir: &Path, options: Options) -> Journal {
    Journal::open_on(Arc::new(disk.clone()), dir, encode, options).unwrap().0
}

fn open_log(dir: &Path) -> Result<(Log, Recovery), OpenError> {
    Log::open(Arc::new(LocalDisk), dir, Options::default().segment_bytes)
}

fn mk_leaves<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Vec<Leaf> {
    texts.into_iter().map(|text| Leaf::new(text.as_ref().to_vec())).collect()
}

/// Commits these texts as one group.
fn commit(log: &mut Log, texts: &[&str]) {
    log.commit(mk_leaves(texts).iter()).unwrap();
}

/// Every record of a journal as text. Checks indexes and hashes on the way.
fn contents(dir: &Path) -> Result<Vec<String>, ReadError> {
    let mut texts = Vec::new();
    for entry in read(dir)? {
        let Entry { index, bytes, leaf_hash: hash } = entry?;
        assert_eq!(index, texts.len() as u64, "an index is out of turn");
        assert_eq!(hash, leaf_hash(&bytes));
        texts.push(String::from_utf8(bytes).unwrap());
    }
    Ok(texts)
}
