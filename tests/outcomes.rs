//! The outcomes that the facts declare: what each fulfils is an obligation, and nothing else fulfils any.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::sync::Arc;

use situs::domain::{IdentifierSet, Vocabulary};
use situs::law::{Facts, IdSet};

/// The faults of the facts with one change to a file.
fn faults(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut files = common::files();
    let text = &files[file];
    assert!(text.contains(from), "{file} does not hold what is to be changed");
    let changed: Arc<str> = text.replacen(from, to, 1).into();
    files.insert(file.to_owned(), changed);
    let faults = Facts::load(&files).err().unwrap_or_default();
    faults.iter().map(|fault| fault.message.clone()).collect()
}

#[test]
fn every_outcome_has_a_sentence_and_fulfils_what_is_declared() {
    let facts = Facts::load(&common::files()).map_err(|faults| format!("{faults:?}")).unwrap();
    assert!(facts.fulfils().len() >= 10);
    for (outcome, duties) in facts.fulfils() {
        assert!(facts.declares(IdentifierSet::Outcome, outcome));
        assert!(facts.message(IdSet::Outcome, outcome).ends_with('.'), "{outcome}");
        assert!(duties.iter().all(|duty| facts.ids(IdSet::Obligation).contains(duty)), "{outcome}");
    }
}

#[test]
fn a_word_that_is_no_obligation_is_a_fault() {
    let found = faults("facts/outcomes.toml", "\"deliver_within\"", "\"deliver_withn\"");
    assert_eq!(found, ["`deliver_withn` is not a known obligation; did you mean `deliver_within`?"]);
}

#[test]
fn an_outcome_is_declared_once_and_says_something() {
    let found = faults("facts/outcomes.toml", "kind = \"withheld\"", "kind = \"narrowed\"");
    assert_eq!(found, ["outcome `narrowed` is declared twice"]);
    let found = faults("facts/outcomes.toml", "message = \"Nothing was handed over.\"\n", "");
    assert_eq!(found, ["outcome `withheld` has no name or message"]);
}

#[test]
fn only_an_outcome_fulfils() {
    let row = "kind = \"minimise\"\n";
    let found = faults("facts/obligations.toml", row, &format!("{row}fulfils = [\"log\"]\n"));
    assert_eq!(found, ["obligation `minimise` fulfils nothing: only an outcome does"]);
}
