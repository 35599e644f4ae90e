//! `situs audit erase`: plain texts of masked fields, for good.

use std::process::ExitCode;

use super::source::{Source, failed, find, wrong};
use crate::cli::output::line;

/// Erase the plain texts of a decision's masked fields.
///
/// The entry stays as it is: it has only commitments in their place, which say nothing without the texts. The
/// journal of a server that runs may hold the texts for up to an hour more. What was never masked cannot be
/// erased.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The decision's id, or the entry's index in the log.
    #[arg(value_name = "DECISION_ID|INDEX")]
    what: String,
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let log = args.source.open()?;
    let index = find(&log, &args.what)?;
    let covered = log.checkpoint().map_err(failed)?.map_or(0, |checkpoint| checkpoint.size);
    if index >= covered {
        return Err(wrong(format!("no checkpoint covers entry {index} yet: ask again")));
    }
    match log.erase(index).map_err(failed)? {
        true => line(format!("erased the plain texts of entry {index}")),
        false => line(format!("entry {index} has no plain texts that are kept")),
    }
    Ok(ExitCode::SUCCESS)
}
