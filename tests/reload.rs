//! Edits of a bundle while it is asked: each takes effect as one whole, a bad one never does, and a restart
//! during a bad one falls back to the last that was good.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::server::{Server, Start, eventually};
use situs::grpc::proto::AuthorizeRequest;
use situs::grpc::words;
use situs::policy;
use tempfile::TempDir;

/// The bundle under test without its cases, in a folder of its own: a debug build then loads it in a moment.
fn bundle(folder: &Path) {
    let files = common::files().into_iter().filter(|(path, _)| !path.starts_with("scenarios/")).collect();
    policy::write_folder(&files, folder).unwrap();
}

/// A rule that refuses everything, told apart by its id, and kept in as many files as there are ids.
fn edit(id: &str) -> String {
    format!(
        "@id(\"{id}\")\n@reason(\"nothing_permits\")\n@disposition(\"no_grant\")\n@next_step(\"refer_counsel\")\n\
         forbid (principal, action == Action::\"transfer\", resource);\n"
    )
}

/// Saves as an editor does: a new file beside, then renamed over.
fn save(path: &Path, text: &str) {
    let aside = path.with_extension("cedar~");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, path).unwrap();
}

fn question() -> AuthorizeRequest {
    let words = serde_json::json!({
        "data_ref": "example/reload",
        "jurisdiction": "FR",
        "requester": { "kind": "workload", "jurisdiction": "IE" },
        "holding": {
            "stored_in": ["IE"], "data_kinds": ["personal"], "subject_count": 1,
            "provider_role": "processor", "provider_established_in": ["IE"],
        },
    });
    words::read(&words).unwrap()
}

/// Asks once: the version that answered, and the rules that it named.
async fn ask(server: &Server) -> (String, Vec<String>) {
    let answer = server.authorization().await.authorize(question()).await.unwrap().into_inner();
    (answer.policy_version, answer.reasons.into_iter().map(|reason| reason.policy_id).collect())
}

async fn until_version_is_not(server: &Server, old: &str) -> String {
    eventually("another version answers", || async {
        Some(server.version().await).filter(|version| version != old)
    })
    .await
}

struct Setup {
    _folder: TempDir,
    policies: PathBuf,
    data: PathBuf,
}

fn setup() -> Setup {
    let folder = TempDir::new().unwrap();
    let policies = folder.path().join("policies");
    bundle(&policies);
    let data = folder.path().join("data");
    Setup { policies, data, _folder: folder }
}

#[tokio::test]
async fn a_save_and_a_write_in_place_take_effect() {
    let setup = setup();
    let server = Start::new(&setup.data).policies(&setup.policies).go();
    server.line("serving ");
    let first = server.version().await;
    assert_eq!(ask(&server).await.0, first, "every answer carries its version");

    let own = setup.policies.join("tenants/own.cedar");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    save(&own, &edit("own.saved"));
    let second = until_version_is_not(&server, &first).await;
    let (version, rules) = ask(&server).await;
    assert_eq!(version, second);
    assert!(rules.contains(&"own.saved".to_owned()), "{rules:?}");

    fs::write(&own, edit("own.written")).unwrap();
    until_version_is_not(&server, &second).await;
    assert!(ask(&server).await.1.contains(&"own.written".to_owned()));
}

#[tokio::test]
async fn a_change_of_many_files_is_seen_as_one_whole() {
    let setup = setup();
    let tenants = setup.policies.join("tenants");
    fs::create_dir_all(&tenants).unwrap();
    let files = 20;
    let write = |word: &str| {
        for n in 0..files {
            fs::write(tenants.join(format!("f{n}.cedar")), edit(&format!("own.{word}.{n}"))).unwrap();
        }
    };
    write("a");
    let server = Start::new(&setup.data).policies(&setup.policies).go();
    server.line("serving ");
    let a = server.version().await;
    write("b");
    // Whatever answers meanwhile is all of one or all of the other.
    let seen = eventually("the second state answers", || async {
        let (version, rules) = ask(&server).await;
        let of = |word: &str| rules.iter().filter(|rule| rule.starts_with(&format!("own.{word}."))).count();
        let (of_a, of_b) = (of("a"), of("b"));
        assert!([(files, 0), (0, files)].contains(&(of_a, of_b)), "{of_a} of a and {of_b} of b in one answer");
        assert_eq!(version == a, of_a == files);
        (of_b == files).then_some(version)
    })
    .await;
    assert_ne!(seen, a);
}

#[tokio::test]
async fn a_mounted_config_map_is_swapped() {
    let folder = TempDir::new().unwrap();
    let mount = folder.path().join("mount");
    fs::create_dir_all(&mount).unwrap();
    let state = |name: &str, id: &str| {
        let state = mount.join(name);
        bundle(&state);
        fs::create_dir_all(state.join("tenants")).unwrap();
        fs::write(state.join("tenants/own.cedar"), edit(id)).unwrap();
    };
    state("..2026_01", "own.first");
    symlink("..2026_01", mount.join("..data")).unwrap();
    for entry in fs::read_dir(mount.join("..2026_01")).unwrap() {
        let name = entry.unwrap().file_name();
        symlink(Path::new("..data").join(&name), mount.join(&name)).unwrap();
    }
    let server = Start::new(&folder.path().join("data")).policies(&mount).go();
    server.line("serving ");
    let first = server.version().await;
    assert!(ask(&server).await.1.contains(&"own.first".to_owned()));

    state("..2026_02", "own.second");
    symlink("..2026_02", mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    until_version_is_not(&server, &first).await;
    assert!(ask(&server).await.1.contains(&"own.second".to_owned()));
}

#[tokio::test]
async fn a_bad_edit_keeps_the_last_good_bundle_and_is_seen() {
    let setup = setup();
    let server = Start::new(&setup.data).policies(&setup.policies).go();
    server.line("serving ");
    let good = server.version().await;
    let bad = setup.policies.join("core/zz-bad.cedar");
    save(&bad, "// a comment\n\npermit (principal, action, resource) when { Jurisdiction::\"UK\" == 1 };\n");
    let failure = eventually("the failure is in the status", || async { server.status().await.last_failure }).await;
    assert!(failure.errors.iter().any(|error| error.file == "core/zz-bad.cedar" && error.line == Some(3)), "{failure:?}");
    assert_eq!(server.version().await, good);
    assert_eq!(ask(&server).await.0, good);
    eventually("the bundle's health says so", || async {
        (!server.serves("situs.v1.Bundle").await).then_some(())
    })
    .await;
    assert!(server.serves("").await, "the last good bundle keeps answering");
    assert!(server.log().contains("zz-bad.cedar"));

    // A restart during the bad edit falls back, and says so.
    assert!(server.stop().success());
    let server = Start::new(&setup.data).policies(&setup.policies).go();
    assert!(server.line("serving ").contains("the last good bundle"));
    assert_eq!(ask(&server).await.0, good);
    assert!(!server.serves("situs.v1.Bundle").await);

    fs::remove_file(bad).unwrap();
    eventually("it recovers", || async { server.serves("situs.v1.Bundle").await.then_some(()) }).await;
    assert!(server.status().await.last_failure.is_none());
}

#[tokio::test]
async fn with_no_good_bundle_nothing_is_answered() {
    let setup = setup();
    fs::write(setup.policies.join("core/zz-bad.cedar"), "permit (").unwrap();
    let server = Start::new(&setup.data).policies(&setup.policies).go();
    eventually("the failure is in the status", || async { server.status().await.last_failure }).await;
    assert!(!server.serves("").await);
    let refused = server.authorization().await.authorize(question()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    fs::remove_file(setup.policies.join("core/zz-bad.cedar")).unwrap();
    eventually("it serves", || async { server.serves("").await.then_some(()) }).await;
    assert!(ask(&server).await.1.contains(&"core.move".to_owned()));
}
