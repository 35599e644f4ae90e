//! An edit of the bundle's folder takes effect as one whole, whatever wrote it; a bad one keeps the last good
//! bundle, and everybody can see that; each answer carries the version that it was decided under.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::place::{Place, small};
use common::server::{Server, Start, eventually};
use common::{load, question, with};
use serde_json::json;
use situs::domain::Files;
use situs::grpc::convert;
use situs::grpc::proto::{AuthorizeRequest, AuthorizeResponse, Decision, LoadFailure};
use situs::policy::write_folder;

/// The name by which health speaks of the bundle.
const BUNDLE: &str = "situs.v1.Bundle";
/// Files that an edit changes together.
const TOGETHER: &[&str] = &["core/test-1.cedar", "core/test-2.cedar", "regimes/test-3.cedar"];

/// A version of the bundle in which each of some files says the same word.
fn version(word: &str) -> Files {
    TOGETHER.iter().enumerate().fold(small(), |files, (place, path)| with(files, path, &saying(place, word)))
}

fn saying(place: usize, word: &str) -> String {
    format!(
        "@id(\"test.{place}\")\n@reason(\"nothing_permits\")\n@disposition(\"never\")\n\
         @next_step(\"refer_counsel\")\n@citation(\"{word}\")\nforbid (principal, action, resource is Holding);\n"
    )
}

fn digest(files: &Files) -> String {
    load(files).unwrap().version().to_owned()
}

fn request() -> AuthorizeRequest {
    let words = json!({
        "data_ref": "acme/mail", "action": "transfer", "jurisdiction": "DE",
        "requester": { "kind": "workload", "jurisdiction": "DE" },
        "holding": { "stored_in": ["DE"], "provider_established_in": ["DE"] },
    });
    convert::to_request(&question(&words).unwrap())
}

async fn ask(server: &Server) -> AuthorizeResponse {
    server.authorization().await.authorize(request()).await.unwrap().into_inner()
}

/// What the rules of the files that go together say in an answer.
fn words(answer: &AuthorizeResponse) -> Vec<String> {
    let of_test = answer.reasons.iter().filter(|reason| reason.policy_id.starts_with("test."));
    of_test.map(|reason| reason.citation.clone()).collect()
}

/// Waits until a version answers, and the last load was a good one.
async fn until_version(server: &Server, version: &str) {
    let what = format!("version {version}");
    let is_so = || async {
        let status = server.status().await;
        let is_active = status.active.is_some_and(|bundle| bundle.policy_version == version);
        let is_good = status.last_failure.is_none() && server.serves(BUNDLE).await;
        (is_active && is_good).then_some(())
    };
    eventually(&what, is_so).await;
    assert_eq!(ask(server).await.policy_version, version);
}

async fn until_failure(server: &Server) -> LoadFailure {
    let failure = eventually("a load that fails", || async { server.status().await.last_failure }).await;
    eventually("health that says so", || async { (!server.serves(BUNDLE).await).then_some(()) }).await;
    failure
}

/// What an editor does: write beside it, then rename.
fn save(path: &Path, text: &str) {
    let beside = path.with_extension("swp");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_takes_effect_however_it_is_written() {
    let place = Place::with(&version("A"));
    let server = place.start().ready();
    assert_eq!(server.version().await, digest(&version("A")));
    // By rename, in place, a new file, and a file removed.
    let b = with(version("A"), TOGETHER[0], &saying(0, "B"));
    save(&place.file(TOGETHER[0]), &saying(0, "B"));
    until_version(&server, &digest(&b)).await;
    let c = with(b, TOGETHER[1], &saying(1, "C"));
    fs::write(place.file(TOGETHER[1]), saying(1, "C")).unwrap();
    until_version(&server, &digest(&c)).await;
    let mut d = with(c, "tenants/deep/new.cedar", &saying(4, "D"));
    fs::create_dir_all(place.file("tenants/deep")).unwrap();
    fs::write(place.file("tenants/deep/new.cedar"), saying(4, "D")).unwrap();
    until_version(&server, &digest(&d)).await;
    assert_eq!(words(&ask(&server).await).len(), TOGETHER.len() + 1);
    d.remove(TOGETHER[2]);
    fs::remove_file(place.file(TOGETHER[2])).unwrap();
    until_version(&server, &digest(&d)).await;
    // What is no part of a bundle changes nothing.
    fs::write(place.file("README.md"), "what these rules are").unwrap();
    save(&place.file(TOGETHER[0]), &saying(0, "E"));
    until_version(&server, &digest(&with(d, TOGETHER[0], &saying(0, "E")))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_at_once_are_one_edit() {
    const EDITS: usize = 6;
    let versions: BTreeMap<String, &str> =
        ["A", "B"].into_iter().map(|word| (digest(&version(word)), word)).collect();
    let by_word = |word: &str| versions.iter().find(|(_, known)| **known == word).unwrap().0;
    let place = Place::with(&version("A"));
    let server = place.start().ready();
    let mut client = server.authorization().await;
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let known = versions.clone();
    let asking = tokio::spawn(async move {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        while !*stopped.borrow_and_update() {
            let answer = client.authorize(request()).await.unwrap().into_inner();
            let word =
                known.get(&answer.policy_version).unwrap_or_else(|| panic!("a third version: {answer:?}"));
            assert_eq!(words(&answer), [*word; 3], "an answer that is not its version's");
            *seen.entry(*word).or_default() += 1;
        }
        seen
    });
    for edit in 1..=EDITS {
        let word = if edit % 2 == 0 { "A" } else { "B" };
        // As a checkout does: one file after the other, in the order of their names.
        for (number, path) in TOGETHER.iter().enumerate() {
            fs::write(place.file(path), saying(number, word)).unwrap();
        }
        until_version(&server, by_word(word)).await;
    }
    stop.send(true).unwrap();
    let seen = asking.await.unwrap();
    assert_eq!(seen.len(), 2, "both were asked: {seen:?}");
}

/// Puts a version into a folder of its own, and points `..data` at it in one step, as a kubelet does.
fn mount(folder: &Path, name: &str, files: &Files) {
    write_folder(files, &folder.join(name)).unwrap();
    let link = folder.join("..data_tmp");
    std::os::unix::fs::symlink(name, &link).unwrap();
    fs::rename(link, folder.join("..data")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_swap_of_a_mounted_config_map_is_one_edit() {
    let folder = tempfile::tempdir().unwrap();
    let (policies, data) = (folder.path().join("policies"), folder.path().join("data"));
    fs::create_dir(&policies).unwrap();
    mount(&policies, "..2026_11_22_1", &version("A"));
    let tops: std::collections::BTreeSet<String> =
        version("A").keys().map(|path| path.split('/').next().unwrap().to_owned()).collect();
    for top in &tops {
        std::os::unix::fs::symlink(Path::new("..data").join(top), policies.join(top)).unwrap();
    }
    let server = Start::new(&data).policies(&policies).ready();
    assert_eq!(server.version().await, digest(&version("A")));
    for (number, word) in ["B", "A", "C"].into_iter().enumerate() {
        let name = format!("..2026_11_22_{}", number + 2);
        mount(&policies, &name, &version(word));
        fs::remove_dir_all(policies.join(format!("..2026_11_22_{}", number + 1))).unwrap();
        until_version(&server, &digest(&version(word))).await;
        assert_eq!(words(&ask(&server).await), [word; 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_keeps_the_last_good_bundle_and_everybody_can_see_it() {
    let place = Place::with(&version("A"));
    let good = digest(&version("A"));
    let server = place.start().ready();
    assert!(server.serves(BUNDLE).await && server.serves("").await);
    let misspelt = saying(0, "A").replace("nothing_permits", "nothing_permitz");
    save(&place.file(TOGETHER[0]), &format!("// a line above it\n{misspelt}"));
    let failure = until_failure(&server).await;
    assert!(failure.failed_at.is_some());
    let [error] = failure.errors.as_slice() else { panic!("{failure:?}") };
    assert_eq!((error.file.as_str(), error.line), (TOGETHER[0], Some(2)), "{error:?}");
    assert!(error.message.contains("did you mean `nothing_permits`"), "{error:?}");
    // It goes on answering from what it had, and is ready to.
    assert_eq!(server.version().await, good);
    let answer = ask(&server).await;
    assert_eq!((answer.policy_version.as_str(), words(&answer).len()), (good.as_str(), TOGETHER.len()));
    assert!(server.serves("").await && server.serves("situs.v1.AuthorizationService").await);
    let log = server.log();
    assert!(log.contains(TOGETHER[0]) && log.contains("the last good bundle keeps serving"), "{log}");
    // A case that no longer holds is a bad edit too, and a file that is no text.
    save(&place.file(TOGETHER[0]), &saying(0, "A"));
    until_version(&server, &good).await;
    let case = "[[case]]\nid = \"wrong\"\nas_of = \"2026-01-01\"\n[case.request]\ndata_ref = \"acme/mail\"\n\
                jurisdiction = \"DE\"\nrequester = { kind = \"workload\", jurisdiction = \"DE\" }\n\
                [case.expect]\ndecision = \"allow\"\n";
    fs::create_dir(place.file("scenarios")).unwrap();
    fs::write(place.file("scenarios/wrong.toml"), case).unwrap();
    let failure = until_failure(&server).await;
    assert!(
        failure.errors[0].file == "scenarios/wrong.toml" && failure.errors[0].message.contains("`wrong`")
    );
    fs::remove_dir_all(place.file("scenarios")).unwrap();
    until_version(&server, &good).await;
    fs::write(place.file(TOGETHER[0]), [0xff, 0xfe, 0x00]).unwrap();
    until_failure(&server).await;
    assert_eq!(ask(&server).await.policy_version, good);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_during_a_bad_edit_falls_back_to_the_last_good_bundle() {
    let place = Place::with(&version("A"));
    let good = digest(&version("A"));
    let server = place.start().ready();
    server.kill();
    fs::write(place.file(TOGETHER[0]), "forbid (").unwrap();
    let server = place.start().ready();
    until_failure(&server).await;
    let active = server.status().await.active.unwrap();
    assert_eq!(active.policy_version, good);
    assert!(active.source.contains("last good"), "{active:?}");
    assert!(server.log().contains("serving the last good bundle instead"));
    assert_eq!(ask(&server).await.policy_version, good);
    assert!(server.serves("").await);
    // What is mended takes over by itself.
    for (number, path) in TOGETHER.iter().enumerate() {
        save(&place.file(path), &saying(number, "B"));
    }
    until_version(&server, &digest(&version("B"))).await;
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_good_bundle_nothing_is_answered_until_there_is_one() {
    let place = Place::with(&with(version("A"), TOGETHER[0], "forbid ("));
    let server = place.start().go();
    until_failure(&server).await;
    assert!(!server.serves("").await);
    assert!(server.status().await.active.is_none());
    let status = server.authorization().await.authorize(request()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    save(&place.file(TOGETHER[0]), &saying(0, "A"));
    until_version(&server, &digest(&version("A"))).await;
    assert!(server.serves("").await);
    assert_eq!(ask(&server).await.decision(), Decision::Deny);
}
