//! `situs audit replay` over the data folder of a server that has run, or runs.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::server::{Server, Start, eventually};
use serde_json::{Value, json};
use situs::audit::LogDir;
use situs::domain::EntryKind;
use situs::grpc::proto::catalog_service_client::CatalogServiceClient;
use situs::grpc::proto::{AuthorizeRequest, Entry, PutRequest};
use situs::grpc::{convert, words};
use situs::policy;
use situs::replay::{Select, past};
use tempfile::TempDir;

const FORBID: &str = "@id(\"test.small\")\n@reason(\"nothing_permits\")\n@disposition(\"prohibited_by_law\")\n\
     @next_step(\"refuse_policy\")\nforbid (principal, action == Action::\"transfer\", resource)\n\
     when { resource.subject_count < 5 };\n";

/// The bundle under test without its cases: a debug build then loads it in a moment.
fn bundle(folder: &Path) {
    let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
    policy::write_folder(&files, folder).unwrap();
}

/// The exit code, the output and the errors.
fn replay(data: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_situs"));
    command.args(["audit", "replay", "--data-dir"]).arg(data).args(args);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn replay_json(data: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let (code, text, errors) = replay(data, &[&["--json"], args].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}")))
}

async fn put(server: &Server, kind: EntryKind, value: Value) {
    let entry = words::entry(kind, &value, &**common::bundle().facts()).unwrap();
    let entry: Entry = convert::to_entry(&entry);
    let mut client = CatalogServiceClient::new(server.connect().await);
    client.put(PutRequest { entry: Some(entry), ..PutRequest::default() }).await.unwrap();
}

fn holding(residency: &[&str]) -> Value {
    json!({
        "data_ref": "acme/mail", "stored_in": ["IE"], "residency": residency, "data_kinds": ["personal"],
        "subject_count": 1, "provider_role": "processor", "subject_locations": ["IE"],
        "provider_established_in": ["IE"], "data_categories": ["content"],
    })
}

async fn ask(server: &Server, place: &str) {
    let question: AuthorizeRequest = words::read(&json!({
        "data_ref": "acme/mail/2026", "jurisdiction": place, "action": "transfer",
        "requester": { "kind": "workload", "jurisdiction": place }, "transfer": { "mode": "replication" },
    }))
    .unwrap();
    server.authorization().await.authorize(question).await.unwrap();
}

#[tokio::test]
async fn what_was_answered_is_answered_again_and_an_edit_shows_what_it_changes() {
    let folder = TempDir::new().unwrap();
    let (policies, data) = (folder.path().join("policies"), folder.path().join("data"));
    bundle(&policies);
    let other = folder.path().join("other");
    bundle(&other);
    let server = Start::new(&data).policies(&policies).ready();
    put(&server, EntryKind::Tenant, json!({ "id": "acme", "type": "enterprise", "established_in": ["IE"] }))
        .await;
    put(&server, EntryKind::Holding, holding(&["IE"])).await;
    for place in ["IE", "IE", "US"] {
        ask(&server, place).await;
    }
    // Another version in between.
    let before = server.version().await;
    std::fs::write(policies.join("core/test-small.cedar"), FORBID).unwrap();
    eventually("the edit is served", || async { (server.version().await != before).then_some(()) }).await;
    ask(&server, "IE").await;

    // Beside the server that runs, once what it buffered is written.
    let recorded = || async {
        let records = past(&LogDir::open(&data), Select::default()).ok()?;
        (records.count() == 4).then_some(())
    };
    eventually("all are recorded", recorded).await;
    let (code, same) = replay_json(&data, &[]);
    assert_eq!((code, &same["same"], &same["differ"]), (Some(0), &json!(4), &json!(0)), "{same:#}");

    // Under the rules as they were at first, what was allowed then still is, and the last is allowed too.
    let (code, first) = replay_json(&data, &["--policies", other.to_str().unwrap()]);
    assert_eq!((code, &first["same"], &first["differ"]), (Some(1), &json!(3), &json!(1)), "{first:#}");
    assert_eq!(first["changes"], json!({ "deny_to_allow": 1 }));
    assert_eq!(first["causes"], json!({ "bundle": 1 }));
    assert_eq!(first["rules"][0]["policy_id"], "test.small");
    assert_eq!((&first["rules"][0]["part"], &first["rules"][0]["edit"]), (&json!("gone"), &json!("removed")));
    assert_eq!(first["tenants"], json!([{ "tenant": "acme", "change": "deny_to_allow", "count": 1 }]));
    let flow = &first["flows"][0];
    assert_eq!(
        (&flow["action"], &flow["from"], &flow["to"]),
        (&json!("transfer"), &json!(["IE"]), &json!("IE"))
    );
    assert_eq!(first["differences"].as_array().unwrap().len(), 1);

    // Under the edited rules those that were allowed are not.
    let (code, text, _errors) = replay(&data, &["--policies", policies.to_str().unwrap(), "--show", "1"]);
    assert_eq!(code, Some(1), "{text}");
    for words in [
        "4 of 4 records decided again under bundle",
        "2  allow -> deny",
        "3  forbid test.small decides now; it was added",
        "2  transfer IE -> IE: allow -> deny",
        "2  acme: allow -> deny",
        "The first 1 of 3",
    ] {
        assert!(text.contains(words), "`{words}` is not in:\n{text}");
    }
    let (code, ..) = replay(&data, &["--policies", policies.to_str().unwrap(), "--to", "2020-01-01"]);
    assert_eq!(code, Some(2), "nothing was decided by then");

    // The catalogue goes on; what is recorded does not.
    put(&server, EntryKind::Holding, holding(&["US"])).await;
    let (code, now) = replay_json(&data, &["--catalog", "--fail-on", "decision"]);
    assert_eq!(code, Some(1), "{now:#}");
    assert_eq!(now["causes"], json!({ "catalogue": 4 }), "{now:#}");
    assert!(server.stop().success());
    assert_eq!(replay(&data, &[]).0, Some(0));

    // Without its bundle a record is counted.
    std::fs::remove_dir_all(data.join("bundles").join(&before)).unwrap();
    let (code, missing) = replay_json(&data, &[]);
    assert_eq!((code, &missing["same"]), (Some(0), &json!(1)), "{missing:#}");
    assert_eq!(missing["not_replayed"]["bundle_not_kept"], json!({ before: 3 }));
}

#[test]
fn without_a_log_there_is_nothing_to_replay() {
    let folder = TempDir::new().unwrap();
    let (code, text, errors) = replay(folder.path(), &[]);
    assert_eq!(code, Some(2), "{text}{errors}");
    let (code, text, errors) = replay(folder.path(), &["--from", "yesterday"]);
    assert_eq!((code, text.as_str()), (Some(2), ""));
    assert!(errors.contains("give a date"), "{errors}");
}
