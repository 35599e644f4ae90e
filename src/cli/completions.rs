//! `situs completions`: lets a shell complete commands and flags.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::raw;

/// Print a script that lets a shell complete commands and flags.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell.
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  situs completions bash > ~/.local/share/bash-completion/completions/situs
  situs completions zsh > ~/.zfunc/_situs
  situs completions fish > ~/.config/fish/completions/situs.fish";

pub(super) fn run(args: &Args) -> ExitCode {
    let mut command = super::Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "situs", &mut script);
    raw(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
