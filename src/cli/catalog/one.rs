//! One entry: get, put, delete.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::entries::{self, JsonLines, Row};
use crate::cli::output::{line, note, raw};
use crate::cli::remote::{Server, failed};
use crate::domain::EntryKind;

/// Print one entry, as it was registered: without what it inherits.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs catalog get holding contoso/mail")]
pub(super) struct GetArgs {
    /// tenant, holding, party or process.
    #[arg(value_parser = entries::kind)]
    kind: EntryKind,
    /// The id; of a holding, its reference.
    key: String,
    /// How it is printed. TOML names the revision in a comment.
    #[arg(long, short, value_name = "FORMAT", default_value = "toml")]
    output: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Toml,
    Json,
}

/// Register one entry, or replace it whole.
///
/// The file has one entry, TOML or a line of JSON; `situs catalog import` takes many.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs catalog put mail.toml --expect-revision 7")]
pub(super) struct PutArgs {
    /// The file; - is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Replace only what this revision wrote; 0: create only.
    #[arg(long, value_name = "N")]
    expect_revision: Option<u64>,
    #[command(flatten)]
    server: Server,
}

/// Remove one entry. A tenant that has holdings is not removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  situs catalog delete process warrant --expect-revision 9")]
pub(super) struct DeleteArgs {
    /// tenant, holding, party or process.
    #[arg(value_parser = entries::kind)]
    kind: EntryKind,
    /// The id; of a holding, its reference.
    key: String,
    /// Remove only what this revision wrote.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    expect_revision: Option<u64>,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn get(args: GetArgs) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    let (words, revision) = client.get(args.kind, &args.key).await.map_err(failed)?;
    match args.output {
        Format::Json => line(entries::to_json(args.kind, &words)),
        Format::Toml => match entries::to_toml(args.kind, &words) {
            Some(text) => raw(&format!("# revision {revision}\n{text}")),
            None => {
                note("error: it has a number beyond the range of TOML; use --output json");
                return Err(ExitCode::FAILURE);
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn put(args: PutArgs) -> Result<ExitCode, ExitCode> {
    let row = read(&args.file).map_err(|problem| {
        note(format!("error: {problem}"));
        ExitCode::FAILURE
    })?;
    let client = args.server.connect().await?;
    let revision = client.put(row.kind, &row.words, args.expect_revision).await.map_err(failed)?;
    line(format!("{} {} is at revision {revision}", row.kind.as_str(), row.key()));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn delete(args: DeleteArgs) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    let revision = client.delete(args.kind, &args.key, args.expect_revision).await.map_err(failed)?;
    line(format!("{} {} was removed at revision {revision}", args.kind.as_str(), args.key));
    Ok(ExitCode::SUCCESS)
}

/// The one entry of a file.
fn read(path: &Path) -> Result<Row, String> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| format!("failed to read `{name}`: {error}");
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(entries::MAX_TOML).read_to_string(&mut text).map_err(unreadable)?;
    } else {
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(entries::MAX_TOML).read_to_string(&mut text).map_err(unreadable)?;
    }
    let rows: Result<Vec<Row>, _> = if entries::is_json(text.as_bytes()) {
        JsonLines::new(&name, text.as_bytes()).collect()
    } else {
        entries::of_toml(&name, &text)
    };
    let mut rows = rows.map_err(|fault| fault.to_string())?;
    match (rows.pop(), rows.len()) {
        (Some(row), 0) => Ok(row),
        (None, _) => Err(format!("`{name}` has no entry")),
        (_, others) => Err(format!("`{name}` has {} entries; `situs catalog import` takes many", others + 1)),
    }
}
