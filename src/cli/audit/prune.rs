//! `situs audit prune`: old entries go, their hashes stay.

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};

use super::source::{Source, failed, instant, wrong};
use crate::audit::index::Index;
use crate::audit::{LogDir, first_kept};
use crate::cli::output::{bundle, files, line, note};
use crate::domain::{DutyFilter, LogEntry};
use crate::engine::{Clock, SystemClock};
use crate::grpc::DECODE;

/// Remove entries that are older than a limit.
///
/// Their hashes stay, so that checkpoints and proofs are as good as before, and `situs audit verify` checks what
/// is kept. 65,536 entries more than asked for are kept, without plain texts, as later entries refer to them. A
/// decision with an open duty is not removed: it, and what came after it, stays until the duty is done.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("limit").required(true))]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// Entries before this may go: a date, or an instant such as 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "WHEN", group = "limit", value_parser = instant)]
    before: Option<Timestamp>,
    /// Entries older than so many days may go.
    #[arg(long, value_name = "DAYS", group = "limit", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep: Option<u32>,
    /// Remove decisions with open duties, too.
    #[arg(long)]
    open_duties: bool,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let log = args.source.open()?;
    let limit = match (args.before, args.keep) {
        (Some(before), _) => before,
        (None, Some(days)) => {
            SystemClock.now().checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).map_err(failed)?
        }
        (None, None) => return Err(wrong("give --before or --keep")),
    };
    let mut before = first_since(&log, limit)?;
    if !args.open_duties
        && let Some(open) = first_open(&log)?.filter(|open| *open < before)
    {
        note(format!(
            "note: the decision of entry {open} has an open duty, and stays; --open-duties removes it"
        ));
        before = open;
    }
    if args.dry_run {
        line(format!("entries before {} would go, and plain texts before {before}", first_kept(before)));
        return Ok(ExitCode::SUCCESS);
    }
    let pruned = log.prune(before).map_err(failed)?;
    line(format!(
        "removed {} bundles of entries, and plain texts from {} files; the first entry kept is {}",
        pruned.bundles, pruned.texts, pruned.first
    ));
    Ok(ExitCode::SUCCESS)
}

/// The first entry that was recorded at an instant or later; the end of the log where there is none.
fn first_since(log: &LogDir, limit: Timestamp) -> Result<u64, ExitCode> {
    let mut next = 0;
    for entry in log.entries(0..u64::MAX).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let at = match (DECODE.entry)(&entry.bytes, &[]).map_err(wrong)? {
            LogEntry::Decision(decided) => decided.decided_at,
            LogEntry::Outcome(outcome, _) => outcome.recorded_at,
            LogEntry::Content(_) => continue,
        };
        if at >= limit {
            return Ok(next);
        }
        // Contents of a later entry stand before it, and stay with it.
        next = entry.index + 1;
    }
    Ok(next)
}

/// The first entry whose decision has a duty that is still to be done.
fn first_open(log: &LogDir) -> Result<Option<u64>, ExitCode> {
    let index = Index::snapshot(log, DECODE).map_err(failed)?;
    let (bundle, _) = bundle(&files(None)?)?;
    let mut first: Option<u64> = None;
    let mut after = None;
    loop {
        let (duties, next) = index
            .duties(&DutyFilter::default(), bundle.facts().fulfils(), after, 500, &mut |_| true)
            .map_err(failed)?;
        for duty in duties {
            let found = index.decision(duty.decision_id).map_err(failed)?;
            first = first.into_iter().chain(found.map(|found| found.index)).min();
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(first),
        }
    }
}
