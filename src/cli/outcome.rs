//! `situs outcome`: records what became of a decision.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::line;
use super::remote::{self, Server, failed};

/// Record what became of a decision: disclosed, withheld, notice_given, challenged, ...
///
/// An outcome is an entry of the log, durable once this command ends with 0, and cannot be taken back; a later one
/// says what happened since. It fulfils the decision's duties that the facts name for it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The decision's id.
    #[arg(value_name = "DECISION_ID")]
    decision_id: String,
    /// What happened: a word of facts/outcomes.toml.
    #[arg(value_name = "KIND")]
    kind: String,
    /// When it happened: an instant such as 2026-12-01T09:30:00Z, or a date; without it, now.
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// What it is about: subscriber, identification, traffic, content, key; without it, all that was asked for.
    #[arg(long, value_name = "CATEGORY", value_delimiter = ',')]
    categories: Vec<String>,
    /// What more there is to say.
    #[arg(long, value_name = "TEXT")]
    detail: Option<String>,
    /// Print the answer as JSON, with its receipt.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

const EXAMPLES: &str = "\
Examples:
  situs outcome 0197c3f2-6b1e-7c55-9d2e-1f0a52c9b7aa disclosed --categories subscriber,traffic
  situs outcome 0197c3f2-6b1e-7c55-9d2e-1f0a52c9b7aa notice_given --detail 'by letter'";

pub(super) fn run(args: &Args) -> ExitCode {
    remote::run(record(args))
}

async fn record(args: &Args) -> Result<ExitCode, ExitCode> {
    let mut outcome = json!({ "decision_id": args.decision_id, "kind": args.kind });
    if let Some(fields) = outcome.as_object_mut() {
        let texts = [("at", &args.at), ("detail", &args.detail)];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, Value::from(text.as_deref()?))));
        fields.extend(texts.map(|(name, text)| (name.to_owned(), text)));
        if !args.categories.is_empty() {
            fields.insert(String::from("data_categories"), Value::from(args.categories.clone()));
        }
    }
    let client = args.server.connect().await?;
    let answer = client.record_outcome(&outcome).await.map_err(failed)?;
    if args.json {
        line(&answer);
    } else {
        let id = answer.get("outcome_id").and_then(Value::as_str).unwrap_or_default();
        let index = answer.pointer("/receipt/log_index").and_then(Value::as_u64).unwrap_or(0);
        line(format!("recorded {} as {id}, entry {index} of the log", args.kind));
    }
    Ok(ExitCode::SUCCESS)
}
