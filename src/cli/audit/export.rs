//! `situs audit export`: records as JSON lines or CSV.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::Value;

use super::source::{Source, failed, instant};
use crate::audit::{Logged, LoggedRecord, Records};
use crate::cli::output::{note, raw_note};
use crate::grpc::{DECODE, words};

/// Print the records of the log: a JSON object a line, or CSV.
///
/// Decisions, enquiries and outcomes come in the order of the log. Fields that are hidden are left out, and
/// `masked` and `erased` name them; plain texts that are still kept are put in.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// How records are printed.
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: Format,
    /// Only those recorded at or after this: a date, or an instant such as 2026-12-01T00:00:00Z.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    from: Option<Timestamp>,
    /// Only those recorded before this.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    to: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A JSON object a line, whole.
    Json,
    /// A table with what most reports need.
    Csv,
}

/// The columns of a table, each with where its value stands in the record.
const COLUMNS: &[(&str, &str)] = &[
    ("log_index", "/log_index"),
    ("leaf_hash", "/leaf_hash"),
    ("type", "/type"),
    ("timestamp", "/timestamp"),
    ("decision_id", "/decision_id"),
    ("tenant_id", "/tenant_id"),
    ("data_ref", "/data_ref"),
    ("jurisdiction", "/jurisdiction"),
    ("action", "/action"),
    ("decision", "/result/decision"),
    ("disposition", "/result/disposition"),
    ("next_step", "/result/next_step"),
    ("requested_by", "/requested_by"),
    ("trace_id", "/trace_id"),
    ("request_id", "/request_id"),
    ("policy", "/revision/policy"),
    ("facts", "/revision/facts"),
    ("catalog", "/revision/catalog"),
    ("outcome_id", "/outcome_id"),
    ("outcome", "/kind"),
    ("outcome_at", "/at"),
    ("detail", "/detail"),
    ("masked", "/masked"),
    ("erased", "/erased"),
];

/// A sign of life is printed each time that so many more entries were read.
const PROGRESS: u64 = 50_000;

/// When a record was made.
pub(super) fn recorded_at(record: &LoggedRecord) -> Timestamp {
    match &record.what {
        Logged::Decision(recorded) => recorded.decided.decided_at,
        Logged::Outcome(outcome, _) => outcome.recorded_at,
    }
}

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let log = args.source.open()?;
    let checkpoint = log.checkpoint().map_err(failed)?;
    let (origin, size) = checkpoint.map_or_else(Default::default, |found| (found.origin, found.size));
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.format == Format::Csv {
        let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
        if writeln!(out, "{}", names.join(",")).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let (mut told, mut count) = (0, 0_u64);
    for record in Records::open(&log, 0..u64::MAX, DECODE).map_err(failed)? {
        let record = record.map_err(failed)?;
        if record.index / PROGRESS > told {
            told = record.index / PROGRESS;
            raw_note(&format!("read {} of {size} entries\n", record.index));
        }
        let at = recorded_at(&record);
        if args.from.is_some_and(|from| at < from) || args.to.is_some_and(|to| at >= to) {
            continue;
        }
        let words = words::logged(&origin, &record).map_err(failed)?;
        let line = match args.format {
            Format::Json => words.to_string(),
            Format::Csv => row(&words),
        };
        // A reader that has gone away wants no more.
        if writeln!(out, "{line}").is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        count += 1;
    }
    let _gone = out.flush();
    note(format!("{count} record(s)"));
    Ok(ExitCode::SUCCESS)
}

fn row(words: &Value) -> String {
    let cells = COLUMNS.iter().map(|(_, place)| words.pointer(place).map(cell).unwrap_or_default());
    cells.collect::<Vec<_>>().join(",")
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().map(|part| part.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" ")
        }
        value => value.to_string(),
    };
    // A spreadsheet takes a text that begins so for a formula, and some fields are a stranger's to choose.
    let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_every_column_and_no_formula() {
        let words = json!({
            "log_index": 7, "tenant_id": "=1+1", "data_ref": "a,\"b\"", "result": {"decision": "deny"},
            "masked": ["caller", "labels"],
        });
        let row = row(&words);
        assert!(row.starts_with("7,,,,,'=1+1,\"a,\"\"b\"\"\",,,deny,"), "{row}");
        assert!(row.ends_with(",caller labels,"), "{row}");
    }
}
