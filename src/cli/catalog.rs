//! `situs catalog`: reads and writes a server's catalogue.

mod export;
mod import;
mod one;
mod sources;

use std::process::ExitCode;

use clap::Subcommand;

use super::remote;

/// Read and write a server's catalogue: tenants, holdings, parties and legal processes.
///
/// The catalogue holds the facts that questions are answered from. Files of entries are TOML, with tables
/// [[tenant]], [[holding]], [[party]] and [[process]], or JSON lines, {"tenant": {...}} one a line; the fields
/// are those of the wire, in plain words.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  situs catalog import customers.toml holdings.jsonl
  situs catalog list --kind holding --prefix contoso/
  situs catalog get holding contoso/mail > mail.toml
  situs catalog put mail.toml --expect-revision 7
  situs catalog export --output jsonl > backup.jsonl";

#[derive(Debug, Subcommand)]
enum Command {
    /// Register every entry of files.
    Import(import::Args),
    /// Print every entry, for an import.
    Export(export::Args),
    /// List what is registered: kind, key, and the revision that wrote it.
    List(export::ListArgs),
    /// Print one entry.
    Get(one::GetArgs),
    /// Register one entry, or replace it whole.
    Put(one::PutArgs),
    /// Remove one entry.
    Delete(one::DeleteArgs),
}

pub(super) fn run(args: Args) -> ExitCode {
    match args.command {
        Command::Import(args) => remote::run(import::run(args)),
        Command::Export(args) => remote::run(export::run(args)),
        Command::List(args) => remote::run(export::list(args)),
        Command::Get(args) => remote::run(one::get(args)),
        Command::Put(args) => remote::run(one::put(args)),
        Command::Delete(args) => remote::run(one::delete(args)),
    }
}
