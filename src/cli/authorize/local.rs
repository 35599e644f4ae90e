//! A question that is decided in this process, over a bundle and a catalogue file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value;

use crate::catalog::{Catalog, Codec, Fixed, Limits};
use crate::cli::output::{bundle, chain, files, note};
use crate::cli::{entries, remote};
use crate::domain::{Decision, Entry};
use crate::engine::{Clock, SystemClock, enquire};
use crate::grpc::words::{self, WordsError};
use crate::grpc::{decode_entry, encode_entry};
use crate::law::Facts;
use crate::policy::Bundle;
use crate::server;

/// What to decide with, where no server is asked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Local {
    /// Decide in this process, without a server and without a record.
    #[arg(long)]
    pub local: bool,
    /// With --local: the bundle's folder; without it, the default bundle.
    #[arg(long, short, value_name = "DIR", requires = "local")]
    policies: Option<PathBuf>,
    /// With --local: a catalogue file, as `situs catalog import` takes it.
    #[arg(long, value_name = "FILE", requires = "local")]
    catalog: Option<PathBuf>,
    /// With --local: the example catalogue, as `situs serve --example` registers it.
    #[arg(long, requires = "local", conflicts_with = "catalog")]
    example: bool,
}

impl Local {
    /// Decides, and gives the facts that it was decided by. What is wrong is printed.
    pub fn decide(&self, question: &Value) -> Result<(Decision, Arc<Facts>), ExitCode> {
        let files = files(self.policies.as_deref())?;
        let (bundle, _report) = bundle(&files)?;
        let bad = |error: &WordsError| remote::bad_words(error);
        let question = words::question(question, &**bundle.facts()).map_err(|error| bad(&error))?;
        let catalog = self.catalog(&bundle)?;
        let decision =
            enquire(&bundle, &catalog, &question, SystemClock.now()).map_err(|error| failed(&error))?;
        Ok((decision, Arc::clone(bundle.facts())))
    }

    fn catalog(&self, bundle: &Bundle) -> Result<Catalog, ExitCode> {
        let (name, text) = match &self.catalog {
            None if self.example => (String::from("example"), server::EXAMPLE.to_owned()),
            None => (String::new(), String::new()),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    note(format!("error: failed to read `{}`: {error}", path.display()));
                    ExitCode::FAILURE
                })?;
                (path.display().to_string(), text)
            }
        };
        let codec = Codec { encode: encode_entry, decode: decode_entry };
        let store = Fixed::new(entries(&name, &text, bundle)?, codec).map_err(|error| failed(&error))?;
        Catalog::open(Arc::new(store), codec, Limits::default()).map_err(|error| failed(&error))
    }
}

/// The entries of a file, or every fault of it.
fn entries(name: &str, text: &str, bundle: &Bundle) -> Result<Vec<Entry>, ExitCode> {
    let rows: Vec<_> = if entries::is_json(text.as_bytes()) {
        entries::JsonLines::new(name, text.as_bytes()).collect()
    } else {
        match entries::of_toml(name, text) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(fault) => vec![Err(fault)],
        }
    };
    let mut read = Vec::new();
    let mut faults = 0;
    for row in rows {
        let entry = row.map_err(|fault| fault.to_string()).and_then(|row| {
            let place = format!("{name}:{}: {} `{}`", row.line, row.kind.as_str(), row.key());
            words::entry(row.kind, &row.words, &**bundle.facts()).map_err(|error| format!("{place}: {error}"))
        });
        match entry {
            Ok(entry) => read.push(entry),
            Err(fault) => {
                faults += 1;
                note(format!("error: {fault}"));
            }
        }
    }
    if faults == 0 { Ok(read) } else { Err(ExitCode::FAILURE) }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    note(format!("error: {}", chain(error)));
    ExitCode::FAILURE
}
