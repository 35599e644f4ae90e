//! The command line: one file a command.

mod authorize;
mod entries;
mod output;
mod remote;
mod serve;
mod test;
mod text;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A data-residency policy engine: may this data go there, or be handed to them?
#[derive(Debug, Parser)]
#[command(name = "situs", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer questions over gRPC.
    Serve(serve::Args),
    Authorize(authorize::Args),
    /// Check a policy bundle: schema, annotations, facts, cases.
    Validate(validate::Args),
    /// Run case files against a policy bundle.
    Test(test::Args),
}

/// Reads the arguments, runs the command, and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Authorize(args) => authorize::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Test(args) => test::run(&args),
    }
}
