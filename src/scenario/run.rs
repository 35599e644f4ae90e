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

/// Asks every case of every file, on all processors, and gives the outcomes in order.
#[must_use]
pub fn run_all(bundle: &Bundle, files: &[CaseFile], now: Timestamp) -> Vec<Outcome> {
    let cases: Vec<(&str, &Case)> =
        files.iter().flat_map(|file| file.cases.iter().map(|case| (file.path.as_str(), case))).collect();
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let share = cases.len().div_ceil(workers).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> = cases
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    chunk.iter().map(|(path, case)| ask(bundle, path, case, now)).collect::<Vec<_>>()
                })
            })
            .collect();
        // A worker that panicked gives nothing; the cases are then asked here, where a panic is seen.
        let shares = running.into_iter().zip(cases.chunks(share)).map(|(worker, chunk)| {
            worker
                .join()
                .unwrap_or_else(|_| chunk.iter().map(|(path, case)| ask(bundle, path, case, now)).collect())
        });
        shares.flatten().collect()
    })
}

fn ask(bundle: &Bundle, path: &str, case: &Case, now: Timestamp) -> Outcome {
    let answer = answer(bundle, case, now);
    let comparison = compare(&case.expect, &answer);
    Outcome { path: path.to_owned(), case: case.clone(), answer, comparison }
}

/// Asks one case, of which nothing is registered.
#[must_use]
pub fn answer(bundle: &Bundle, case: &Case, now: Timestamp) -> Answer {
    decide(bundle, &case.question, &Known::default(), now, Uuid::nil()).answer
}
