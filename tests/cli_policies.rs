//! The commands that need no server: bundles, cases, completions and help.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_situs")).args(args).output().unwrap()
}

/// What a run that ended with that code printed: results, then faults.
fn check(code: i32, args: &[&str]) -> (String, String) {
    let output = run(args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    (out.into_owned(), err.into_owned())
}

#[test]
fn the_default_bundle_is_written_out_whole_and_would_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("policies");
    let dir = dir.to_str().unwrap();
    check(0, &["policies", "init", dir]);
    // The cases have a test of their own.
    let (written, _) = check(0, &["validate", "--no-cases", dir]);
    let (compiled, _) = check(0, &["validate", "--no-cases"]);
    assert_eq!(written, compiled);
    let (_, err) = check(1, &["policies", "init", dir]);
    assert!(err.contains("is not empty"), "{err}");

    let path = Path::new(dir).join("core/reach.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("permit (principal is Authority", "permit (principal is Autority"))
        .unwrap();
    let (_, err) = check(1, &["validate", dir]);
    assert!(err.contains("core/reach.cedar:"), "{err}");
}

#[test]
fn a_bundle_shows_its_rules_and_its_schema() {
    let (list, _) = check(0, &["policies", "list"]);
    let row = list.lines().find(|line| line.starts_with("core.residency.transfer ")).unwrap();
    let columns: Vec<_> = row.split_whitespace().collect();
    assert_eq!(columns[1], "forbid");
    assert_eq!(columns[3], "policy-residency");
    assert!(columns[4].starts_with("core/residency.cedar:"), "{row}");
    let (rule, _) = check(0, &["policies", "show", "core.residency.transfer"]);
    assert!(rule.contains("@id(\"core.residency.transfer\")") && rule.contains("forbid"), "{rule}");
    let (_, err) = check(1, &["policies", "show", "core.residency.transfr"]);
    assert!(err.contains("did you mean `core.residency.transfer`"), "{err}");
    let (schema, _) = check(0, &["policies", "schema"]);
    assert!(schema.contains("entity Instrument enum [") && schema.contains("\"search_warrant\""));
}

const CASE: &str = r#"
[[case]]
id = "inside"
title = "A move inside the place that the customer chose"
as_of = "2026-01-15"
[case.request]
data_ref = "acme/crm"
jurisdiction = "DE"
action = "transfer"
requester = { kind = "workload", jurisdiction = "DE" }
holding = { stored_in = ["DE"], residency = ["DE"], data_kinds = ["non_personal"], provider_established_in = ["DE"] }
[case.expect]
decision = "allow"
"#;

#[test]
fn cases_hold_or_fail_or_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("good.toml"), CASE).unwrap();
    std::fs::write(path("bad.toml"), CASE.replace("\"allow\"", "\"deny\"")).unwrap();
    std::fs::write(path("broken.toml"), CASE.replace("stored_in", "stored_inn")).unwrap();
    let junit = |name: &str| std::fs::read_to_string(path(name)).unwrap();

    let (out, _) = check(0, &["test", &path("good.toml"), "--junit", &path("good.xml")]);
    assert_eq!(out, "1 of 1 cases hold\n");
    let xml = junit("good.xml");
    assert!(xml.contains("<testcase name=\"inside\"") && xml.contains("failures=\"0\""), "{xml}");

    let both = [path("good.toml"), path("bad.toml")];
    let (out, _) = check(1, &["test", &both[0], &both[1], "--junit", &path("bad.xml")]);
    assert!(out.contains("FAIL inside") && out.contains("decision is allow, expected deny"), "{out}");
    assert!(out.ends_with("1 of 2 cases hold\n"), "{out}");
    let xml = junit("bad.xml");
    assert!(xml.contains("<failure") && xml.contains("failures=\"1\""), "{xml}");

    // A reason that was expected leads to the rules that could have given it, and to why they did not.
    let expects = "decision = \"allow\"\nreasons = [\"customer_residency_commitment\", \"never_promised\"]";
    std::fs::write(path("other.toml"), CASE.replace("decision = \"allow\"", expects)).unwrap();
    let (out, _) = check(1, &["test", &path("other.toml")]);
    assert!(out.contains("could have given `customer_residency_commitment`:"), "{out}");
    assert!(out.contains(".cedar:") && out.contains("its condition does not hold"), "{out}");
    assert!(out.contains("could have given `never_promised`: no rule of this bundle"), "{out}");

    // A case that cannot be asked is told, and the others are run all the same.
    let (out, err) = check(2, &["test", &path("broken.toml"), &path("good.toml")]);
    assert!(err.contains("broken.toml:2: ") && err.contains("did you mean `stored_in`"), "{err}");
    assert_eq!(out, "1 of 1 cases hold\n");
    check(2, &["test", &path("good.toml"), "--filter", "nothing-is-called-so"]);
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (script, _) = check(0, &["completions", shell]);
        assert!(script.contains("authorize") && script.contains("catalog"), "{shell}");
    }
}

#[test]
fn help_teaches() {
    for command in [
        vec![],
        vec!["serve"],
        vec!["authorize"],
        vec!["catalog"],
        vec!["catalog", "import"],
        vec!["policies"],
        vec!["policies", "coverage"],
        vec!["validate"],
        vec!["test"],
        vec!["completions"],
    ] {
        let (help, _) = check(0, &[command.as_slice(), &["--help"]].concat());
        assert!(help.contains("Example") || help.contains("A first question"), "{command:?} has no example");
        assert!(help.contains("situs "), "{command:?}");
    }
    let (help, _) = check(0, &["authorize", "--help"]);
    assert!(help.contains("3 where it is DENY"), "the exit codes are told");
}

/// The page in `docs/` is the command's output.
#[test]
fn the_coverage_page_is_up_to_date() {
    let (page, _) = check(0, &["policies", "coverage"]);
    for part in [
        "| `eu-gdpr-ch5` |",
        "## Regimes without a rule",
        "## Rules that no case makes fire",
        "## Disputed cases",
    ] {
        assert!(page.contains(part), "`{part}` is missing");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coverage.md");
    if let Ok(committed) = std::fs::read_to_string(path) {
        let differs = committed.lines().zip(page.lines()).find(|(old, new)| old != new);
        assert!(committed == page, "run `situs policies coverage > docs/coverage.md`: {differs:?}");
    }
}

#[test]
fn what_is_not_a_rule_is_told_on_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("policies");
    let name = dir.to_str().unwrap();
    check(0, &["policies", "init", name]);
    if dir.join("scenarios").exists() {
        std::fs::remove_dir_all(dir.join("scenarios")).unwrap();
    }
    let row =
        "[[not_a_rule]]\nregime = \"us-sca\"\nwhat = \"fees | costs\"\nwhy = \"nobody is denied for them\"\n";
    std::fs::write(dir.join("facts/not_a_rule.toml"), row).unwrap();
    let (page, _) = check(0, &["policies", "coverage", name]);
    assert!(page.contains("| `us-sca` | fees \\| costs | nobody is denied for them |\n"), "{page}");
    std::fs::write(dir.join("facts/not_a_rule.toml"), row.replace("us-sca", "us-scaa")).unwrap();
    let (_, err) = check(1, &["policies", "coverage", name]);
    assert!(err.contains("facts/not_a_rule.toml:1: ") && err.contains("did you mean `us-sca"), "{err}");
}
