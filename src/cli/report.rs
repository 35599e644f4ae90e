//! `situs report`: how many demands there were, what became of them, and where data went.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::output::{chain, faults, files, note, raw};
use crate::audit::{LogDir, Logged, Records};
use crate::config::DEFAULT_DATA_DIR;
use crate::engine::{Clock, SystemClock};
use crate::grpc;
use crate::law::{Facts, parse_instant};
use crate::report::{By, Options, Report, Source, Tally};

/// Make a transparency report from the log: demands, what became of them, and transfers.
///
/// Demands are counted by state, instrument, category, place of the data and outcome, with notices and the time
/// to answer, and transfers by origin and destination. No count below --threshold is told, nor anything that
/// gives one away; demands that the law lets be counted in bands only are told as one band. Whether a server
/// writes to the log or not, it is only read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// From this day or instant: 2026-01-01, or 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    from: jiff::Timestamp,
    /// Until before this day or instant.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    to: jiff::Timestamp,
    /// Count demands by each combination of these, in place of the usual tables: jurisdiction, instrument,
    /// authority, location, stored, tenant, month.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    by: Vec<By>,
    /// The data directory with the log; may be repeated for several logs.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: Vec<PathBuf>,
    /// The bundle whose facts give the names and say what counts as what; without it, the default one.
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// One page, objects, or a line a count.
    #[arg(long, value_enum, default_value_t = Form::Html)]
    format: Form,
    /// Write to this file; without it, to standard output.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What the report is called: the provider's name, say.
    #[arg(long, value_name = "TEXT", default_value = "Demands and transfers")]
    title: String,
    /// Tell no count below this, and nothing that gives one away; 1 tells all, which is not to be published.
    #[arg(long, value_name = "N", default_value_t = 10)]
    threshold: u64,
    /// How wide the bands are for demands that the law lets be counted in bands only.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    band: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Html,
    Json,
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  situs report --from 2026-01-01 --to 2026-07-01 --title 'Example Cloud' -o report.html
  situs report --from 2026-01-01 --to 2026-07-01 --by jurisdiction,instrument --format csv
  situs report --from 2026-01-01 --to 2027-01-01 --data-dir eu/data --data-dir us/data -o report.html";

/// After so many records it says how far it came.
const PROGRESS: u64 = 250_000;

pub(super) fn run(args: &Args) -> ExitCode {
    match made(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn made(args: &Args) -> Result<(), ExitCode> {
    if args.from >= args.to {
        note("error: the period ends before it begins");
        return Err(ExitCode::FAILURE);
    }
    let files = files(args.policies.as_deref())?;
    let facts = Facts::load(&files).map_err(|found| faults(&found, &files))?;
    let options = Options {
        title: args.title.clone(),
        from: args.from,
        to: args.to,
        threshold: args.threshold,
        band: args.band,
        by: args.by.clone(),
    };
    let mut tally = Tally::new(Arc::new(facts), options);
    let mut logs: Vec<Source> = Vec::new();
    for data_dir in &args.data_dir {
        let source = read(data_dir, &mut tally)?;
        if !source.checkpoint.is_empty() && logs.iter().any(|known| known.origin == source.origin) {
            note(format!("error: {} is the same log as another: `{}`", data_dir.display(), source.origin));
            return Err(ExitCode::FAILURE);
        }
        logs.push(source);
    }
    let report = tally.report(SystemClock.now(), logs);
    let text = written(args.format, &report).map_err(|error| failed(&*error))?;
    match &args.out {
        None => raw(&text),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            note(format!("error: failed to write {}: {error}", path.display()));
            ExitCode::FAILURE
        })?,
    }
    Ok(())
}

/// Counts what a log holds.
fn read(data_dir: &Path, tally: &mut Tally) -> Result<Source, ExitCode> {
    let log = LogDir::open(data_dir);
    if !log.log().is_dir() {
        note(format!("error: there is no log below {}", data_dir.display()));
        return Err(ExitCode::FAILURE);
    }
    let checkpoint = log.checkpoint().map_err(|error| failed(&error))?;
    let records = Records::open(&log, 0..u64::MAX, grpc::DECODE).map_err(|error| failed(&error))?;
    let mut entries = 0;
    for (count, record) in (1_u64..).zip(records) {
        let record = record.map_err(|error| failed(&error))?;
        entries = record.index + 1;
        match record.what {
            Logged::Decision(recorded) => tally.decision(&recorded),
            Logged::Outcome(outcome, _) => tally.outcome(&outcome),
        }
        if count % PROGRESS == 0 {
            note(format!("{}: {count} records read", data_dir.display()));
        }
    }
    Ok(match checkpoint {
        Some(checkpoint) => {
            let lines = checkpoint.note.text.lines().skip(1).take(2);
            let checkpoint_line = lines.collect::<Vec<_>>().join(" ");
            Source { origin: checkpoint.origin, entries, checkpoint: checkpoint_line }
        }
        None => Source { origin: String::from("no checkpoint yet"), entries, checkpoint: String::new() },
    })
}

fn written(form: Form, report: &Report) -> Result<String, Box<dyn std::error::Error>> {
    Ok(match form {
        Form::Html => report.to_html()?,
        Form::Json => report.to_json()? + "\n",
        Form::Csv => report.to_csv(),
    })
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    note(format!("error: {}", chain(error)));
    ExitCode::FAILURE
}

fn when(text: &str) -> Result<jiff::Timestamp, String> {
    parse_instant(text, None)
}
