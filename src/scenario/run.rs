//! Running cases against a bundle.

use jiff::Timestamp;
use uuid::Uuid;

use super::case::{Case, CaseFile};
use super::compare::{Comparison, compare};
use crate::domain::{Answer, Fault, Files};
use crate::engine::{Known, decide};
use crate::law::Facts;
use crate::policy::Bundle;

/// What came of one case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The file.
    pub path: String,
    /// The case.
    pub case: Case,
    /// What was answered.
    pub answer: Answer,
    /// How it differs.
    pub comparison: Comparison,
}

/// Reads the case files of a bundle.
///
/// # Errors
/// Every fault of every file.
pub fn read_cases(files: &Files, facts: &Facts) -> Result<Vec<CaseFile>, Vec<Fault>> {
    let (mut read, mut faults) = (Vec::new(), Vec::new());
    let cases = files.iter().filter(|(path, _)| path.starts_with("scenarios/") && path.ends_with(".toml"));
    for (path, text) in cases {
        match CaseFile::read(path, text, facts) {
            Ok(file) => read.push(file),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

/// Asks every case of a file.
pub fn run<'a>(bundle: &'a Bundle, file: &'a CaseFile, now: Timestamp) -> impl Iterator<Item = Outcome> + 'a {
    file.cases.iter().map(move |case| {
        let answer = answer(bundle, case, now);
        let comparison = compare(&case.expect, &answer);
        Outcome { path: file.path.clone(), case: case.clone(), answer, comparison }
    })
}

/// Asks one case, of which nothing is registered.
#[must_use]
pub fn answer(bundle: &Bundle, case: &Case, now: Timestamp) -> Answer {
    decide(bundle, &case.question, &Known::default(), now, Uuid::nil()).answer
}
