//! `situs policies`: writes a bundle out, and shows what is in one.

mod coverage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::output::{bundle, chain, files, line, note, raw};
use crate::domain::{did_you_mean, near};
use crate::policy::{self, Bundle, Rule};

/// Write a policy bundle out to edit it, and show what is in one.
///
/// A bundle is a folder: a schema, Cedar policies, dated facts, cases. The default one is in this program;
/// where no DIR is named, it is that one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  situs policies init my-policies      write the default bundle out, to edit it
  situs validate my-policies           would it be served?
  situs serve --policies my-policies   serve it; edits take effect within a second
  situs policies show core.residency.transfer";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the default bundle into a new or empty folder.
    Init {
        /// The folder.
        dir: PathBuf,
    },
    /// Print the whole Cedar schema, with the closed lists that the facts declare.
    ///
    /// An editor that knows Cedar checks policies against it.
    Schema {
        /// The bundle's folder; without it, the default bundle.
        dir: Option<PathBuf>,
    },
    /// List the rules: id, effect, reason, regime, and where each stands.
    List {
        /// The bundle's folder; without it, the default bundle.
        dir: Option<PathBuf>,
    },
    /// Print one rule as it is written, with the words that its codes stand for.
    Show {
        /// The rule's id, as answers name it.
        id: String,
        /// The bundle's folder; without it, the default bundle.
        dir: Option<PathBuf>,
    },
    /// Print, as Markdown, which regimes the rules carry, and which cases make them fire.
    ///
    /// The page of the default bundle is docs/coverage.md.
    #[command(after_help = "Example:\n  situs policies coverage > docs/coverage.md")]
    Coverage {
        /// The bundle's folder; without it, the default bundle.
        dir: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> ExitCode {
    let outcome = match &args.command {
        Command::Init { dir } => init(dir),
        Command::Schema { dir } => loaded(dir.as_deref()).map(|bundle| raw(&bundle.schema_text())),
        Command::List { dir } => loaded(dir.as_deref()).map(|bundle| list(&bundle)),
        Command::Show { id, dir } => loaded(dir.as_deref()).and_then(|bundle| show(&bundle, id)),
        Command::Coverage { dir } => loaded(dir.as_deref()).and_then(|bundle| coverage::print(&bundle)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

fn loaded(dir: Option<&Path>) -> Result<Bundle, ExitCode> {
    Ok(bundle(&files(dir)?)?.0)
}

fn init(dir: &Path) -> Result<(), ExitCode> {
    let files = policy::default_files();
    policy::write_folder(&files, dir).map_err(|error| {
        note(format!("error: {}", chain(&error)));
        ExitCode::FAILURE
    })?;
    let dir = dir.display();
    line(format!("wrote {} files into {dir}", files.len()));
    line(format!("edit them, then: situs validate {dir}; situs serve --policies {dir}"));
    Ok(())
}

fn list(bundle: &Bundle) {
    let longest =
        |text: fn(&Rule) -> &str| bundle.rules().iter().map(|rule| text(rule).len()).max().unwrap_or(0);
    let (id, reason, regime) =
        (longest(|rule| &rule.id), longest(|rule| &rule.reason), longest(|rule| &rule.regime));
    for rule in bundle.rules() {
        line(format!(
            "{:<id$}  {:<6}  {:<reason$}  {:<regime$}  {}:{}",
            rule.id,
            rule.effect.as_str(),
            or_dash(&rule.reason),
            or_dash(&rule.regime),
            rule.file,
            rule.line,
        ));
    }
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn show(bundle: &Bundle, id: &str) -> Result<(), ExitCode> {
    let Some(rule) = bundle.rule(id) else {
        let near = near(id, bundle.rules().iter().map(|rule| rule.id.as_str()));
        let hint = did_you_mean(&near);
        note(format!("error: there is no rule `{id}`{hint}"));
        note("  `situs policies list` shows them all");
        return Err(ExitCode::FAILURE);
    };
    line(format!("// {}:{}", rule.file, rule.line));
    let message = bundle.facts().message(crate::law::IdSet::Reason, &rule.reason);
    if !message.is_empty() {
        line(format!("// {}: {message}", rule.reason));
    }
    let regime = bundle.facts().regimes().find(|(regime, _)| regime.id == rule.regime);
    if let Some((regime, _)) = regime {
        line(format!("// {}: {}", regime.id, regime.name));
    }
    line(rule.source.trim_end());
    Ok(())
}
