//! Many entries, out: export and list.

use std::process::ExitCode;

use serde_json::Value;

use crate::cli::entries;
use crate::cli::output::{line, note, raw};
use crate::cli::remote::{Server, failed};
use crate::domain::EntryKind;
use crate::grpc::client::Client;

/// Print every entry, for an import.
///
/// Entries come tenants first, by their keys, as they were registered: without what they inherit. What is
/// written while it runs may be missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs catalog export --output jsonl > backup.jsonl")]
pub(super) struct Args {
    /// How they are printed. A large catalogue is better as JSON lines, which an import reads as they come.
    #[arg(long, short, value_name = "FORMAT", default_value = "toml")]
    output: Format,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Toml,
    Jsonl,
}

/// List what is registered: kind, key, and the revision that wrote it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs catalog list --kind holding --prefix contoso/")]
pub(super) struct ListArgs {
    /// How it is printed: columns, or an object a line.
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: ListFormat,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    Text,
    Jsonl,
}

/// Which entries.
#[derive(Clone, Debug, clap::Args)]
struct Which {
    /// Of this kind only: tenant, holding, party or process.
    #[arg(long, value_name = "KIND", value_parser = entries::kind)]
    kind: Option<EntryKind>,
    /// Only those whose key begins so.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    each(&client, &args.which, |kind, words, _| {
        match args.output {
            Format::Jsonl => line(entries::to_json(kind, &words)),
            Format::Toml => match entries::to_toml(kind, &words) {
                Some(text) => raw(&format!("{text}\n")),
                None => {
                    let key = key(kind, &words);
                    note(format!("error: {} `{key}` has a number beyond the range of TOML", kind.as_str()));
                    note("  use --output jsonl");
                    return Err(ExitCode::FAILURE);
                }
            },
        }
        Ok(())
    })
    .await
}

pub(super) async fn list(args: ListArgs) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    each(&client, &args.which, |kind, words, revision| {
        let (kind, key) = (kind.as_str(), key(kind, &words));
        match args.output {
            ListFormat::Text => line(format!("{kind:<8} {key:<48} {revision:>8}")),
            ListFormat::Jsonl => {
                line(serde_json::json!({ "kind": kind, "key": key, "revision": revision }));
            }
        }
        Ok(())
    })
    .await
}

/// Hands over every entry, kind by kind, a page at a time.
async fn each(
    client: &Client,
    which: &Which,
    mut take: impl FnMut(EntryKind, Value, u64) -> Result<(), ExitCode>,
) -> Result<ExitCode, ExitCode> {
    for kind in EntryKind::ALL.iter().copied().filter(|kind| which.kind.is_none_or(|wanted| wanted == *kind))
    {
        let mut token = String::new();
        loop {
            let page = client.list(kind, &which.prefix, &token).await.map_err(failed)?;
            page.entries.into_iter().try_for_each(|(words, revision)| take(kind, words, revision))?;
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn key(kind: EntryKind, words: &Value) -> String {
    let field = if kind == EntryKind::Holding { "data_ref" } else { "id" };
    words.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}
