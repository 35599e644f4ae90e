//! `situs audit replay`: recorded decisions, decided again.

mod json;
mod print;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::audit::LogDir;
use crate::catalog::{Catalog, Codec, Limits, Sqlite};
use crate::cli::output::{bundle, chain, files, line, note};
use crate::config::DEFAULT_DATA_DIR;
use crate::grpc::{decode_entry, encode_entry};
use crate::replay::{Replay, Select, Summary, past};
use crate::server::Kept;

/// Decide recorded questions again, and say what differs.
///
/// Without --policies every record is decided under the bundle that decided it, by the facts as they were
/// resolved then: each answer must be the same. With --policies it says what a bundle of yours would have
/// answered: which flows and which tenants it changes, and by which rules. Who may ask, and who may state
/// facts, is not asked again. A record whose question or facts were erased or pruned is counted, not guessed.
///
/// Ends with 0 where nothing differs, 1 where something does, and 2 where nothing could be decided again. A
/// server may run meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The data folder of the server whose records these are.
    #[arg(long, env = "SITUS_DATA_DIR", value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Decide under the bundle in this folder, not under the recorded ones.
    #[arg(long, short, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Decide by what the catalogue says now, not by the recorded facts.
    #[arg(long)]
    catalog: bool,
    /// Only records from this date or instant on.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    from: Option<Timestamp>,
    /// Only records before this date or instant.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    to: Option<Timestamp>,
    /// Only records of this tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Show so many differences one by one.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    show: usize,
    /// End with 1 for any difference, or only where a decision changes.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Answer)]
    fail_on: FailOn,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  situs audit replay                           are the answers still those that were given?
  situs audit replay --policies my-policies    what would these rules have changed?
  situs audit replay --policies my-policies --from 2026-11-01 --fail-on decision --json
  situs audit replay --catalog                 what has the catalogue changed since?";

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Any field of an answer.
    Answer,
    /// The decision alone.
    Decision,
}

/// The exit code where nothing could be decided again.
const UNREADABLE: u8 = 2;
/// How often a long replay says how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

/// What was decided by.
struct Basis {
    policy_version: Option<String>,
    catalog_revision: Option<u64>,
}

pub(super) fn run(args: &Args) -> ExitCode {
    let (basis, summary) = match replay(args) {
        Ok(replayed) => replayed,
        Err(code) => return code,
    };
    if args.json {
        line(json::of(&basis, &summary));
    } else {
        print::print(&basis, &summary);
    }
    let failed = match args.fail_on {
        FailOn::Answer => summary.differ,
        FailOn::Decision => summary.decisions_changed(),
    };
    match (failed, summary.replayed()) {
        (_, 0) => {
            note("error: no record could be decided again");
            ExitCode::from(UNREADABLE)
        }
        (0, _) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn replay(args: &Args) -> Result<(Basis, Summary), ExitCode> {
    let unreadable = |error: &dyn std::error::Error| {
        note(format!("error: {}", chain(error)));
        ExitCode::from(UNREADABLE)
    };
    let mut basis = Basis { policy_version: None, catalog_revision: None };
    let kept = Kept::of(&args.data_dir);
    let mut replay = Replay::new(Box::new(move |version| kept.files(version)));
    if let Some(folder) = &args.policies {
        let files = files(Some(folder)).map_err(|_| ExitCode::from(UNREADABLE))?;
        let (target, _report) = bundle(&files).map_err(|_| ExitCode::from(UNREADABLE))?;
        basis.policy_version = Some(target.version().to_owned());
        replay = replay.under(Arc::new(target));
    }
    if args.catalog {
        let fixed =
            Sqlite::snapshot(&args.data_dir.join("catalog.db")).map_err(|error| unreadable(&error))?;
        let codec = Codec { encode: encode_entry, decode: decode_entry };
        let catalog =
            Catalog::open(Arc::new(fixed), codec, Limits::default()).map_err(|error| unreadable(&error))?;
        basis.catalog_revision = Some(catalog.revision());
        replay = replay.with_catalog(catalog);
    }
    let select = Select { from: args.from, until: args.to, tenant: args.tenant.clone() };
    let past = past(&LogDir::open(&args.data_dir), select).map_err(|error| unreadable(&error))?;
    let mut told = Instant::now();
    let progress = |summary: &Summary| {
        if told.elapsed() >= PROGRESS {
            note(format!("{} records, {} differ", summary.records, summary.differ));
            told = Instant::now();
        }
    };
    let summary = replay.all(past, args.show, progress).map_err(|error| unreadable(&error))?;
    Ok((basis, summary))
}

/// A date, from its first moment in UTC, or an instant with its zone.
fn instant(text: &str) -> Result<Timestamp, String> {
    let date = |date: Date| date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
    let parsed = text.parse::<Timestamp>().or_else(|_| text.parse::<Date>().and_then(date));
    parsed.map_err(|_| String::from("give a date, 2026-11-22, or an instant, 2026-11-22T12:00:00Z"))
}
