//! Rules over the source text that no compiler holds: who may name what, that no law is written into the
//! program, and that each module says what it is for.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::indexing_slicing, clippy::string_slice, reason = "a place found in a text lies in it")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Names of one module alone: nothing else of the program may know them.
const OWNED: &[(&str, &str)] = &[
    ("cedar_policy", "policy"),
    ("proto", "grpc"),
    ("dashmap", "catalog"),
    ("DashMap", "catalog"),
    ("charts_rs", "report"),
    ("jsonwebtoken", "server"),
    ("tokio_rustls", "server"),
    ("cedar_policy_core", "policy"),
];
/// Where the law is declared: each table of the facts, with the key that names its rows.
const DECLARED: &[(&str, &str)] = &[
    ("jurisdiction", "code"),
    ("grouping", "id"),
    ("regime", "id"),
    ("relation", "id"),
    ("mechanism", "id"),
];
/// Statutes that a rule would be tempted to name.
const STATUTES: &[&str] = &["GDPR", "USC", "CLOUD Act", "PIPL"];
/// What is unfinished, or hides a lint without a reason.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "#[allow(", "#![allow("];

/// A source file, taken apart.
struct Source {
    /// Its path below `src`, with `/`.
    path: String,
    text: String,
    /// The text with blanks for what comments and literals say; every byte keeps its place.
    code: String,
    /// What each string literal says, as written between its quotes.
    literals: Vec<Range<usize>>,
    comments: Vec<Range<usize>>,
    /// The items that are compiled for tests alone.
    tests: Vec<Range<usize>>,
}

// === impl Source ===

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let (mut literals, mut comments, mut characters) = (Vec::new(), Vec::new(), Vec::new());
        let mut code = text.as_bytes().to_vec();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let quoted = opening(text, at);
            at = if rest.starts_with("//") {
                let end = at + rest.find('\n').unwrap_or(rest.len());
                comments.push(at..end);
                end
            } else if rest.starts_with("/*") {
                let end = at + rest.find("*/").map_or(rest.len(), |end| end + 2);
                comments.push(at..end);
                end
            } else if let Some((from, closing)) = quoted {
                let end = end_of_literal(text, from, &closing);
                literals.push(from..end);
                end + closing.len()
            } else {
                let end = at + character(rest);
                if rest.starts_with('\'') && end > at + 1 {
                    characters.push(at..end);
                }
                end
            };
        }
        for range in literals.iter().chain(&comments).chain(&characters) {
            code[range.clone()].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        let code = String::from_utf8(code).unwrap();
        let tests = tests(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, literals, comments, tests }
    }

    /// Whether it is the file of a module, or lies in its folder.
    fn is_of(&self, module: &str) -> bool {
        let rest = self.path.strip_prefix(module);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    }

    fn is_shipped(&self, place: usize) -> bool {
        !self.tests.iter().any(|range| range.contains(&place))
    }

    /// The literals of what is shipped.
    fn shipped_literals(&self) -> impl Iterator<Item = &Range<usize>> {
        self.literals.iter().filter(|range| self.is_shipped(range.start))
    }

    fn place(&self, at: usize) -> String {
        format!("src/{}:{}", self.path, self.text[..at].matches('\n').count() + 1)
    }

    /// The modules in files of their own that are compiled for tests alone.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.strip_suffix(".rs").unwrap() {
            "lib" | "main" => String::new(),
            stem => format!("{stem}/"),
        };
        let names = self.tests.iter().filter_map(|range| {
            let item = self.code[range.clone()].strip_suffix(';')?;
            let (_attributes, name) = item.rsplit_once("mod ")?;
            Some(format!("{folder}{}", name.trim()))
        });
        names.collect()
    }
}

/// Where the text of a string literal that begins here starts, and what ends it.
fn opening(text: &str, at: usize) -> Option<(usize, String)> {
    let rest = &text[at..];
    if rest.starts_with('"') {
        return Some((at + 1, "\"".to_owned()));
    }
    // A name such as `for` ends in a letter that begins no literal.
    let in_name = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let raw = rest.strip_prefix('r').filter(|_| !in_name || text[..at].ends_with('b'))?;
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    raw[hashes..].starts_with('"').then(|| (at + 1 + hashes + 1, format!("\"{}", "#".repeat(hashes))))
}

fn end_of_literal(text: &str, from: usize, closing: &str) -> usize {
    let raw = closing.len() > 1 || text[..from].ends_with("r\"");
    let mut at = from;
    while at < text.len() && !text[at..].starts_with(closing) {
        let skip = usize::from(!raw && text[at..].starts_with('\\'));
        at += skip;
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    at.min(text.len())
}

/// The length of the character here; of the whole literal where it is one of a character, such as `'"'`.
fn character(rest: &str) -> usize {
    let mut characters = rest.chars();
    let first = characters.next().map_or(0, char::len_utf8);
    if !rest.starts_with('\'') {
        return first;
    }
    match (characters.next(), characters.next()) {
        // An escaped one can be a quote itself.
        (Some('\\'), Some(escaped)) => {
            let from = 2 + escaped.len_utf8();
            from + rest[from..].find('\'').map_or(0, |end| end + 1)
        }
        (Some(one), Some('\'')) => 2 + one.len_utf8(),
        // A lifetime.
        _ => first,
    }
}

/// The items under `#[cfg(test)]`: up to the end of their block, or to their semicolon.
fn tests(code: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0_usize;
        let end = code[start..].char_indices().find_map(|(at, c)| {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            let ends = depth == 0 && (c == '}' || c == ';');
            ends.then_some(start + at + 1)
        });
        found.push(start..end.unwrap_or(code.len()));
    }
    found
}

/// Where a text says some words, not as a part of longer ones: `USC` is not in `MUSCLE`.
fn says(text: &str, words: &str) -> Vec<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let found = text.match_indices(words).map(|(at, _)| at);
    found
        .filter(|at| !text[..*at].ends_with(in_word) && !text[at + words.len()..].starts_with(in_word))
        .collect()
}

/// Every file of the program, but for those that are modules of tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut open: Vec<PathBuf> = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source::new(&name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// The files that are compiled into the program that is shipped.
fn shipped() -> Vec<Source> {
    let sources = sources();
    let modules: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    sources.into_iter().filter(|source| !modules.iter().any(|module| source.is_of(module))).collect()
}

/// What the default facts declare, with its table. A word that is no law is told from a code by its case
/// and by standing alone: `no` and `NOT IN` are words, a literal that is `NO` and nothing else is Norway.
fn declared() -> BTreeMap<String, &'static str> {
    let mut names = BTreeMap::new();
    for (path, text) in situs::policy::default_files() {
        if !path.starts_with("facts/") {
            continue;
        }
        let facts: toml::Table = toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        for (table, key) in DECLARED {
            let rows = facts.get(*table).and_then(toml::Value::as_array);
            for row in rows.into_iter().flatten() {
                names.insert(row[*key].as_str().unwrap().to_owned(), *table);
            }
        }
    }
    names
}

fn strangers(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, module) in OWNED.iter().filter(|(_, module)| !source.is_of(module)) {
        let places = says(&source.code, name).into_iter();
        found.extend(places.map(|at| format!("{}: `{name}` belongs to `{module}`", source.place(at))));
    }
    found
}

fn law(source: &Source, declared: &BTreeMap<String, &str>) -> Vec<String> {
    let mut found = Vec::new();
    for range in source.shipped_literals() {
        let said = &source.text[range.clone()];
        if let Some(table) = declared.get(said) {
            found.push(format!("{}: \"{said}\" is a declared {table}", source.place(range.start)));
        }
    }
    // Comments too: those of the command line are its help.
    let comments = source.comments.iter().filter(|range| source.is_shipped(range.start));
    for range in source.shipped_literals().chain(comments) {
        for statute in STATUTES.iter().filter(|name| !says(&source.text[range.clone()], name).is_empty()) {
            found.push(format!("{}: `{statute}` is named", source.place(range.start)));
        }
    }
    found
}

fn unfinished(source: &Source) -> Vec<String> {
    let found = UNFINISHED.iter().flat_map(|what| source.code.match_indices(what));
    found.map(|(at, what)| format!("{}: `{what}`", source.place(at))).collect()
}

fn undescribed(source: &Source) -> Option<String> {
    (!source.text.starts_with("//! ")).then(|| format!("src/{} does not begin with `//!`", source.path))
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_library_is_named_by_the_module_that_owns_it_alone() {
    let sources = sources();
    // Or a rule would hold because what it is about has another name by now.
    for (name, module) in OWNED {
        let users = sources.iter().filter(|source| source.is_of(module));
        assert!(users.flat_map(|source| says(&source.code, name)).next().is_some(), "`{module}`: `{name}`");
    }
    none(&sources.iter().flat_map(strangers).collect::<Vec<_>>());
}

#[test]
fn the_program_names_no_law() {
    let declared = declared();
    for (table, _key) in DECLARED {
        assert!(declared.values().any(|of| of == table), "no {table} is declared");
    }
    let shipped = shipped();
    assert!(shipped.iter().any(|source| source.shipped_literals().next().is_some()));
    none(&shipped.iter().flat_map(|source| law(source, &declared)).collect::<Vec<_>>());
}

#[test]
fn nothing_is_unfinished_and_no_lint_is_hidden() {
    none(&sources().iter().flat_map(unfinished).collect::<Vec<_>>());
}

#[test]
fn every_module_says_what_it_is_for() {
    none(&sources().iter().filter_map(undescribed).collect::<Vec<_>>());
}

/// A file that breaks every rule, with what is no breach between.
const BREACHES: &str = r##"// No description. GDPR
use cedar_policy::Policy; // dashmap
/* dashmap */ use dashmap::DashMap;
use super::proto::Holding; // my_proto and protocol are others
#[allow(dead_code)]
const QUOTES: (char, char, &'static str) = ('"', '\'', "todo! \" NO");
const PLACES: [&str; 4] = ["no", "NO", r"IE", r#"say "IE""#];
const MUSCLE: &str = "MUSCLE, and 18 USC 2703";
fn later() { todo!() }
#[cfg(test)]
fn mk_place(at: [u8; 2]) -> &'static str { let _ = '{'; "NO" }
fn relation(bytes: &[u8]) -> bool { bytes == b"mla" || bytes == br"mla" }
#[cfg(test)]
mod checks;
#[cfg(test)]
mod tests {
    const PLACE: &str = "IE, by the GDPR";
    fn place() -> &'static str { if true { "IE" } else { "NO" } }
}
fn last() -> &'static str { "IE" }
"##;

#[test]
fn a_breach_is_found_where_it_is() {
    let source = Source::new("engine.rs", BREACHES);
    let lines = |found: Vec<String>| -> Vec<String> {
        found.iter().map(|what| what.strip_prefix("src/engine.rs:").unwrap().to_owned()).collect()
    };
    assert_eq!(
        lines(strangers(&source)),
        [
            "2: `cedar_policy` belongs to `policy`",
            "4: `proto` belongs to `grpc`",
            "3: `dashmap` belongs to `catalog`",
            "3: `DashMap` belongs to `catalog`",
        ]
    );
    let declared =
        [("NO", "jurisdiction"), ("IE", "jurisdiction"), ("mla", "relation")].map(|(id, of)| (id.into(), of));
    assert_eq!(
        lines(law(&source, &BTreeMap::from(declared))),
        [
            "7: \"NO\" is a declared jurisdiction",
            "7: \"IE\" is a declared jurisdiction",
            "12: \"mla\" is a declared relation",
            "12: \"mla\" is a declared relation",
            "20: \"IE\" is a declared jurisdiction",
            "8: `USC` is named",
            "1: `GDPR` is named",
        ]
    );
    assert_eq!(lines(unfinished(&source)), ["9: `todo!`", "5: `#[allow(`"]);
    assert!(undescribed(&source).is_some());
    assert_eq!(source.test_modules(), ["engine/checks"]);
    let policy = Source::new("policy/load.rs", "//! Loads.\nuse cedar_policy::Policy;\n");
    assert!(strangers(&policy).is_empty() && undescribed(&policy).is_none());
    assert_eq!(strangers(&Source::new("policy_book.rs", "use cedar_policy::Policy;")).len(), 1);
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
    "replay",
    "report",
    "config",
    "telemetry",
    "server",
    "cli",
];

/// Where code names a module that stands above its own.
fn upward(source: &Source) -> Vec<String> {
    let layer = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let module = source.path.split(['/', '.']).next().unwrap();
    if ["lib", "main"].contains(&module) {
        return Vec::new();
    }
    let Some(own) = layer(module) else {
        return vec![format!("src/{}: `{module}` has no layer", source.path)];
    };
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices("crate::").filter(|(at, _)| source.is_shipped(*at)) {
        let named = &source.code[at + "crate::".len()..];
        let list = named.strip_prefix('{').map_or(named, |list| list.split('}').next().unwrap());
        let parts = list.split(',').take(if list.len() == named.len() { 1 } else { usize::MAX });
        let names =
            parts.map(|part| part.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
        let above = names.filter(|name| layer(name).is_some_and(|other| other > own));
        found.extend(above.map(|name| format!("{}: `{name}` stands above `{module}`", source.place(at))));
    }
    found
}

#[test]
fn arrows_point_down() {
    none(&shipped().iter().flat_map(upward).collect::<Vec<_>>());
    let breach =
        "use crate::{domain, engine::decide, law};\nuse crate::server::serve;\nuse crate::law::World;\n";
    let found = upward(&Source::new("policy/load.rs", breach));
    assert_eq!(
        found,
        [
            "src/policy/load.rs:1: `engine` stands above `policy`",
            "src/policy/load.rs:2: `server` stands above `policy`"
        ]
    );
    assert_eq!(upward(&Source::new("novelty.rs", "")).len(), 1);
}

/// No file is longer, its tests included.
const MOST_LINES: usize = 400;

#[test]
fn no_file_is_longer_than_a_reader_can_follow() {
    let lines = |source: &Source| source.text.lines().count();
    let long = sources().into_iter().filter(|source| lines(source) > MOST_LINES);
    none(&long.map(|source| format!("src/{}: {} lines", source.path, lines(&source))).collect::<Vec<_>>());
}
