//! `situs audit`: what the log of decisions shows.

mod replay;

use std::process::ExitCode;

use clap::Subcommand;

/// Work with the log of decisions.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::Args),
}

pub(super) fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Replay(args) => replay::run(args),
    }
}
