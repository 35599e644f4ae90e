//! `situs audit`: the log of decisions, verified, proved, read and kept within its limits.
//!
//! All of it works on files, whether a server writes to them or not.

mod check_proof;
mod erase;
mod export;
mod proof;
mod prune;
mod replay;
mod source;
mod tail;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

/// Verify, prove, read and prune the log of decisions.
///
/// Every decision is an entry of a Merkle tree, whose root the log signs. Who has the log's public key can tell
/// from the files alone that no entry was changed, left out or moved, and from a proof of some lines that one
/// entry is there.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  situs audit verify situs-data --key log.pub --since checkpoint-of-last-month
  situs audit proof 019a0b7c-... --data-dir situs-data > decision.tlog-proof
  situs audit check-proof decision.tlog-proof --key log.pub
  situs audit export --data-dir situs-data --format csv --from 2026-01-01 > decisions.csv
  situs audit tail -f --data-dir situs-data";

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Args),
    Proof(proof::Args),
    CheckProof(check_proof::Args),
    Checkpoint(proof::CheckpointArgs),
    Export(export::Args),
    Tail(tail::Args),
    Replay(replay::Args),
    Prune(prune::Args),
    Erase(erase::Args),
}

pub(super) fn run(args: &Args) -> ExitCode {
    let done = match &args.command {
        Command::Verify(args) => verify::run(args),
        Command::Proof(args) => proof::run(args),
        Command::CheckProof(args) => check_proof::run(args),
        Command::Checkpoint(args) => proof::checkpoint(args),
        Command::Export(args) => export::run(args),
        Command::Tail(args) => tail::run(args),
        Command::Replay(args) => return replay::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Erase(args) => erase::run(args),
    };
    match done {
        Ok(code) | Err(code) => code,
    }
}
