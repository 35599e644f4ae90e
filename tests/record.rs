//! No answer that hands something over without a durable record of it: not on a full disk, and not when the
//! process is killed.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::place::{Place, small};
use common::question;
use common::server::{Server, Start, eventually};
use prost::Message;
use serde_json::json;
use situs::audit::{self, Entry};
use situs::grpc::convert;
use situs::grpc::proto::{AuthorizeRequest, AuthorizeResponse, DecisionRecord, Receipt};
use tonic::Code;

fn asking(action: &str, request_id: &str) -> AuthorizeRequest {
    let words = json!({
        "data_ref": "acme/mail", "action": action, "jurisdiction": "DE", "request_id": request_id,
        "requester": { "kind": "authority", "authority_type": "police", "jurisdiction": "DE" },
        "tenant": { "type": "enterprise" },
        "holding": {
            "stored_in": ["DE"], "data_kinds": ["personal"], "data_categories": ["content"],
            "provider_established_in": ["DE"],
        },
        "process": { "instrument": "search_warrant", "issued_by": "court", "names_accounts": true },
    });
    convert::to_request(&question(&words).unwrap())
}

/// Every record of a journal whose server has ended, by its place.
fn records(data: &Path) -> Vec<(Entry, DecisionRecord)> {
    let entries = audit::read(data).unwrap().map(Result::unwrap);
    let records: Vec<_> =
        entries.map(|entry| (entry.clone(), DecisionRecord::decode(&*entry.bytes).unwrap())).collect();
    let is_gapless = records.iter().zip(0..).all(|((entry, _), place)| entry.index == place);
    assert!(is_gapless, "a place of the journal is missing");
    records
}

/// That an answer stands in the journal where its receipt says, as it was given.
fn recorded(records: &[(Entry, DecisionRecord)], answer: &AuthorizeResponse) {
    let Receipt { log_index, leaf_hash, .. } = answer.receipt.clone().unwrap();
    let (entry, record) = &records[usize::try_from(log_index).unwrap()];
    assert_eq!(entry.leaf_hash.to_vec(), leaf_hash);
    assert_eq!(audit::leaf_hash(&entry.bytes), entry.leaf_hash);
    let given = AuthorizeResponse { receipt: None, ..answer.clone() };
    assert_eq!(record.answer, Some(given));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_hands_something_over_has_a_receipt_for_its_record() {
    let place = Place::with(&small());
    let server = place.start().ready();
    let mut client = server.authorization().await;
    let mut answers = Vec::new();
    for (number, action) in
        ["disclose", "surrender_key", "transfer", "disclose", "preserve"].into_iter().enumerate()
    {
        let asked = asking(action, &number.to_string());
        let answer = client.authorize(asked.clone()).await.unwrap().into_inner();
        assert_eq!(answer.receipt.is_some(), ["disclose", "surrender_key"].contains(&action), "{action}");
        answers.push((asked, answer));
    }
    assert!(server.stop().success());
    let records = records(&place.data);
    assert_eq!(records.len(), answers.len());
    for ((asked, answer), (_, record)) in answers.iter().zip(&records) {
        assert_eq!(record.answer.as_ref().unwrap().decision_id, answer.decision_id);
        assert_eq!(record.question.as_ref(), Some(asked));
        assert_eq!(
            (record.caller.as_str(), record.engine_version.as_str()),
            ("local", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(record.holding.as_ref().unwrap().stored_in, ["DE"]);
        assert_eq!(record.process.as_ref().unwrap().instrument.as_deref(), Some("search_warrant"));
        if answer.receipt.is_some() {
            recorded(&records, answer);
        }
    }
}

/// A server to whose files nothing can be added once it is told so. It takes an error for it, not a signal.
fn limited(place: &Place) -> Server {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    Start::under(shell, &place.data).policies(&place.policies).ready()
}

/// Sets the most bytes that a file of a server's can have.
fn limit(server: &Server, bytes: &str) {
    let pid = server.pid().to_string();
    let soft = format!("--fsize={bytes}:unlimited");
    assert!(Command::new("prlimit").args(["--pid", &pid, &soft]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_handed_over_and_it_goes_on_when_there_is_room() {
    let place = Place::with(&small());
    let server = limited(&place);
    let mut client = server.authorization().await;
    let before = client.authorize(asking("disclose", "before")).await.unwrap().into_inner();
    limit(&server, "0");
    for number in 0..3 {
        let status = client.authorize(asking("disclose", &format!("full-{number}"))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        assert!(status.message().contains("could not be recorded"), "{status:?}");
    }
    // What hands nothing over is answered while there is room in the buffer, and is recorded later.
    let meanwhile = client.authorize(asking("transfer", "meanwhile")).await.unwrap().into_inner();
    limit(&server, "unlimited");
    let after = eventually("a record once there is room", || async {
        let mut client = server.authorization().await;
        client.authorize(asking("disclose", "after")).await.ok().map(tonic::Response::into_inner)
    });
    let after = after.await;
    assert!(server.stop().success());
    let records = records(&place.data);
    recorded(&records, &before);
    recorded(&records, &after);
    let is_there = |(_, record): &(Entry, DecisionRecord)| {
        record.answer.as_ref().is_some_and(|answer| answer.decision_id == meanwhile.decision_id)
    };
    assert!(records.iter().any(is_there), "an answer from the buffer is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answered_disclosure_is_in_the_journal_of_a_server_that_was_killed() {
    const CLIENTS: usize = 8;
    const BEFORE_THE_KILL: usize = 60;
    let place = Place::with(&small());
    for round in 0..3 {
        let server = place.start().ready();
        let answered = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let (mut client, answered) = (server.authorization().await, Arc::clone(&answered));
            clients.push(tokio::spawn(async move {
                let mut answers = Vec::new();
                for question in 0.. {
                    let asked = asking("disclose", &format!("{round}-{number}-{question}"));
                    let Ok(answer) = client.authorize(asked).await else { break };
                    answers.push(answer.into_inner());
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                answers
            }));
        }
        let counted = Arc::clone(&answered);
        let enough = || async { (counted.load(Ordering::Relaxed) >= BEFORE_THE_KILL).then_some(()) };
        eventually("answers to lose", enough).await;
        server.kill();
        let mut answers = Vec::new();
        for client in clients {
            answers.extend(client.await.unwrap());
        }
        assert!(answers.len() >= BEFORE_THE_KILL);
        // Another run finds them too, and goes on after them.
        let server = place.start().ready();
        let next = server.authorization().await.authorize(asking("disclose", "next")).await;
        answers.push(next.unwrap().into_inner());
        assert!(server.stop().success());
        let records = records(&place.data);
        answers.iter().for_each(|answer| recorded(&records, answer));
        let ids: BTreeMap<&str, usize> = records.iter().fold(BTreeMap::new(), |mut ids, (_, record)| {
            *ids.entry(record.answer.as_ref().map_or("", |answer| &answer.decision_id)).or_default() += 1;
            ids
        });
        assert!(ids.values().all(|count| *count == 1), "a decision stands in the journal twice");
    }
}
