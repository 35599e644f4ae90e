//! The pages stay true: what they quote is what the files hold, what their commands print is what is printed,
//! and the examples' cases hold.
//!
//! In a page, `<!-- file: PATH -->` stands before a block that is quoted from `docs/examples/PATH`, and
//! `<!-- run: NAME -->` before a transcript. Transcripts of one name share a folder, in the order of the page.
//! Numbers and digests are not compared, and a line `...` stands for any lines.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use situs::policy::{self, Bundle};
use situs::scenario;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

// ---- the examples

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts an example over the default bundle, and holds its cases against both.
fn holds(name: &str) {
    let example = root().join("docs/examples").join(name);
    let own = policy::read_folder(&example).unwrap();
    let folder = tempfile::tempdir().unwrap();
    policy::write_folder(&policy::default_files(), folder.path()).unwrap();
    copy(&example, folder.path());
    let files = policy::read_folder(folder.path()).unwrap();
    let (bundle, report) = Bundle::load(&files).map_err(|error| error.to_string()).unwrap();
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);

    let cases = scenario::read_cases(&own, bundle.facts()).unwrap();
    let now = "2026-11-01T12:00:00Z".parse().unwrap();
    let outcomes = scenario::run_all(&bundle, &cases, now);
    assert!(outcomes.len() >= 5, "{name} has {} cases", outcomes.len());
    for outcome in &outcomes {
        assert!(outcome.comparison.holds(), "{}: {:?}", outcome.case.id, outcome.comparison.faults);
    }

    // Without the example's rules its cases do not hold: they are about those rules.
    let (default, _) = Bundle::load(&policy::default_files()).map_err(|error| error.to_string()).unwrap();
    let known = scenario::read_cases(&own, default.facts()).unwrap_or_default();
    let held = scenario::run_all(&default, &known, now);
    assert!(held.iter().filter(|outcome| outcome.comparison.holds()).count() < outcomes.len(), "{name}");
}

#[test]
fn a_tenant_is_pinned_to_two_countries() {
    holds("two-countries");
}

#[test]
fn labels_open_and_what_is_missing_closes() {
    holds("labels");
}

#[test]
fn a_country_is_added_by_facts_and_rules_alone() {
    holds("new-country");
}

// ---- the page

/// The blocks of a page that follow a mark: what the mark says, and the lines of the block.
fn blocks(page: &str, mark: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let said = line.strip_prefix(&format!("<!-- {mark}: ")).and_then(|rest| rest.strip_suffix(" -->"));
        if let Some(said) = said {
            assert!(lines.next().is_some_and(|fence| fence.starts_with("```")), "no block follows {line}");
            let block = lines.by_ref().take_while(|line| *line != "```").map(str::to_owned).collect();
            blocks.push((said.to_owned(), block));
        }
    }
    blocks
}

fn page() -> String {
    fs::read_to_string(root().join("docs/policies.md")).unwrap()
}

#[test]
fn quoted_files_are_quoted_as_they_are() {
    let quoted = blocks(&page(), "file");
    assert!(quoted.len() >= 8, "{}", quoted.len());
    for (path, block) in quoted {
        let text = fs::read_to_string(root().join("docs/examples").join(&path)).unwrap();
        assert!(text.contains(&block.join("\n")), "docs/examples/{path} does not hold what the page quotes");
    }
    let rule = fs::read_to_string(root().join("policies/core/residency.cedar")).unwrap();
    let shown = page().split("```cedar\n").nth(1).unwrap().split("```").next().unwrap().trim_end().to_owned();
    assert!(rule.contains(&shown), "the first rule of the page is not that of core/residency.cedar");
}

#[test]
fn the_api_page_tells_every_call_message_field_and_value() {
    let page = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let mut told = 0;
    for file in fs::read_dir(root().join("proto/situs/v1")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        // The part of the page under the heading of the message or enum that a line stands in.
        let mut section = "";
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let words: Vec<&str> = line.split([' ', '(']).collect();
            let name = match words.as_slice() {
                ["rpc", name, ..] => {
                    assert!(
                        page.contains(&format!("| `{name}` |")),
                        "{path:?}: the page lacks the call {name}"
                    );
                    told += 1;
                    continue;
                }
                ["message" | "enum", _, "{}"] => continue,
                ["message" | "enum", name, ..] => {
                    let heading = format!("\n### {name}\n");
                    let (_, rest) =
                        page.split_once(&heading).unwrap_or_else(|| panic!("the page lacks {name}"));
                    section = rest.split("\n#").next().unwrap_or_default();
                    continue;
                }
                [.., name, "=", number] if number.ends_with(';') => name,
                _ => continue,
            };
            if name.starts_with('"') || name.ends_with("_UNSPECIFIED") || line.starts_with("syntax") {
                continue;
            }
            assert!(section.contains(&format!("| `{name}`")), "{path:?}: the page lacks {name} of `{line}`");
            told += 1;
        }
    }
    assert!(told > 200, "{told}");
}

/// A line without what changes with every bundle: numbers and digests.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    for word in line.trim_end().split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let text = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            plain.push_str(&word.replace(text, "#"));
        } else {
            plain.extend(word.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }));
        }
    }
    while plain.contains("##") {
        plain = plain.replace("##", "#");
    }
    plain
}

/// Whether lines were told as the page tells them; `...` stands for any lines.
fn told(page: &[String], found: &[String]) -> bool {
    match (page.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((line, rest)), _) if line == "..." => {
            (0..=found.len()).any(|skipped| told(rest, found.get(skipped..).unwrap_or_default()))
        }
        (Some((line, rest)), Some((other, others))) => line == other && told(rest, others),
        _ => false,
    }
}

/// Runs a transcript in a folder, and tells where it differs.
fn replay(folder: &Path, transcript: &[String]) {
    let mut path = vec![PathBuf::from(env!("CARGO_BIN_EXE_situs")).parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    for step in transcript.split_before(|line| line.starts_with("$ ")) {
        let (command, expected) = step.split_first().unwrap();
        let command = command.strip_prefix("$ ").unwrap_or_else(|| panic!("`{command}` is no command"));
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(folder)
            .env("PATH", std::env::join_paths(&path).unwrap())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let found: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(plain).collect();
        let expected: Vec<String> = expected.iter().map(|line| plain(line)).collect();
        assert!(
            told(&expected, &found),
            "`{command}` prints\n{}\nand the page says\n{}",
            found.join("\n"),
            expected.join("\n")
        );
    }
}

trait SplitBefore {
    fn split_before(&self, begins: impl Fn(&String) -> bool) -> Vec<&[String]>;
}

impl SplitBefore for [String] {
    /// The parts, each with the line that it begins with.
    fn split_before(&self, begins: impl Fn(&String) -> bool) -> Vec<&[String]> {
        let starts: Vec<usize> =
            self.iter().enumerate().filter(|(_, line)| begins(line)).map(|(index, _)| index).collect();
        assert_eq!(starts.first(), Some(&0), "a transcript begins with a command");
        let ends = starts.iter().skip(1).copied().chain([self.len()]);
        starts.iter().zip(ends).filter_map(|(start, end)| self.get(*start..end)).collect()
    }
}

#[test]
fn commands_print_what_the_page_says() {
    let mut transcripts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, block) in blocks(&page(), "run") {
        transcripts.entry(name).or_default().extend(block);
    }
    assert_eq!(transcripts.len(), 5, "{:?}", transcripts.keys());
    for transcript in transcripts.values() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(root().join("docs"), folder.path().join("docs")).unwrap();
        replay(folder.path(), transcript);
    }
}

#[test]
fn a_transcript_that_differs_is_seen() {
    let line = |text: &str| plain(text);
    assert_eq!(line("5 of 5 cases, version ab12cd34ef56"), "# of # cases, version #");
    let page = ["one".to_owned(), "...".to_owned(), "two".to_owned()];
    let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(told(&page, &lines("one two")) && told(&page, &lines("one and more two")));
    assert!(!told(&page, &lines("one")) && !told(&page, &lines("one two three")) && !told(&page, &[]));
}
