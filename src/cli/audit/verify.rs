//! `situs audit verify`: is everything as it was signed?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;

use super::source::{keys, read, wrong};
use crate::audit::verify::{Expected, Report, verify};
use crate::audit::{Checkpoint, Verifier};
use crate::cli::output::{line, note, raw_note};
use crate::grpc::INSPECT;

/// Verify a log from its files alone.
///
/// Hashes every entry anew, builds the tree, and holds it against every tile, the signed checkpoint, former
/// checkpoints, the digests of contents, the commitments of masked fields, and the journal. Names the first
/// entry that is wrong. Ends with 0 where everything holds, and 1 where not. Of several logs with one key, each
/// must extend the others.
///
/// Have the key from elsewhere than the log: `situs serve` prints it at its start.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Data directories, or copies of their folder `log`.
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// The log's public key, or a file that has it. For logs of several keys, give each.
    #[arg(long, required = true, value_name = "KEY")]
    key: Vec<String>,
    /// A checkpoint that the log signed before, or a folder of them: the log must extend each.
    #[arg(long, value_name = "CHECKPOINT")]
    since: Vec<PathBuf>,
    /// The public key of a witness, or a file of them: each must have signed the checkpoint.
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// Take it for a fault where old entries were pruned.
    #[arg(long)]
    whole: bool,
}

/// A sign of life is printed each time that so many more entries were hashed.
const PROGRESS: u64 = 100_000;

pub(super) fn run(args: &Args) -> Result<ExitCode, ExitCode> {
    let keys = keys(&args.key)?;
    let witnesses = super::source::keys(&args.witness)?;
    let former = former(&args.since)?;
    let mut holds = true;
    for dir in &args.dirs {
        let mut former = former.clone();
        let others = args.dirs.iter().filter(|other| *other != dir);
        former.extend(others.filter_map(|other| Some((other.display().to_string(), checkpoint(other)?))));
        let expected = expected(dir, &keys, &witnesses, former, args.whole)?;
        match verify(dir, &expected, INSPECT, &mut progress) {
            Ok(report) => {
                holds &= report.holds();
                show(&report, &expected);
            }
            Err(error) => {
                holds = false;
                line(format!("BAD  {}: {error}", dir.display()));
            }
        }
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a log is held against: the key that has its name, and checkpoints of the same name.
fn expected(
    dir: &Path,
    keys: &[Verifier],
    witnesses: &[Verifier],
    former: Vec<(String, Checkpoint)>,
    whole: bool,
) -> Result<Expected, ExitCode> {
    let origin = checkpoint(dir).map(|checkpoint| checkpoint.origin).unwrap_or_default();
    let key = keys.iter().find(|key| key.name() == origin).or(keys.first());
    let key = key.cloned().ok_or_else(|| wrong("no key is given"))?;
    // With one log, a checkpoint of another is a mistake that must be seen.
    let former = match keys.len() {
        1 => former,
        _ => former.into_iter().filter(|(_, former)| former.origin == origin).collect(),
    };
    let newest = checkpoint(dir).map_or(u64::MAX, |checkpoint| checkpoint.size);
    let former = former.into_iter().filter(|(name, former)| {
        // Of two copies the longer one must extend the shorter, and not the other way round.
        former.size <= newest || !Path::new(name).is_dir()
    });
    Ok(Expected { key, witnesses: witnesses.to_vec(), former: former.collect(), whole })
}

/// The checkpoint of a log, not yet believed.
fn checkpoint(dir: &Path) -> Option<Checkpoint> {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok()?.parse().ok();
    read(dir.join("log/checkpoint")).or_else(|| read(dir.join("checkpoint")))
}

fn former(given: &[PathBuf]) -> Result<Vec<(String, Checkpoint)>, ExitCode> {
    let mut former = Vec::new();
    for path in given {
        let mut files = vec![path.clone()];
        if path.is_dir() {
            let listed = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>());
            files = listed.map_err(|error| wrong(format!("`{}`: {error}", path.display())))?;
            files.retain(|file| file.is_file());
            files.sort();
        }
        for file in files {
            let checkpoint = read(&file)?
                .parse()
                .map_err(|error| wrong(format!("`{}` is not a checkpoint: {error}", file.display())))?;
            former.push((format!("`{}`", file.display()), checkpoint));
        }
    }
    Ok(former)
}

fn progress(done: u64, of: u64) {
    if done / PROGRESS > done.saturating_sub(256) / PROGRESS {
        raw_note(&format!("hashed {done} of {of} entries\n"));
    }
}

fn show(report: &Report, expected: &Expected) {
    let Report { checkpoint, entries, texts, .. } = report;
    let verdict = if report.holds() { "OK  " } else { "BAD " };
    line(format!("{verdict} {}", report.log.display()));
    line(format!("     `{}`, {} entries under its checkpoint", checkpoint.origin, checkpoint.size));
    line(format!(
        "     {} decisions, {} enquiries, {} outcomes, {} contents",
        entries.decisions, entries.enquiries, entries.outcomes, entries.contents
    ));
    if report.first_kept > 0 {
        line(format!(
            "     pruned: entries before {} are gone; their hashes are there, and hold",
            report.first_kept
        ));
    }
    if texts.kept + texts.gone > 0 {
        line(format!("     masked fields: {} with their plain text, {} without", texts.kept, texts.gone));
    }
    if report.pending > 0 {
        line(format!("     {} more entries are durable, and under no checkpoint yet", report.pending));
    }
    if report.extends > 0 {
        line(format!("     extends {} former checkpoint(s)", report.extends));
    }
    for witnessed in &report.witnessed {
        let at = i64::try_from(witnessed.time).ok().and_then(|time| Timestamp::from_second(time).ok());
        let at = at.map_or_else(String::new, |at| format!(" at {at}"));
        line(format!("     `{}` witnessed its first {} entries{at}", witnessed.name, witnessed.size));
    }
    report.remarks.iter().for_each(|remark| note(format!("note: {remark}")));
    if let Some(first) = report.faults.iter().find_map(|fault| fault.entry) {
        line(format!("     first wrong entry: {first}"));
    }
    report.faults.iter().for_each(|fault| line(format!("     {fault}")));
    if report.more_faults > 0 {
        line(format!("     and {} more faults", report.more_faults));
    }
    if !report.unverified.is_empty() {
        let names = report.unverified.join("`, `");
        note(format!("note: signatures by `{names}` were not checked; --witness takes their keys"));
    }
    if expected.witnesses.is_empty() {
        let since = if report.extends > 0 { " since the last checkpoint that was given" } else { "" };
        note(format!(
            "note: no witness vouches for it: who holds the log's key could have written it anew{since}. A \
             checkpoint that was kept elsewhere (--since) or a witness (--witness) would show that"
        ));
    }
}
