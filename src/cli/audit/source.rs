//! Where commands find a log, an entry of it, its key, and an instant.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::audit::{LogDir, Verifier};
use crate::cli::output::{chain, note};
use crate::cli::remote::Server;
use crate::domain::LogEntry;
use crate::grpc::DECODE;

/// Which log is read.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Source {
    /// The server's data directory, which has the log.
    #[arg(long, env = "SITUS_DATA_DIR", value_name = "DIR", default_value = "situs-data")]
    pub data_dir: PathBuf,
}

/// A server, or the files of one.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Origin {
    #[command(flatten)]
    pub server: Server,
    /// Read the log below this data directory, and ask no server.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Prints an error, and gives the exit code for it.
pub(super) fn failed(error: impl std::error::Error) -> ExitCode {
    note(format!("error: {}", chain(&error)));
    ExitCode::FAILURE
}

/// Prints what is wrong, and gives the exit code for it.
pub(super) fn wrong(problem: impl std::fmt::Display) -> ExitCode {
    note(format!("error: {problem}"));
    ExitCode::FAILURE
}

// === impl Source ===

impl Source {
    /// The log, where there is one.
    pub(super) fn open(&self) -> Result<LogDir, ExitCode> {
        let log = LogDir::open(&self.data_dir);
        match log.log().is_dir() {
            true => Ok(log),
            false => Err(wrong(format!(
                "`{}` has no log; --data-dir names the data directory of a server",
                self.data_dir.display()
            ))),
        }
    }
}

// === impl Origin ===

impl Origin {
    /// The log's files; absent: a server is to be asked.
    pub(super) fn open(&self) -> Result<Option<LogDir>, ExitCode> {
        self.data_dir.as_ref().map(|data_dir| Source { data_dir: data_dir.clone() }.open()).transpose()
    }
}

/// Reads a file as text.
pub(super) fn read(path: &Path) -> Result<String, ExitCode> {
    std::fs::read_to_string(path)
        .map_err(|error| wrong(format!("`{}` cannot be read: {error}", path.display())))
}

/// Reads verifier keys: each given as it is, or as a file that has one a line.
pub(super) fn keys(given: &[String]) -> Result<Vec<Verifier>, ExitCode> {
    let mut keys = Vec::new();
    for key in given {
        let path = Path::new(key);
        let text = if path.is_file() { read(path)? } else { key.clone() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let key = line.parse().map_err(|error| wrong(format!("key `{line}`: {error}")))?;
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Finds the entry that is meant: by its index, or by the id of its decision.
pub(super) fn find(log: &LogDir, what: &str) -> Result<u64, ExitCode> {
    if let Ok(index) = what.parse::<u64>() {
        return Ok(index);
    }
    let id = Uuid::try_parse(what)
        .map_err(|_| wrong(format!("`{what}` is neither the id of a decision nor an index of the log")))?;
    for entry in log.entries(0..u64::MAX).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let read = (DECODE.entry)(&entry.bytes, &[]);
        if read.is_ok_and(|read| matches!(read, LogEntry::Decision(decided) if decided.id == id)) {
            return Ok(entry.index);
        }
    }
    Err(wrong(format!("no decision `{what}` is in the log, or its entry was pruned")))
}

/// Reads an instant: a date, which begins at midnight UTC, or an instant such as `2026-12-01T00:00:00Z`.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    if let Ok(date) = text.parse::<Date>()
        && let Ok(midnight) = date.to_zoned(TimeZone::UTC)
        && !text.contains('T')
    {
        return Ok(midnight.timestamp());
    }
    text.parse::<Timestamp>().map_err(|_| "is neither a date nor an instant".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_begins_at_midnight() {
        let midnight = instant("2026-12-01T00:00:00Z").unwrap();
        assert_eq!(instant("2026-12-01"), Ok(midnight));
        assert_eq!(instant("2026-12-01T01:00:00+01:00"), Ok(midnight));
        assert!(instant("yesterday").is_err());
    }
}
