//! Many entries, in: several calls in flight, progress each second, faults with their file and line.

use std::collections::{BTreeMap, HashSet};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::sources::{self, Sourced};
use crate::cli::entries::Row;
use crate::cli::output::{chain, line, note, raw_note};
use crate::cli::remote::Server;
use crate::domain::EntryKind;
use crate::grpc::client::{Client, ClientError};

/// Calls in flight: enough that the server commits some dozens with each sync to disk, and a fraction of what
/// it lets wait.
const IN_FLIGHT: usize = 128;
/// Tries of one call against a server that has too much to do, at 0.1, 0.2, 0.4 and 0.8 s between them.
const TRIES: u32 = 5;

/// Register every entry of files, or replace it whole.
///
/// Entries are registered tenants first, whatever their order in the files, by many calls at once; each is an
/// entry of its own, so an import that stopped can be run again. A faulty entry is told with its file and line,
/// and the others go on; the import stops at the last fault that it may have. Ends with 0 where every entry is
/// registered, else with 1.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files, TOML or JSON lines; - is standard input, where tenants must stand before their holdings.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Leave entries alone that are registered already.
    #[arg(long)]
    if_absent: bool,
    /// Stop at this many faults.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    max_faults: u64,
    /// Go on to the end, whatever the faults.
    #[arg(long, conflicts_with = "max_faults")]
    keep_going: bool,
    #[command(flatten)]
    server: Server,
}

const EXAMPLES: &str = "\
Examples:
  situs catalog import customers.toml holdings.jsonl
  situs catalog import --if-absent deploy/example/catalog.toml
  generate-holdings | situs catalog import --keep-going -";

/// What became of one entry.
struct Done {
    file: String,
    row: Row,
    outcome: Result<(), ClientError>,
}

/// How the import stands.
struct Tally {
    started: Instant,
    imported: BTreeMap<EntryKind, u64>,
    there: u64,
    faults: u64,
    /// The server is gone: the rest would fail too.
    lost: bool,
    is_terminal: bool,
    shown: bool,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, ExitCode> {
    let client = args.server.connect().await?;
    let expected = args.if_absent.then_some(0);
    let limit = if args.keep_going { u64::MAX } else { args.max_faults };
    let mut rows = sources::read(args.files);
    let mut tally = Tally::new();
    let mut calls: JoinSet<Done> = JoinSet::new();
    let mut keys: HashSet<(EntryKind, String)> = HashSet::new();
    let mut waiting: Option<(String, Row)> = None;
    let mut after_tenants = false;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.tick().await;
    let mut open = true;
    loop {
        if tally.lost || tally.faults >= limit {
            break;
        }
        // INVARIANT: entries of one key, and tenants and what may need them, are never in flight together, so
        // that the last of a key wins, and a holding finds its tenant.
        if let Some((file, row)) = waiting.take_if(|(_, row)| {
            let turns = (row.kind != EntryKind::Tenant) != after_tenants && !calls.is_empty();
            !turns && !keys.contains(&(row.kind, row.key().to_owned()))
        }) {
            after_tenants = row.kind != EntryKind::Tenant;
            keys.insert((row.kind, row.key().to_owned()));
            let client = client.clone();
            calls.spawn(async move {
                let outcome = put(&client, &row, expected).await;
                Done { file, row, outcome }
            });
        }
        if !open && waiting.is_none() && calls.is_empty() {
            break;
        }
        tokio::select! {
            _ = ticks.tick() => tally.progress(),
            Some(done) = calls.join_next(), if !calls.is_empty() => take(&mut tally, &mut keys, done),
            row = rows.recv(), if open && waiting.is_none() && calls.len() < IN_FLIGHT => match row {
                None => open = false,
                Some(row) => waiting = tally.read(row),
            },
        }
    }
    rows.close();
    while let Some(done) = calls.join_next().await {
        take(&mut tally, &mut keys, done);
    }
    tally.finish(open || waiting.is_some());
    Ok(if tally.faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn take(
    tally: &mut Tally,
    keys: &mut HashSet<(EntryKind, String)>,
    done: Result<Done, tokio::task::JoinError>,
) {
    match done {
        Ok(done) => {
            keys.remove(&(done.row.kind, done.row.key().to_owned()));
            tally.done(&done);
        }
        Err(error) => {
            tally.fault(&format!("a call was lost: {error}"));
            tally.lost = true;
        }
    }
}

async fn put(client: &Client, row: &Row, expected: Option<u64>) -> Result<(), ClientError> {
    let mut pause = Duration::from_millis(100);
    for _ in 1..TRIES {
        match client.put(row.kind, &row.words, expected).await {
            Err(error) if error.is_passing() => tokio::time::sleep(pause).await,
            other => return other.map(drop),
        }
        pause *= 2;
    }
    client.put(row.kind, &row.words, expected).await.map(drop)
}

// === impl Tally ===

impl Tally {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            imported: BTreeMap::new(),
            there: 0,
            faults: 0,
            lost: false,
            is_terminal: std::io::stderr().is_terminal(),
            shown: false,
        }
    }

    fn read(&mut self, row: Sourced) -> Option<(String, Row)> {
        row.map_err(|fault| self.fault(&fault.to_string())).ok()
    }

    fn done(&mut self, done: &Done) {
        let Done { file, row, outcome } = done;
        let place = format!("{file}:{}: {} `{}`", row.line, row.kind.as_str(), row.key());
        match outcome {
            Ok(()) => *self.imported.entry(row.kind).or_default() += 1,
            Err(error) if error.is_already_there() => self.there += 1,
            Err(error) if error.is_passing() => {
                // Said once: every call in flight fails alike.
                if !self.lost {
                    self.fault(&format!("{place}: {}", chain(error)));
                    note(format!("  {}; what was imported stays, so run it again", error.help()));
                }
                self.lost = true;
            }
            Err(error) => match error.bad_fields() {
                Some(bad) => self.fault(&format!("{place}: {bad}")),
                None => self.fault(&format!("{place}: {}", chain(error))),
            },
        }
    }

    fn fault(&mut self, message: &str) {
        self.faults += 1;
        self.clear();
        note(format!("error: {message}"));
    }

    fn total(&self) -> u64 {
        self.imported.values().sum()
    }

    /// Says how far it is; on a terminal in one line that is written over.
    fn progress(&mut self) {
        let handled = self.total() + self.there;
        let seconds = self.started.elapsed().as_secs().max(1);
        let text = format!("{handled} entries, {} a second, {} faults", handled / seconds, self.faults);
        self.clear();
        if self.is_terminal {
            raw_note(&text)
        } else {
            note(text)
        }
        self.shown = self.is_terminal;
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            raw_note("\r\u{1b}[K");
        }
    }

    fn finish(&mut self, stopped: bool) {
        self.clear();
        let kinds: Vec<_> =
            self.imported.iter().map(|(kind, count)| format!("{count} {}", plural(*kind, *count))).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
        line(format!("imported {}{kinds}", self.total()));
        if self.there > 0 {
            line(format!("left alone {}: registered already", self.there));
        }
        if self.faults > 0 {
            let more = if stopped && !self.lost { "; stopped there: --keep-going goes on" } else { "" };
            note(format!("{} fault(s){more}", self.faults));
        }
    }
}

const fn plural(kind: EntryKind, count: u64) -> &'static str {
    match (kind, count) {
        (kind, 1) => kind.as_str(),
        (EntryKind::Tenant, _) => "tenants",
        (EntryKind::Holding, _) => "holdings",
        (EntryKind::Party, _) => "parties",
        (EntryKind::Process, _) => "processes",
    }
}
