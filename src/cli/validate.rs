//! `situs validate`: is this bundle one that would be served?

use std::path::PathBuf;
use std::process::ExitCode;

use super::output::{bundle, faults, files, line, note};
use crate::engine::{Clock, SystemClock};
use crate::scenario::{self, read_cases};

/// Check a policy bundle: schema, annotations, facts, cases.
///
/// Checks also that every id that a policy names is declared, then runs the cases. Each fault is
/// printed with its file, line and source. Ends with 0 where the bundle would be served, and 1 where not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs validate my-policies")]
pub(super) struct Args {
    /// The bundle's folder; without it, the default bundle.
    dir: Option<PathBuf>,
    /// Do not run the cases.
    #[arg(long)]
    no_cases: bool,
}

fn checks(args: &Args) -> Result<(), ExitCode> {
    let files = files(args.dir.as_deref())?;
    let (bundle, report) = bundle(&files)?;
    report.warnings.iter().for_each(|warning| note(format!("warning: {}", warning.render(&files))));
    let mut cases = 0;
    if !args.no_cases {
        let read = read_cases(&files, bundle.facts()).map_err(|found| faults(&found, &files))?;
        let now = SystemClock.now();
        let outcomes = scenario::run_all(&bundle, &read, now);
        let mut failed = 0;
        for outcome in outcomes {
            cases += 1;
            if !outcome.comparison.holds() {
                failed += 1;
                note(format!(
                    "error: {}:{}: case `{}`: {}",
                    outcome.path,
                    outcome.case.line,
                    outcome.case.id,
                    outcome.comparison.faults.join("; ")
                ));
            }
        }
        if failed > 0 {
            note(format!("{failed} of {cases} cases do not hold; `situs test` shows which rules decided"));
            return Err(ExitCode::FAILURE);
        }
    }
    let facts = bundle.facts();
    line(format!(
        "valid: {} policies, {} regimes, {} jurisdictions, {cases} cases; version {}",
        bundle.rules().len(),
        facts.regimes().count(),
        facts.jurisdiction_count(),
        bundle.version().get(..12).unwrap_or_default(),
    ));
    Ok(())
}

pub(super) fn run(args: &Args) -> ExitCode {
    match checks(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}
