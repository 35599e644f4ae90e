//! What is recorded: every disclosure before it is answered, whatever happens to the process.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::server::{Server, Start, eventually};
use situs::audit::{self, Checkpoint, LogDir, Signer, Verifier, merkle, receipt_text};
use situs::domain::{Decided, LogEntry};
use situs::grpc::proto::{Action, AuthorizeRequest, AuthorizeResponse};
use situs::grpc::{self, words};
use situs::policy;
use tempfile::TempDir;

/// The bundle under test without its cases: a debug build then loads it in a moment.
fn bundle(folder: &Path) {
    let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
    policy::write_folder(&files, folder).unwrap();
}

fn start(folder: &TempDir) -> Server {
    let policies = folder.path().join("policies");
    if !policies.exists() {
        bundle(&policies);
    }
    // A file that may not grow is then an error of the write, as a full disk is, and no signal.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let server = Start::under(shell, &folder.path().join("data")).policies(&policies).go();
    server.line("serving ");
    server
}

/// How often the process is killed: more often where the environment says so.
fn rounds() -> usize {
    std::env::var("SITUS_TEST_KILLS").map_or(5, |rounds| rounds.parse().unwrap())
}

fn demand(id: &str) -> AuthorizeRequest {
    let words = serde_json::json!({
        "data_ref": "example/mail",
        "jurisdiction": "US",
        "requester": { "kind": "authority", "jurisdiction": "US" },
        "data_categories": ["content"],
        "holding": {
            "stored_in": ["US"], "data_kinds": ["personal"], "data_categories": ["content"],
            "subject_count": 1, "provider_role": "processor", "provider_established_in": ["US"],
        },
        "process": {
            "instrument": "search_warrant", "issuing_jurisdiction": "US", "issued_by": "court",
            "names_accounts": true,
        },
        "request_id": id,
    });
    words::read(&words).unwrap()
}

/// The decisions of the log, by id: their index, leaf hash and entry. What they name stands before them.
fn log(folder: &TempDir) -> HashMap<String, (u64, Vec<u8>, Decided)> {
    let entries = LogDir::open(&folder.path().join("data")).entries(0..u64::MAX).unwrap();
    let (mut contents, mut decisions) = (HashMap::new(), HashMap::new());
    for (place, entry) in entries.enumerate() {
        let entry = entry.unwrap();
        assert_eq!(entry.index, place as u64, "indexes run without a gap");
        assert_eq!(entry.leaf_hash, audit::leaf_hash(&entry.bytes));
        match grpc::log_entry(&entry.bytes, &[]).unwrap() {
            LogEntry::Content(part) => drop(contents.insert(entry.index, part.sha256)),
            LogEntry::Decision(decided) => {
                for at in &decided.contents {
                    assert_eq!(contents.get(&at.index), Some(&at.sha256));
                }
                let place = (entry.index, entry.leaf_hash.to_vec(), (*decided).clone());
                let twice = decisions.insert(decided.id.to_string(), place);
                assert!(twice.is_none(), "a decision stands in the log twice");
            }
            LogEntry::Outcome(..) => panic!("nobody recorded an outcome"),
        }
    }
    decisions
}

/// The key that checks what the log signs.
fn key(folder: &TempDir) -> Verifier {
    let secret = fs::read_to_string(folder.path().join("data/log.key")).unwrap();
    secret.parse::<Signer>().unwrap().verifier()
}

/// The newest checkpoint, once it was held against the log's key and entries, and against former ones.
fn checkpoint(folder: &TempDir, former: &[Checkpoint]) -> Checkpoint {
    let dir = LogDir::open(&folder.path().join("data"));
    let checkpoint = dir.checkpoint().unwrap().unwrap();
    checkpoint.check(&key(folder)).unwrap();
    let tiles = dir.tiles(checkpoint.size);
    assert_eq!(merkle::root(checkpoint.size, &tiles).unwrap(), checkpoint.root);
    for entry in dir.entries(0..checkpoint.size).unwrap().map(Result::unwrap) {
        let proof = merkle::prove_inclusion(entry.index, checkpoint.size, &tiles).unwrap();
        let (size, root) = (checkpoint.size, &checkpoint.root);
        assert!(merkle::check_inclusion(entry.index, &entry.leaf_hash, size, root, &proof));
    }
    for old in former {
        let proof = merkle::prove_consistency(old.size, checkpoint.size, &tiles).unwrap();
        assert!(merkle::check_consistency(old.size, &old.root, checkpoint.size, &checkpoint.root, &proof));
    }
    checkpoint
}

#[tokio::test]
async fn a_disclosure_carries_the_receipt_of_its_record() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let answer = server.authorization().await.authorize(demand("one")).await.unwrap().into_inner();
    let receipt = answer.receipt.clone().unwrap();
    // On disk before the answer: the process is not asked to flush.
    server.kill();
    let log = log(&folder);
    let (index, leaf_hash, decided) = &log[&answer.decision_id];
    assert_eq!((*index, leaf_hash), (receipt.log_index, &receipt.leaf_hash));
    let key = key(&folder);
    let text = receipt_text(key.name(), *index, leaf_hash);
    assert!(key.holds(text.as_bytes(), &receipt.signature));
    assert_eq!((decided.request_id.as_str(), decided.data_ref.as_str()), ("one", "example/mail"));
    assert_eq!((decided.caller.as_str(), decided.hypothetical), ("local", false));
}

#[tokio::test]
async fn what_was_answered_is_recorded_though_the_process_is_killed() {
    let folder = TempDir::new().unwrap();
    let mut answered: Vec<AuthorizeResponse> = Vec::new();
    let mut checkpoints: Vec<Checkpoint> = Vec::new();
    for round in 0..rounds() {
        let server = start(&folder);
        let client = server.authorization().await;
        let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let askers: Vec<_> = (0..8)
            .map(|asker| {
                let (mut client, sender) = (client.clone(), sender.clone());
                tokio::spawn(async move {
                    for n in 0.. {
                        let question = demand(&format!("{round}-{asker}-{n}"));
                        let Ok(answer) = client.authorize(question).await else { return };
                        if sender.send(answer.into_inner()).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        // In the middle of the load, after another number of answers in each round.
        for _ in 0..(10 + 7 * (round % 10)) {
            answered.push(answers.recv().await.unwrap());
        }
        server.kill();
        drop(sender);
        for asker in askers {
            asker.await.unwrap();
        }
        while let Some(answer) = answers.recv().await {
            answered.push(answer);
        }
        checkpoints.push(checkpoint(&folder, &checkpoints));
    }
    let log = log(&folder);
    for answer in &answered {
        let receipt = answer.receipt.as_ref().unwrap();
        let (index, leaf_hash, _) =
            log.get(&answer.decision_id).unwrap_or_else(|| panic!("{answer:?} is lost"));
        assert_eq!((*index, leaf_hash), (receipt.log_index, &receipt.leaf_hash));
    }
}

#[tokio::test]
async fn without_room_on_the_disk_a_disclosure_is_not_answered() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let mut client = server.authorization().await;
    client.authorize(demand("before")).await.unwrap();
    // No file of the process may grow from here on: what a full disk does, and only to it.
    limit_files(&server, "0");
    let refused = eventually("a disclosure is refused", || {
        let mut client = client.clone();
        async move { client.authorize(demand("full")).await.err() }
    })
    .await;
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    limit_files(&server, "unlimited");
    let answer = eventually("it recovers without a restart", || {
        let mut client = client.clone();
        async move { client.authorize(demand("after")).await.ok() }
    })
    .await
    .into_inner();
    server.kill();
    assert!(log(&folder).contains_key(&answer.decision_id));
}

/// Sets the largest size of a file that the server may write.
fn limit_files(server: &Server, bytes: &str) {
    let pid = server.pid().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
    assert!(set.success());
    let files = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    assert!(files.contains("Max file size"));
}

#[tokio::test]
async fn what_hands_nothing_over_is_answered_from_the_buffer_and_recorded_later() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder);
    let mut client = server.authorization().await;
    client.authorize(demand("before")).await.unwrap();
    limit_files(&server, "0");
    client.authorize(demand("full")).await.unwrap_err();
    let transfer = AuthorizeRequest { action: Some(Action::Transfer.into()), ..demand("meanwhile") };
    let meanwhile = client.authorize(transfer).await.unwrap().into_inner();
    assert_eq!(meanwhile.receipt, None);
    limit_files(&server, "unlimited");
    eventually("it recovers without a restart", || {
        let mut client = client.clone();
        async move { client.authorize(demand("after")).await.ok() }
    })
    .await;
    assert!(server.stop().success());
    let log = log(&folder);
    assert!(log.contains_key(&meanwhile.decision_id), "an answer from the buffer is lost");
    // What the server ended with is published, and another run goes on after it.
    let before = checkpoint(&folder, &[]);
    let server = start(&folder);
    let next = server.authorization().await.authorize(demand("next")).await.unwrap().into_inner();
    assert!(next.receipt.unwrap().log_index >= before.size);
    assert!(server.stop().success());
    let size = before.size;
    assert!(checkpoint(&folder, &[before]).size > size);
}
