//! `situs audit proof` and `situs audit checkpoint`: what others need to check the log.

use std::process::ExitCode;

use super::source::{Origin, failed, find, wrong};
use crate::audit::Proof;
use crate::cli::output::raw;
use crate::cli::remote;

/// Prove that a decision is in the log.
///
/// Prints a proof of some lines (C2SP tlog-proof), with the entry that it is about. `situs audit check-proof`
/// checks it with the log's public key alone, as other tools for such logs do. Asks a server, or with --data-dir
/// reads the log's files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The decision's id, or the entry's index in the log.
    #[arg(value_name = "DECISION_ID|INDEX")]
    what: String,
    #[command(flatten)]
    origin: Origin,
}

/// Print the newest checkpoint: keep it elsewhere, and the log can no longer be rewritten unseen.
#[derive(Debug, clap::Args)]
pub(super) struct CheckpointArgs {
    #[command(flatten)]
    origin: Origin,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let Some(log) = args.origin.open()? else {
        return Ok(remote::run(async {
            let client = args.origin.server.connect().await?;
            raw(&client.proof(&args.what).await.map_err(remote::failed)?);
            Ok(ExitCode::SUCCESS)
        }));
    };
    let index = find(&log, &args.what)?;
    match Proof::of(&log, index).map_err(failed)? {
        Some(proof) => {
            raw(&proof.to_string());
            Ok(ExitCode::SUCCESS)
        }
        None if log.entry(index).is_ok_and(|entry| entry.is_some()) => {
            Err(wrong(format!("entry {index} is recorded, and no checkpoint covers it yet: ask again")))
        }
        None => Err(wrong(format!("the log has no entry {index}"))),
    }
}

pub(super) fn checkpoint(args: &CheckpointArgs) -> Result<ExitCode, ExitCode> {
    let Some(log) = args.origin.open()? else {
        return Ok(remote::run(async {
            let client = args.origin.server.connect().await?;
            raw(&client.checkpoint().await.map_err(remote::failed)?);
            Ok(ExitCode::SUCCESS)
        }));
    };
    match log.checkpoint().map_err(failed)? {
        Some(checkpoint) => {
            raw(&checkpoint.to_string());
            Ok(ExitCode::SUCCESS)
        }
        None => Err(wrong("the log has no checkpoint yet")),
    }
}
