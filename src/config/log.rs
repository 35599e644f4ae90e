//! The log of decisions: its settings, and what they come to.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::audit::{Witness, is_name};
use crate::domain::{Masking, Personal};

/// Where they are given: each flag, its environment variable, and its key of the file.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default)]
pub struct LogSettings {
    /// File of the log's private key [default: log.key in the data folder, made at the first start].
    #[arg(long, env = "SITUS_LOG_KEY", value_name = "FILE", help_heading = "Log of decisions")]
    pub log_key: Option<PathBuf>,
    /// Name of the log, such as example.com/decisions: set it before the first start, as it is the key's name
    /// for good [default: a random one].
    #[arg(long, env = "SITUS_LOG_ORIGIN", value_name = "NAME", help_heading = "Log of decisions")]
    pub log_origin: Option<String>,
    /// How long a recorded decision may wait for a checkpoint, in seconds [default: 1].
    #[arg(
        long,
        env = "SITUS_CHECKPOINT_INTERVAL",
        value_name = "SECONDS",
        help_heading = "Log of decisions"
    )]
    pub checkpoint_interval: Option<u64>,
    /// Folder elsewhere that gets every checkpoint of a minute, so that nobody can rewrite the log unseen.
    #[arg(long, env = "SITUS_CHECKPOINT_TO", value_name = "DIR", help_heading = "Log of decisions")]
    pub checkpoint_to: Option<PathBuf>,
    /// A witness that cosigns checkpoints (C2SP tlog-witness): its key, and the address of its submissions.
    #[arg(
        long,
        env = "SITUS_WITNESS",
        value_name = "KEY URL",
        value_delimiter = ',',
        help_heading = "Log of decisions"
    )]
    pub witness: Vec<String>,
    /// Fields that the log has by a commitment alone, their plain texts beside it where they can be erased:
    /// caller, data_ref, requester, recipient, process, labels, purpose, request_id, trace_id, detail.
    #[arg(
        long,
        env = "SITUS_MASK",
        value_name = "FIELD",
        value_delimiter = ',',
        help_heading = "Log of decisions"
    )]
    pub mask: Vec<String>,
    /// Fields of the same names that are kept nowhere.
    #[arg(
        long,
        env = "SITUS_ERASE",
        value_name = "FIELD",
        value_delimiter = ',',
        help_heading = "Log of decisions"
    )]
    pub erase: Vec<String>,
}

/// The keys of the file that these settings have.
pub(super) const KEYS: &[&str] =
    &["log_key", "log_origin", "checkpoint_interval", "checkpoint_to", "witness", "mask", "erase"];

/// What the settings come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// File of the private key; absent: the data folder's.
    pub key: Option<PathBuf>,
    /// The origin; absent: the key's.
    pub origin: Option<String>,
    /// How long an entry may wait for a checkpoint.
    pub interval: Duration,
    /// Where checkpoints are copied to.
    pub copies: Option<PathBuf>,
    /// Who cosigns.
    pub witnesses: Vec<Witness>,
    /// Fields that are kept out of the log's entries.
    pub masking: Masking,
}

/// A longer wait is a mistake of unit.
const MAX_INTERVAL: u64 = 3600;
/// A quorum of witnesses is a handful: each is asked for every checkpoint that is cosigned.
const MAX_WITNESSES: usize = 16;

// === impl LogSettings ===

impl LogSettings {
    /// What is given here, else there.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            log_key: self.log_key.or(other.log_key),
            log_origin: self.log_origin.or(other.log_origin),
            checkpoint_interval: self.checkpoint_interval.or(other.checkpoint_interval),
            checkpoint_to: self.checkpoint_to.or(other.checkpoint_to),
            witness: if self.witness.is_empty() { other.witness } else { self.witness },
            mask: if self.mask.is_empty() { other.mask } else { self.mask },
            erase: if self.erase.is_empty() { other.erase } else { self.erase },
        }
    }

    /// What they come to, with every fault.
    pub(super) fn check(self, faults: &mut Vec<String>) -> LogConfig {
        if let Some(path) = self.log_key.as_ref().filter(|path| !path.is_file()) {
            faults.push(format!("log_key: `{}` is no file", path.display()));
        }
        if let Some(origin) = self.log_origin.as_ref().filter(|origin| !is_name(origin)) {
            faults.push(format!("log_origin: `{origin}` is empty, or has a space or a `+` in it"));
        }
        let interval = self.checkpoint_interval.unwrap_or(1);
        if interval > MAX_INTERVAL {
            faults.push(format!("checkpoint_interval: {interval} s is more than an hour; it is in seconds"));
        }
        if let Some(path) = self.checkpoint_to.as_ref().filter(|path| !path.is_dir()) {
            faults.push(format!("checkpoint_to: `{}` is no folder", path.display()));
        }
        if self.witness.len() > MAX_WITNESSES {
            faults.push(format!("witness: there are more than {MAX_WITNESSES}"));
        }
        let mut witnesses = Vec::new();
        for text in &self.witness {
            match text.parse() {
                Ok(witness) => witnesses.push(witness),
                Err(error) => faults.push(format!("witness: `{text}`: {error}")),
            }
        }
        let masking = Masking {
            mask: personal("mask", &self.mask, faults),
            erase: personal("erase", &self.erase, faults),
        };
        LogConfig {
            key: self.log_key,
            origin: self.log_origin,
            interval: Duration::from_secs(interval),
            copies: self.checkpoint_to,
            witnesses,
            masking,
        }
    }
}

/// The fields that a setting names, each once.
fn personal(key: &str, words: &[String], faults: &mut Vec<String>) -> Vec<Personal> {
    let mut fields = Vec::new();
    for word in words {
        match word.parse::<Personal>() {
            Ok(field) if fields.contains(&field) => {}
            Ok(field) => fields.push(field),
            Err(error) => faults.push(format!("{key}: {error}")),
        }
    }
    fields
}
