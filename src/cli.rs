//! The command line: one file a command.
//!
//! A command reads its arguments, calls what is below, prints, and gives its exit code. Results go to standard
//! output, faults and progress to standard error; nothing is decided here.

mod audit;
mod authorize;
mod catalog;
mod completions;
mod entries;
mod obligations;
mod outcome;
mod output;
mod policies;
mod remote;
mod report;
mod serve;
mod test;
mod text;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A data-residency policy engine: may this data go there, or be handed to them?
///
/// Situs answers that question from Cedar policies, under the law of a date, and explains the answer: the rules
/// that decided, where the law stands, what must now be done, and the lawful way to a yes. `situs serve` answers
/// over gRPC; the other commands ask it, fill its catalogue, and check its policies.
#[derive(Debug, Parser)]
#[command(name = "situs", version, propagate_version = true, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
A first question, with nothing running:
  situs authorize contoso/mail --local --example --requester us-attorney \\
      --jurisdiction US-NY --process warrant --as-of 2016-07-14

The same, of a server:
  situs serve --example
  situs authorize contoso/mail --requester us-attorney --jurisdiction US-NY --process warrant

Rules of your own:
  situs policies init my-policies
  situs validate my-policies
  situs serve --policies my-policies

`situs COMMAND --help` says more, with examples.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Args>),
    Authorize(Box<authorize::Args>),
    Catalog(catalog::Args),
    Audit(audit::Args),
    Report(report::Args),
    Obligations(obligations::Args),
    Outcome(outcome::Args),
    Policies(policies::Args),
    Validate(validate::Args),
    Test(test::Args),
    Completions(completions::Args),
}

/// Reads the arguments, runs the command, and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(*args),
        Command::Authorize(args) => authorize::run(&args),
        Command::Catalog(args) => catalog::run(args),
        Command::Audit(args) => audit::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Obligations(args) => obligations::run(&args),
        Command::Outcome(args) => outcome::run(&args),
        Command::Policies(args) => policies::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}
