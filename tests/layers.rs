//! The rules of the source itself: who may name what, that no law stands in it, and how long a file may be.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::bundle;
use common::facts::{rows, text};
use situs::law::IdSet;

/// No file is longer, its tests included.
const MOST_LINES: usize = 400;

/// Every file of the source, by its path below `src`, with its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            sources.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    sources.sort();
    assert!(sources.len() > 50);
    sources
}

/// The code of a file without its tests, its comments and the texts in it; and those texts.
fn code_and_literals(source: &str) -> (String, Vec<String>) {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let (mut code, mut literals) = (String::new(), Vec::new());
    let mut rest = source.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '/' if rest.peek() == Some(&'/') => drop(rest.by_ref().find(|next| *next == '\n')),
            // A quote as a character is not the beginning of a text; a lifetime has no second mark.
            '\'' if rest.peek() == Some(&'"') => drop(rest.by_ref().take(2).count()),
            '"' => {
                let mut literal = String::new();
                while let Some(next) = rest.next().filter(|next| *next != '"') {
                    literal.push(next);
                    if next == '\\' {
                        literal.extend(rest.next());
                    }
                }
                literals.push(literal);
                code.push_str("\"\"");
            }
            other => code.push(other),
        }
    }
    (code, literals)
}

/// Whether a file has tests and nothing else.
fn is_test(path: &str) -> bool {
    path.ends_with("tests.rs") || path.contains("/tests/") || path.ends_with("testing.rs")
}

/// Whether a file belongs to a module: it is the module's own, or stands below it.
fn belongs(path: &str, module: &str) -> bool {
    path == format!("{module}.rs") || path.starts_with(&format!("{module}/"))
}

#[test]
fn each_outside_word_is_named_in_its_own_module_only() {
    for (word, module) in [
        ("cedar_policy", "policy"),
        ("proto::", "grpc"),
        ("dashmap", "catalog"),
        ("DashMap", "catalog"),
        ("rusqlite", "catalog"),
        ("tonic::", "grpc"),
        ("notify::", "server"),
        ("clap::", "cli"),
    ] {
        let outside: Vec<String> = sources()
            .iter()
            .filter(|(path, text)| !belongs(path, module) && code_and_literals(text).0.contains(word))
            .map(|(path, _)| path.clone())
            // The root puts the transport and its layers together, and the settings are flags.
            .filter(|path| !(belongs(path, "server") && word == "tonic::"))
            .filter(|path| !(belongs(path, "config") && word == "clap::"))
            .collect();
        assert!(outside.is_empty(), "`{word}` is named outside `{module}`: {outside:?}");
        let inside = sources().iter().any(|(path, text)| belongs(path, module) && text.contains(word));
        assert!(inside, "`{word}` is not named in `{module}` either");
    }
}

/// The modules from the ground up: each may name those before it.
const LAYERS: &[&str] = &[
    "domain",
    "audit",
    "catalog",
    "law",
    "policy",
    "engine",
    "grpc",
    "scenario",
    "config",
    "telemetry",
    "server",
    "cli",
];

#[test]
fn arrows_point_down() {
    let declared: BTreeSet<String> = sources().iter().map(|(path, _)| module_of(path)).collect();
    for (path, text) in sources().iter().filter(|(path, _)| !is_test(path)) {
        let module = module_of(path);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let own = LAYERS.iter().position(|layer| **layer == module);
        let own = own.unwrap_or_else(|| panic!("`{module}` has no layer"));
        let code = code_and_literals(text).0;
        for named in code.split("crate::").skip(1) {
            let group = named.strip_prefix('{').and_then(|group| group.split('}').next());
            let first = |part: &str| {
                part.trim()
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let names: Vec<String> = match group {
                Some(group) => group.split(',').map(first).collect(),
                None => vec![first(named)],
            };
            for name in names.iter().filter(|name| declared.contains(*name)) {
                let other = LAYERS.iter().position(|layer| layer == name);
                assert!(
                    other.is_some_and(|other| other <= own),
                    "`{path}` names `{name}`, which stands above it"
                );
            }
        }
    }
}

fn module_of(path: &str) -> String {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// What law declares: nobody would write it for another reason.
fn words_of_law() -> BTreeSet<String> {
    let facts = bundle().facts();
    let sets =
        [IdSet::Regime, IdSet::Relation, IdSet::Mechanism, IdSet::Instrument, IdSet::Safeguard, IdSet::Flag];
    let mut words: BTreeSet<String> = sets.iter().flat_map(|set| facts.ids(*set)).cloned().collect();
    for (table, key) in [
        ("jurisdiction", "code"),
        ("jurisdiction", "name"),
        ("grouping", "id"),
        ("region", "id"),
        ("alias", "code"),
    ] {
        words.extend(rows(table).iter().map(|row| text(row, key).to_owned()));
    }
    // Words that are everyday ones as well.
    for everyday in ["contract", "encrypted", "consent", "subpoena", "none", "unknown"] {
        words.remove(everyday);
    }
    words
}

#[test]
fn no_law_is_named_in_the_source() {
    let law = words_of_law();
    assert!(law.contains("eu-gdpr-ch5") && law.contains("US") && law.contains("Ireland"));
    let mut found = Vec::new();
    for (path, source) in sources().iter().filter(|(path, _)| !is_test(path)) {
        for literal in code_and_literals(source).1 {
            if law.contains(&literal) {
                found.push(format!("{path}: \"{literal}\""));
            }
            let years = literal.split(|c: char| !c.is_ascii_digit() && c != '-').any(is_day);
            if years {
                found.push(format!("{path}: a day in \"{literal}\""));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Whether a word is a day, such as `2016-07-14`.
fn is_day(word: &str) -> bool {
    word.len() == 10 && word.parse::<jiff::civil::Date>().is_ok()
}

#[test]
fn no_file_is_too_long_and_each_says_what_it_is_for() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "files of more than {MOST_LINES} lines: {long:?}");
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert!(silent.is_empty(), "files that do not say what they are for: {silent:?}");
    assert!(sources().iter().all(|(path, _)| !path.ends_with("mod.rs")), "`foo.rs` stands beside `foo/`");
}

#[test]
fn what_is_left_open_or_silenced_is_not_there() {
    for (path, source) in sources() {
        let code = code_and_literals(&source).0;
        for word in ["todo!", "unimplemented!", "#[allow(", "#![allow(", "#[ignore"] {
            assert!(!code.contains(word), "{path} has `{word}`");
        }
    }
}

#[test]
fn the_eye_of_these_tests_sees() {
    let (code, literals) = code_and_literals(
        "fn f<'a>() { g(\"x \\\" y\", '\"', \"z\"); } // \"no\"\n#[cfg(test)]\nmod tests { const X: &str = \"hidden\"; }",
    );
    assert_eq!(literals, ["x \\\" y", "z"]);
    assert!(code.contains("fn f<'a>()") && !code.contains("no"));
    assert!(is_day("2016-07-14") && !is_day("2016-07-1") && !is_day("0000000000"));
}
