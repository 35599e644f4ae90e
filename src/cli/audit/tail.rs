//! `situs audit tail`: the newest records, and those to come.

use std::process::ExitCode;
use std::time::Duration;

use super::export::recorded_at;
use super::source::{Source, failed};
use crate::audit::{LogDir, Logged, LoggedRecord, Records};
use crate::cli::output::line;
use crate::grpc::{DECODE, words};

/// Print the newest records of the log, one a line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// How many.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=100_000))]
    lines: u64,
    /// Go on with those that come, until interrupted.
    #[arg(long, short)]
    follow: bool,
    /// Print a JSON object a line, whole.
    #[arg(long)]
    json: bool,
}

/// How often the log is looked at for more. Entries of a running server are read from its journal, so that
/// they come no later.
const PAUSE: Duration = Duration::from_millis(300);

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let log = args.source.open()?;
    let checkpoint = log.checkpoint().map_err(failed)?;
    let (origin, size) = checkpoint.map_or_else(Default::default, |found| (found.origin, found.size));
    // Most records bring a few contents: where that is not enough, all are read.
    let near = size.saturating_sub(args.lines.saturating_mul(8));
    let (mut newest, mut next) = newest(&log, near, args.lines)?;
    if (newest.len() as u64) < args.lines && near > 0 {
        (newest, next) = self::newest(&log, 0, args.lines)?;
    }
    newest.iter().try_for_each(|record| print(args, &origin, record))?;
    if !args.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        for record in Records::open(&log, next..u64::MAX, DECODE).map_err(failed)? {
            let record = record.map_err(failed)?;
            next = record.index + 1;
            print(args, &origin, &record)?;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The last records from an index on, and the index after them.
fn newest(log: &LogDir, from: u64, most: u64) -> Result<(Vec<LoggedRecord>, u64), ExitCode> {
    let mut newest = std::collections::VecDeque::new();
    let mut next = from;
    for record in Records::open(log, from..u64::MAX, DECODE).map_err(failed)? {
        let record = record.map_err(failed)?;
        next = record.index + 1;
        newest.push_back(record);
        if newest.len() as u64 > most {
            newest.pop_front();
        }
    }
    Ok((newest.into(), next))
}

fn print(args: &Args, origin: &str, record: &LoggedRecord) -> Result<(), ExitCode> {
    if args.json {
        line(words::logged(origin, record).map_err(failed)?);
        return Ok(());
    }
    let (index, at) = (record.index, recorded_at(record));
    match &record.what {
        Logged::Decision(recorded) => {
            let decided = &recorded.decided;
            let kind = if decided.hypothetical { "enquiry" } else { "decision" };
            let data_ref = if decided.data_ref.is_empty() { &decided.tenant } else { &decided.data_ref };
            line(format!(
                "{at} {index} {kind} {} {} {} {data_ref} {} {}",
                decided.id,
                decided.decision.as_str(),
                decided.action.as_str(),
                decided.jurisdiction,
                decided.disposition.as_str(),
            ));
        }
        Logged::Outcome(outcome, _) => {
            line(format!("{at} {index} outcome {} {} at {}", outcome.decision_id, outcome.kind, outcome.at));
        }
    }
    Ok(())
}
