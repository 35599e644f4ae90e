//! `situs test`: do these cases hold?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output::{bundle, chain, faults, files, line, note};
use crate::domain::{Effect, Files, Verdict};
use crate::engine::{Clock, SystemClock};
use crate::policy::{Bundle, Rule};
use crate::scenario::{self, CaseFile, Outcome};

/// Run case files against a policy bundle.
///
/// Decision and next step must be exact, reasons and regimes must
/// be among those given; a file with `precision = "full"` is held to its obligations, relations and routes
/// too. Ends with 0 where every case holds, 1 where one does not, and 2 where a file cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Case files, or folders of them; without any, the cases of the bundle.
    paths: Vec<PathBuf>,
    /// The bundle's folder; without it, the default bundle.
    #[arg(long, short, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Run only cases whose id contains this text.
    #[arg(long, short, value_name = "TEXT")]
    filter: Option<String>,
    /// Print every case, with its reasons, not only those that fail.
    #[arg(long, short)]
    verbose: bool,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  situs test                                          the cases of the default bundle
  situs test --policies my-policies --filter mail -v  some cases of yours, with what decided
  situs test cases/ --junit results.xml               case files of any folder, for a CI

A case is a question at a date, and the answer that must come:
  [[case]]
  id = \"mail-stays\"
  as_of = \"2026-01-15\"
  [case.request]
  data_ref = \"acme/mail\"
  jurisdiction = \"US\"
  action = \"transfer\"
  requester = { kind = \"workload\", jurisdiction = \"IE\" }
  holding = { stored_in = [\"IE\"], data_kinds = [\"personal\"], provider_established_in = [\"IE\"] }
  [case.expect]
  decision = \"deny\"
  next_step = \"require_mechanism\"";

const UNREADABLE: u8 = 2;

pub(super) fn run(args: &Args) -> ExitCode {
    match outcomes(args) {
        Ok(run) => report(args, &run),
        Err(code) => code,
    }
}

/// What was asked, and what could not be.
struct Run {
    bundle: Bundle,
    outcomes: Vec<Outcome>,
    /// How many faults the case files have.
    unread: usize,
}

fn outcomes(args: &Args) -> Result<Run, ExitCode> {
    let bundle_files = files(args.policies.as_deref())?;
    let (bundle, _report) = bundle(&bundle_files)?;
    let mut unread = 0;
    let mut case_files = if args.paths.is_empty() {
        scenario::read_cases(&bundle_files, bundle.facts()).map_err(|found| {
            faults(&found, &bundle_files);
            ExitCode::from(UNREADABLE)
        })?
    } else {
        let texts = read_paths(&args.paths)?;
        let mut read = Vec::new();
        let mut found = Vec::new();
        for (path, text) in &texts {
            match CaseFile::read_sound(path, text, bundle.facts()) {
                Ok((file, more)) => {
                    read.push(file);
                    found.extend(more);
                }
                Err(more) => found.extend(more),
            }
        }
        if !found.is_empty() {
            faults(&found, &texts);
        }
        unread = found.len();
        read
    };
    if let Some(text) = &args.filter {
        for file in &mut case_files {
            file.cases.retain(|case| case.id.contains(text.as_str()));
        }
    }
    let outcomes = scenario::run_all(&bundle, &case_files, SystemClock.now());
    Ok(Run { bundle, outcomes, unread })
}

fn read_paths(paths: &[PathBuf]) -> Result<Files, ExitCode> {
    let mut files = Files::new();
    let unreadable = |path: &Path, error: &dyn std::error::Error| {
        note(format!("error: failed to read `{}`: {}", path.display(), chain(error)));
        ExitCode::from(UNREADABLE)
    };
    for path in paths {
        if path.is_dir() {
            let found = crate::policy::read_folder(path).map_err(|error| unreadable(path, &error))?;
            let cases = found.into_iter().filter(|(name, _)| name.ends_with(".toml"));
            files.extend(cases.map(|(name, text)| (path.join(name).display().to_string(), text)));
        } else {
            let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            files.insert(path.display().to_string(), text.into());
        }
    }
    Ok(files)
}

fn report(args: &Args, run: &Run) -> ExitCode {
    let Run { bundle, outcomes, unread } = run;
    let failed = outcomes.iter().filter(|outcome| !outcome.comparison.holds()).count();
    for outcome in outcomes.iter().filter(|outcome| args.verbose || !outcome.comparison.holds()) {
        print(outcome);
        unfired(outcome, bundle).iter().for_each(line);
    }
    if let Some(path) = &args.junit
        && let Err(error) = junit(path, outcomes)
    {
        note(format!("error: failed to write `{}`: {error}", path.display()));
        return ExitCode::from(UNREADABLE);
    }
    line(format!("{} of {} cases hold", outcomes.len() - failed, outcomes.len()));
    if outcomes.is_empty() {
        note("no case was run");
    }
    if outcomes.is_empty() || *unread > 0 {
        return ExitCode::from(UNREADABLE);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(outcome: &Outcome) {
    let (case, answer, comparison) = (&outcome.case, &outcome.answer, &outcome.comparison);
    let mark = if comparison.holds() { "ok  " } else { "FAIL" };
    line(format!("{mark} {}  ({}:{})", case.id, outcome.path, case.line));
    if !case.title.is_empty() {
        line(format!("     {}", case.title));
    }
    comparison.faults.iter().for_each(|fault| line(format!("   - {fault}")));
    line(format!("     answered {} ({}), {}", answer.decision, answer.disposition, answer.next_step));
    for (label, rules) in [("decided by", &comparison.decided), ("advised by", &comparison.advised)] {
        if !rules.is_empty() {
            line(format!("     {label}: {}", rules.join(", ")));
        }
    }
    if !comparison.more_reasons.is_empty() {
        line(format!("     reasons beyond those expected: {}", comparison.more_reasons.join(", ")));
    }
    line(format!("     regimes: {}", answer.regimes.join(", ")));
    for reason in answer.reasons.iter().filter(|reason| reason.policy_id.is_empty()) {
        line(format!("     {}: {}", reason.code, reason.message));
    }
    if answer.reasons.iter().all(|reason| reason.effect == Effect::Advice) {
        line("     no permit and no forbid held");
    }
    if case.expect.full && !comparison.holds() {
        let duties: Vec<&str> = answer.obligations.iter().map(|duty| duty.kind.as_str()).collect();
        let routes: Vec<String> =
            answer.routes.iter().map(|route| format!("{} {}", route.kind, route.relation)).collect();
        line(format!("     obligations: {}", duties.join(", ")));
        line(format!("     routes: {}", routes.join("; ")));
    }
}

/// For each expected reason that is not given: the rules that carry it, and why each did not say it.
fn unfired(outcome: &Outcome, bundle: &Bundle) -> Vec<String> {
    let answer = &outcome.answer;
    let missing = outcome
        .case
        .expect
        .reasons
        .iter()
        .filter(|code| answer.reasons.iter().all(|given| given.code != **code));
    let mut lines = Vec::new();
    for code in missing {
        let rules: Vec<&Rule> = bundle.rules().iter().filter(|rule| rule.reason == **code).collect();
        let none = if rules.is_empty() { ": no rule of this bundle" } else { ":" };
        lines.push(format!("     could have given `{code}`{none}"));
        lines.extend(rules.iter().map(|rule| {
            let why = why_not(rule, outcome);
            format!("       {} ({}, {}:{}): {why}", rule.id, rule.effect.as_str(), rule.file, rule.line)
        }));
    }
    lines
}

fn why_not(rule: &Rule, outcome: &Outcome) -> String {
    let answer = &outcome.answer;
    let kind = outcome.case.question.requester.kind;
    let action = outcome.case.question.effective_action(kind);
    if !rule.actions.is_empty() && rule.actions.iter().all(|named| named != action.as_str()) {
        return format!("it is about {}, not {action}", rule.actions.join(", "));
    }
    match &rule.scope_regime {
        Some(regime) if !answer.regimes.contains(regime) => format!("its regime `{regime}` does not govern"),
        _ if rule.effect == Effect::Permit && answer.decision == Verdict::Deny => {
            String::from("its condition does not hold, or it does and the denial names no permit")
        }
        _ => String::from("its condition does not hold"),
    }
}

fn junit(path: &Path, outcomes: &[Outcome]) -> Result<(), Box<dyn std::error::Error>> {
    use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
    let mut report = Report::new("situs test");
    let mut files: Vec<&str> = outcomes.iter().map(|outcome| outcome.path.as_str()).collect();
    files.dedup();
    for file in files {
        let mut suite = TestSuite::new(file);
        for outcome in outcomes.iter().filter(|outcome| outcome.path == file) {
            let status = if outcome.comparison.holds() {
                TestCaseStatus::success()
            } else {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(outcome.comparison.faults.join("; "));
                status.set_description(format!("decided by: {}", outcome.comparison.decided.join(", ")));
                status
            };
            let mut case = TestCase::new(outcome.case.id.as_str(), status);
            case.set_classname(file);
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report.serialize(std::fs::File::create(path)?)?;
    Ok(())
}
