//! `situs obligations`: what is still to be done for decisions, and by when.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{bundle, chain, files, line, note};
use super::remote::{self, Server, bad_words, failed};
use crate::audit::LogDir;
use crate::audit::index::Index;
use crate::engine::{Clock, SystemClock};
use crate::grpc;
use crate::grpc::words;

/// List the duties that follow from decisions: a notice when its gag ends, an order's deadline.
///
/// A duty is an obligation of an answer that an outcome fulfils: `situs outcome` records one. The list is by the
/// time that duties fall due at; those without one come last. It asks a server, or with --data-dir reads the log
/// below a data directory, whether a server writes to it or not.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    server: Server,
    /// Read the log below this folder, and ask no server.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// With --data-dir: the bundle whose facts say which outcome fulfils which duty; without it, the default one.
    #[arg(long, value_name = "DIR", requires = "data_dir")]
    policies: Option<PathBuf>,
    /// Only those due before this: a date, or an instant such as 2026-12-01T00:00:00Z.
    #[arg(long, value_name = "WHEN")]
    due_before: Option<String>,
    /// Only those of this tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Only those of this decision.
    #[arg(long, value_name = "DECISION_ID")]
    decision: Option<String>,
    /// Those that are done, too.
    #[arg(long)]
    done: bool,
    /// Print a JSON object a line.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  situs obligations --due-before 2026-12-01
  situs obligations --tenant contoso --done
  situs obligations --data-dir situs-data --json";

/// Duties of a page: the most that a server gives.
const PAGE: usize = 500;

pub(super) fn run(args: &Args) -> ExitCode {
    let listed = match &args.data_dir {
        Some(data_dir) => local(args, data_dir),
        None => return remote::run(served(args)),
    };
    match listed {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => code,
    }
}

/// The request, in words.
fn request(args: &Args) -> Value {
    let mut request = json!({ "done": args.done, "page_size": PAGE });
    let words =
        [("due_before", &args.due_before), ("tenant_id", &args.tenant), ("decision_id", &args.decision)];
    for (name, word) in words {
        if let (Some(word), Some(fields)) = (word, request.as_object_mut()) {
            fields.insert(name.to_owned(), Value::from(word.as_str()));
        }
    }
    request
}

async fn served(args: &Args) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    let mut request = request(args);
    let mut count = 0;
    loop {
        let (duties, next) = client.duties(&request).await.map_err(failed)?;
        count += duties.len();
        duties.iter().for_each(|duty| print(args, duty));
        if next.is_empty() {
            finish(args, count);
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(fields) = request.as_object_mut() {
            fields.insert(String::from("page_token"), Value::from(next));
        }
    }
}

fn local(args: &Args, data_dir: &Path) -> Result<(), ExitCode> {
    let filter = words::duty_filter(&request(args)).map_err(|error| bad_words(&error))?;
    let (bundle, _) = bundle(&files(args.policies.as_deref())?)?;
    let fault = |error: &dyn std::error::Error| {
        note(format!("error: {}", chain(error)));
        ExitCode::FAILURE
    };
    let index = Index::snapshot(&LogDir::open(data_dir), grpc::DECODE).map_err(|error| fault(&error))?;
    let now = SystemClock.now();
    let (mut after, mut count) = (None, 0);
    loop {
        let fulfils = bundle.facts().fulfils();
        let (duties, next) =
            index.duties(&filter, fulfils, after, PAGE, &mut |_| true).map_err(|error| fault(&error))?;
        count += duties.len();
        for duty in duties {
            let state = duty.state(now);
            print(args, &words::duty(duty, state).map_err(|error| bad_words(&error))?);
        }
        if next.is_none() {
            finish(args, count);
            return Ok(());
        }
        after = next;
    }
}

fn print(args: &Args, duty: &Value) {
    if args.json {
        return line(duty);
    }
    let word = |path: &str| duty.pointer(path).and_then(Value::as_str).unwrap_or("-");
    let detail = match word("/obligation/detail") {
        "-" => String::new(),
        detail => format!("  {detail}"),
    };
    line(format!(
        "{:<20}  {:<7}  {:<36}  {}  {}{detail}",
        word("/obligation/due"),
        word("/state"),
        word("/obligation/kind"),
        word("/decision_id"),
        word("/tenant_id"),
    ));
}

fn finish(args: &Args, count: usize) {
    if count == 0 && !args.json {
        note("nothing is to be done");
    }
}
