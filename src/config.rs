//! Flags, environment and file become a [`Config`]; every fault is found at once.

mod limits;
mod log;
mod security;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::domain::{Action, did_you_mean, near};

pub use self::log::{LogConfig, LogSettings};

pub use self::limits::{LimitSettings, Limits};
pub use self::security::{ClientAuth, KeySource, Security, SecuritySettings, Tls, Tokens};

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Where settings are given: each flag, its environment variable, and its key of the file.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one. Without TLS only a loopback address serves.
    #[arg(long, env = "SITUS_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder of the catalogue, the log of decisions and the last good bundles.
    #[arg(long, env = "SITUS_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder of the policy bundle, watched for edits; without it, the default bundle.
    #[arg(long, env = "SITUS_POLICIES", value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// TOML file of these settings, by the names of the flags with `_` for `-`.
    #[arg(long, env = "SITUS_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Register a small example catalogue, if the catalogue is empty.
    #[arg(long, env = "SITUS_EXAMPLE")]
    pub example: bool,
    /// Actions whose answers wait for their record, beside disclose and surrender_key.
    #[arg(long, env = "SITUS_DURABLE", value_name = "ACTION", value_delimiter = ',')]
    pub durable: Vec<String>,
    /// How long calls in flight may take when the server ends, in seconds.
    #[arg(long, env = "SITUS_SHUTDOWN_GRACE", value_name = "SECONDS")]
    pub shutdown_grace: Option<u64>,
    /// How logs are written.
    #[arg(long, env = "SITUS_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Address of an OTLP collector (gRPC) that gets traces, such as http://127.0.0.1:4317.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// How connections are protected, and how callers are known.
    #[command(flatten)]
    pub security: SecuritySettings,
    /// How much the server takes on at once.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// The log of decisions.
    #[command(flatten)]
    pub log: LogSettings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    policies: Option<PathBuf>,
    example: Option<bool>,
    durable: Option<Vec<String>>,
    shutdown_grace: Option<u64>,
    log_format: Option<LogFormat>,
    otlp_endpoint: Option<String>,
    #[serde(flatten)]
    security: SecuritySettings,
    #[serde(flatten)]
    limits: LimitSettings,
    #[serde(flatten)]
    log: LogSettings,
    #[serde(flatten)]
    unknown: toml::Table,
}

const KEYS: &[&str] = &[
    "listen",
    "data_dir",
    "policies",
    "example",
    "durable",
    "shutdown_grace",
    "log_format",
    "otlp_endpoint",
];

/// What the server runs by. Safe to log: it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The bundle's folder; absent: the default bundle.
    pub policies: Option<PathBuf>,
    /// Register the example catalogue.
    pub example: bool,
    /// Actions whose answers wait for their record.
    pub durable: Vec<Action>,
    /// How long calls in flight may take at the end.
    pub shutdown_grace: Duration,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// How connections are protected, and how callers are known.
    pub security: Security,
    /// How much the server takes on at once.
    pub limits: Limits,
    /// The log of decisions.
    pub log: LogConfig,
}

/// Every fault of the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

const DEFAULT_LISTEN: &str = "127.0.0.1:7171";
/// The data folder, where none is set.
pub const DEFAULT_DATA_DIR: &str = "situs-data";
/// Kubernetes gives 30 s between SIGTERM and SIGKILL; this leaves room to flush.
const DEFAULT_GRACE: u64 = 20;
/// An hour: a longer wait is a mistake of unit.
const MAX_GRACE: u64 = 3600;

impl TryFrom<Settings> for Config {
    type Error = ConfigError;

    fn try_from(settings: Settings) -> Result<Self, ConfigError> {
        let mut faults = Vec::new();
        let file = settings.config.as_deref().map(|path| read(path, &mut faults)).unwrap_or_default();
        let listen = settings.listen.or(file.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let security = settings.security.or(file.security).check(&mut faults);
        let limits = settings.limits.or(file.limits).check(&mut faults);
        let log = settings.log.or(file.log).check(&mut faults);
        let listen = match listen.parse::<SocketAddr>() {
            Ok(address) => Some(address),
            Err(_) => {
                faults.push(format!(
                    "listen: `{listen}` is not an address and a port, such as {DEFAULT_LISTEN}"
                ));
                None
            }
        };
        let is_open = security.tls.is_none() && !security.insecure;
        if let Some(address) = listen.filter(|address| is_open && !address.ip().is_loopback()) {
            faults.push(format!(
                "listen: `{address}` is not a loopback address, and without TLS anyone on the way could read and \
                 change what is asked; give tls_cert and tls_key, or listen on 127.0.0.1 or [::1]"
            ));
        }
        let mut durable = Vec::new();
        let words =
            if settings.durable.is_empty() { file.durable.unwrap_or_default() } else { settings.durable };
        for word in words {
            match word.parse::<Action>() {
                Ok(action) => durable.push(action),
                Err(error) => faults.push(format!("durable: {error}")),
            }
        }
        let grace = settings.shutdown_grace.or(file.shutdown_grace).unwrap_or(DEFAULT_GRACE);
        if grace > MAX_GRACE {
            faults.push(format!("shutdown_grace: {grace} s is more than an hour; it is in seconds"));
        }
        let policies = settings.policies.or(file.policies);
        if let Some(folder) = policies.as_ref().filter(|folder| !folder.is_dir()) {
            faults.push(format!(
                "policies: `{}` is no folder; `situs policies init` writes the default bundle into one",
                folder.display()
            ));
        }
        match listen {
            Some(listen) if faults.is_empty() => Ok(Self {
                listen,
                data_dir: settings.data_dir.or(file.data_dir).unwrap_or_else(|| DEFAULT_DATA_DIR.into()),
                policies,
                example: settings.example || file.example.unwrap_or(false),
                durable,
                shutdown_grace: Duration::from_secs(grace),
                log_format: settings.log_format.or(file.log_format).unwrap_or_default(),
                otlp_endpoint: settings.otlp_endpoint.or(file.otlp_endpoint).filter(|url| !url.is_empty()),
                security,
                limits,
                log,
            }),
            _ => Err(ConfigError(faults)),
        }
    }
}

// === impl Config ===

impl Config {
    /// Whether every caller is local: the person at the machine, who may do everything.
    ///
    /// It follows the listener (loopback, no TLS, no identity configured), never the address of a peer: behind
    /// a proxy every peer looks local.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.listen.ip().is_loopback() && self.security.tls.is_none() && self.security.tokens.is_none()
    }

    /// Whether it serves beyond this machine without TLS.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        !self.listen.ip().is_loopback() && self.security.tls.is_none()
    }
}

fn read(path: &Path, faults: &mut Vec<String>) -> File {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            faults.push(format!("config: failed to read `{}`: {error}", path.display()));
            return File::default();
        }
    };
    let file: File = match toml::from_str(&text) {
        Ok(file) => file,
        Err(error) => {
            faults.push(format!("config: `{}`: {error}", path.display()));
            return File::default();
        }
    };
    for key in file.unknown.keys() {
        let known = KEYS.iter().chain(log::KEYS).chain(security::KEYS).chain(limits::KEYS);
        let hint = did_you_mean(&near(key, known.copied()));
        faults.push(format!("config: `{}`: `{key}` is no setting{hint}", path.display()));
    }
    file
}
