//! What the tests of the promises share: the bundle that is held to them, questions to ask it, and a server.
//!
//! The bundle is the default one. `SITUS_TEST_POLICIES=DIR cargo test` holds another to the same promises.

#![expect(dead_code, reason = "each file of tests uses a part of it")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub mod demands;
pub mod dice;
pub mod facts;
pub mod pki;
pub mod place;
pub mod server;
pub mod year;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::Value as Json;
use situs::domain::{Answer, Disposition, Effect, Fault, Files, Question, Verdict};
use situs::engine::{Known, decide};
use situs::grpc::{convert, words};
use situs::policy::{self, Bundle};
use situs::scenario::{self, CaseFile};
use uuid::Uuid;

/// Names the folder of the bundle under test.
const POLICIES: &str = "SITUS_TEST_POLICIES";

/// Questions that are asked whatever cases the bundle brings.
const SAMPLES: &str = include_str!("samples.toml");

/// The folder of the bundle under test; absent: the default bundle.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(POLICIES).map(PathBuf::from)
}

/// The files of the bundle under test.
pub fn files() -> Files {
    folder().map_or_else(policy::default_files, |folder| policy::read_folder(&folder).unwrap())
}

/// The bundle under test, loaded once.
pub fn bundle() -> &'static Bundle {
    static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| load(&files()).unwrap());
    &BUNDLE
}

/// Loads a bundle, or gives its faults.
pub fn load(files: &Files) -> Result<Bundle, Vec<Fault>> {
    Bundle::load(files).map(|(bundle, _report)| bundle).map_err(|error| error.faults)
}

/// The bundle's files with one more, or another in its place.
pub fn with(mut files: Files, path: &str, text: &str) -> Files {
    files.insert(path.to_owned(), Arc::from(text));
    files
}

/// Loads the files with one more, and says how the faults name it.
pub fn faults_with(path: &str, text: &str) -> Vec<String> {
    let faults = load(&with(files(), path, text)).err().unwrap_or_default();
    faults.into_iter().filter(|fault| fault.file == path).map(|fault| fault.to_string()).collect()
}

/// The instant at which every test decides that does not say another.
pub fn now() -> Timestamp {
    instant("2026-11-22T12:00:00Z")
}

/// Reads an instant.
pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

/// Every question of the bundle's cases, and those that are asked of every bundle, with their ids.
pub fn questions() -> &'static [(String, Question)] {
    static QUESTIONS: LazyLock<Vec<(String, Question)>> = LazyLock::new(|| {
        let facts = bundle().facts();
        let samples = CaseFile::read("samples.toml", SAMPLES, facts).unwrap();
        let files = scenario::read_cases(bundle().files(), facts).unwrap();
        let cases = std::iter::once(samples).chain(files).flat_map(|file| file.cases);
        cases.map(|case| (case.id, case.question)).collect()
    });
    &QUESTIONS
}

/// A question in plain words, checked as every question is.
pub fn question(words: &Json) -> Result<Question, String> {
    words::question(words, &**bundle().facts()).map_err(|error| error.to_string())
}

/// A question's plain words.
pub fn words_of(question: &Question) -> Json {
    words::write(&convert::to_request(question)).unwrap()
}

/// Decides a question by what it says itself.
pub fn ask(bundle: &Bundle, question: &Question) -> Answer {
    ask_at(bundle, question, now())
}

/// Decides a question at an instant.
pub fn ask_at(bundle: &Bundle, question: &Question, now: Timestamp) -> Answer {
    decide(bundle, question, &Known::default(), now, Uuid::nil()).answer
}

/// The reason codes of an answer.
pub fn codes(answer: &Answer) -> Vec<&str> {
    answer.reasons.iter().map(|reason| reason.code.as_str()).collect()
}

/// What every answer must be, whatever was asked.
pub fn well_formed(question: &Question, answer: &Answer) -> Result<(), String> {
    let is = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {answer:?}")) };
    let allowed = answer.decision == Verdict::Allow;
    let has = |effect: Effect| answer.reasons.iter().any(|reason| reason.effect == effect);
    is(allowed == (answer.disposition == Disposition::Permitted), "decision and disposition differ")?;
    is(!allowed || answer.routes.is_empty(), "an ALLOW has a route")?;
    is(!allowed || !has(Effect::Forbid), "an ALLOW has a forbid")?;
    is(!allowed || has(Effect::Permit), "an ALLOW has no permit")?;
    is(allowed || !has(Effect::Permit), "a DENY has a permit")?;
    is(!answer.next_step.is_empty(), "there is no next step")?;
    is(!answer.reasons.is_empty(), "there is no reason")?;
    let verdicts = &answer.category_verdicts;
    is(
        !allowed || verdicts.iter().all(|verdict| verdict.decision == Verdict::Allow),
        "a category is denied",
    )?;
    is(
        allowed || verdicts.is_empty() || verdicts.iter().any(|verdict| verdict.decision == Verdict::Deny),
        "every category is allowed, and the whole is not",
    )?;
    is(answer.hypothetical == question.as_of.is_some(), "hypothetical is wrong")?;
    is(answer.valid_until >= answer.decided_at, "it is no longer valid when it is given")?;
    is(!answer.hypothetical || answer.valid_until == answer.decided_at, "a hypothetical answer is valid")?;
    is(answer.as_of == question.as_of.unwrap_or(answer.decided_at), "as_of is another")?;
    is(!answer.policy_version.is_empty() && !answer.facts_version.is_empty(), "it has no version")
}
