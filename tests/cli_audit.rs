//! `situs audit`, over the data of a server: as an auditor, an operator or a script uses it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::place::{Place, small};
use serde_json::Value;
use situs::audit::{LogDir, Tile};

fn situs(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_situs"));
    for name in ["SITUS_SERVER", "SITUS_DATA_DIR", "SITUS_POLICIES", "SITUS_CONFIG", "COLUMNS"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null()).output().unwrap()
}

/// Standard output of a run that ended with that code.
fn check(code: i32, args: &[&str]) -> String {
    let output = situs(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    out.into_owned()
}

/// A server's data, once it answered some questions and ended.
struct Ended {
    place: Place,
    key: String,
    answers: Vec<Value>,
    /// A proof of the first answer's entry, as the server gave it.
    proof: String,
}

impl Ended {
    fn data(&self) -> &str {
        self.place.data.to_str().unwrap()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.place.data.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn ended() -> Ended {
    let place = Place::with(&small());
    let server = place.start().go();
    let key = server.line("log ").split_once(", key ").unwrap().1.to_owned();
    server.line("serving ");
    let address = server.address().to_owned();
    let answers = ["IE", "DE", "FR"].map(|place| {
        let question = [
            "authorize",
            "acme/crm",
            "--server",
            &address,
            "--requester",
            "kind=authority,jurisdiction=US",
            "--jurisdiction",
            place,
            "--output",
            "json",
        ];
        let output = situs(&question);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    });
    let answers: Vec<Value> = answers.into();
    let id = answers[0]["decision_id"].as_str().unwrap();
    // Until a checkpoint covers the entry, there is no proof, and the command says so.
    let proof = loop {
        let output = situs(&["audit", "proof", id, "--server", &address]);
        if output.status.success() {
            break String::from_utf8(output.stdout).unwrap();
        }
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("checkpoint"), "{error}");
    };
    assert!(check(0, &["audit", "checkpoint", "--server", &address]).contains("\u{2014} "));
    assert!(server.stop().success());
    Ended { place, key, answers, proof }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_log_is_verified_proved_read_and_broken() {
    let ended = ended();
    let (data, key) = (ended.data(), ended.key.as_str());
    let out = check(0, &["audit", "verify", data, "--key", key]);
    assert!(out.starts_with("OK ") && out.contains("3 decisions"), "{out}");

    // A proof of the server, and one of the files; each brings its entry.
    let id = ended.answers[0]["decision_id"].as_str().unwrap();
    let own = check(0, &["audit", "proof", id, "--data-dir", data]);
    for text in [&ended.proof, &own] {
        let proof = ended.file("decision.tlog-proof", text);
        let out = check(0, &["audit", "check-proof", path(&proof), "--key", key]);
        assert!(out.contains(id) && out.contains("is in the log"), "{out}");
    }
    let forged = own.replacen("index ", "index 1", 1);
    check(1, &["audit", "check-proof", path(&ended.file("forged", &forged)), "--key", key]);

    // The receipts of all answers were kept.
    let receipts: Vec<PathBuf> = (0..3)
        .map(|number| ended.file(&format!("answer-{number}.json"), &ended.answers[number].to_string()))
        .collect();
    for receipt in &receipts {
        let out = check(0, &["audit", "check-proof", path(receipt), "--key", key, "--dir", data]);
        assert!(out.contains("it kept that"), "{out}");
    }
    let proof = ended.file("own.tlog-proof", &own);
    check(0, &["audit", "check-proof", path(&receipts[0]), "--key", key, "--proof", path(&proof)]);
    check(1, &["audit", "check-proof", path(&receipts[1]), "--key", key, "--proof", path(&proof)]);
    let mut other = ended.answers[0].clone();
    other["receipt"]["log_index"] = Value::from(99);
    check(1, &["audit", "check-proof", path(&ended.file("other.json", &other.to_string())), "--key", key]);

    // What is in it, as lines, as a table, and the last of it.
    let lines = check(0, &["audit", "export", "--data-dir", data]);
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["decision_id"], ended.answers[0]["decision_id"]);
    assert_eq!(records[0]["leaf_hash"], ended.answers[0]["receipt"]["leaf_hash"]);
    let table = check(0, &["audit", "export", "--data-dir", data, "--format", "csv"]);
    assert_eq!((table.lines().count(), table.starts_with("log_index,leaf_hash,type,")), (4, true), "{table}");
    assert_eq!(check(0, &["audit", "export", "--data-dir", data, "--to", "2001-01-01"]), "");
    let tail = check(0, &["audit", "tail", "-n", "2", "--data-dir", data]);
    assert_eq!((tail.lines().count(), tail.contains(" decision ")), (2, true), "{tail}");

    // Nothing is old enough to go, and nothing is masked.
    let out = check(0, &["audit", "prune", "--keep", "30", "--data-dir", data]);
    assert!(out.contains("removed 0 bundles"), "{out}");
    check(0, &["audit", "erase", id, "--data-dir", data]);
    check(0, &["audit", "verify", data, "--key", key, "--whole"]);
    check(2, &["audit", "prune", "--data-dir", data]);
}

#[test]
fn a_log_that_is_begun_anew_breaks_its_receipts() {
    let ended = ended();
    let (data, key) = (ended.data(), ended.key.as_str());
    let former = ended.file("former", &check(0, &["audit", "checkpoint", "--data-dir", data]));
    let receipt = ended.file("answer.json", &ended.answers[0].to_string());
    // The holder of the key begins anew, and records something else.
    fs::remove_dir_all(ended.place.data.join("log")).unwrap();
    fs::remove_dir_all(ended.place.data.join("journal")).unwrap();
    let server = ended.place.start().go();
    server.line("serving ");
    let question = [
        "authorize",
        "other/data",
        "--server",
        server.address(),
        "--requester",
        "kind=authority,jurisdiction=US",
        "--jurisdiction",
        "NL",
    ];
    for _ in 0..4 {
        check(3, &question);
    }
    assert!(server.stop().success());
    // Alone it holds: nothing in the files can show it.
    check(0, &["audit", "verify", data, "--key", key]);
    let out = check(1, &["audit", "verify", data, "--key", key, "--since", path(&former)]);
    assert!(out.contains("rewritten") || out.contains("cut"), "{out}");
    let out = check(3, &["audit", "check-proof", path(&receipt), "--key", key, "--dir", data]);
    assert!(out.contains("BROKEN"), "{out}");
    let index = ended.answers[0]["receipt"]["log_index"].to_string();
    let proof = ended.file("instead", &check(0, &["audit", "proof", &index, "--data-dir", data]));
    let args = ["audit", "check-proof", path(&receipt), "--key", key, "--proof", path(&proof)];
    assert!(check(3, &args).contains("BROKEN"));
}

#[test]
fn a_changed_byte_is_named_by_its_entry() {
    let ended = ended();
    let log = LogDir::open(&ended.place.data);
    let size = log.checkpoint().unwrap().unwrap().size;
    let bundle = log.log().join(Tile::Entries { index: 0 }.path(size));
    let mut bytes = fs::read(&bundle).unwrap();
    bytes[30] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let out = check(1, &["audit", "verify", ended.data(), "--key", &ended.key]);
    assert!(out.starts_with("BAD ") && out.contains("first wrong entry: 0"), "{out}");
}
