//! `situs serve`: the server.

use std::net::SocketAddr;
use std::process::ExitCode;

use super::output::{chain, line, note};
use crate::config::{Config, LogFormat, Settings};
use crate::domain::Fault;
use crate::policy::Bundle;
use crate::{server, telemetry};

/// Answer questions over gRPC.
///
/// The first line that it prints is the address that it listens on.
/// Without TLS it serves on a loopback address only, where every caller may do everything: it is for one
/// person at one machine. SIGTERM and SIGINT end it: calls in flight are answered first.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    settings: Settings,
}

const EXAMPLES: &str = "\
Examples:
  situs serve --example                    a small catalogue to try it with
  situs serve --policies my-policies       rules of your own; edits take effect within a second
  situs serve --config situs.toml          the same settings from a file";

/// What to ask of the example catalogue: it names a place and a date of law, so it stands beside it.
const FIRST_QUESTION: &str = include_str!("../../deploy/example/first-question.txt");

/// The exit code of `sysexits.h` for a bad configuration.
const BAD_CONFIG: u8 = 78;

pub(super) fn run(args: Args) -> ExitCode {
    let config = match Config::try_from(args.settings) {
        Ok(config) => config,
        Err(error) => {
            error.0.iter().for_each(|fault| note(format!("error: {fault}")));
            return ExitCode::from(BAD_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(format!("error: failed to start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let grace = config.shutdown_grace;
    let outcome = runtime.block_on(async {
        let guard = telemetry::init(&config).map_err(|error| error.to_string())?;
        let announce = Announcement { format: config.log_format, address: None };
        let served = server::serve(config, announce).await.map_err(|error| chain(&error));
        // Sending the last traces blocks.
        let _flushed = tokio::task::spawn_blocking(move || drop(guard)).await;
        served
    });
    runtime.shutdown_timeout(grace);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

struct Announcement {
    format: LogFormat,
    address: Option<SocketAddr>,
}

impl server::Announce for Announcement {
    fn log(&mut self, origin: &str, verifier_key: &str) {
        match self.format {
            LogFormat::Text => line(format!("log {origin}, key {verifier_key}")),
            LogFormat::Json => line(serde_json::json!({ "log": origin, "key": verifier_key })),
        }
    }

    fn listening(&mut self, address: SocketAddr) {
        self.address = Some(address);
        match self.format {
            LogFormat::Text => line(format!("listening on {address}")),
            LogFormat::Json => line(serde_json::json!({ "listening": address.to_string() })),
        }
    }

    fn insecure(&mut self, address: SocketAddr) {
        const WARNING: &str = "it is served without TLS beyond this machine: anyone on the way can read and change \
             what is asked and answered";
        match self.format {
            LogFormat::Text => note(format!("WARNING: INSECURE: {address}: {WARNING}")),
            LogFormat::Json => {
                note(serde_json::json!({ "warning": WARNING, "insecure": address.to_string() }))
            }
        }
    }

    fn serving(&mut self, bundle: &Bundle, origin: &str, example: bool) {
        let facts = bundle.facts();
        let version = bundle.version();
        let (policies, regimes, places) =
            (bundle.rules().len(), facts.regimes().count(), facts.jurisdiction_count());
        if self.format == LogFormat::Json {
            line(serde_json::json!({
                "serving": version, "origin": origin, "policies": policies, "regimes": regimes,
                "jurisdictions": places,
            }));
            return;
        }
        line(format!(
            "serving {origin}: version {}, {policies} policies, {regimes} regimes, {places} jurisdictions",
            version.get(..12).unwrap_or(version),
        ));
        let server = self.address.map(|address| address.to_string()).unwrap_or_default();
        // As it was started, so that the line can be copied.
        let program = std::env::args().next().unwrap_or_else(|| "situs".to_owned());
        if example {
            line("ask a first question:");
            line(format!("  {program} authorize {FIRST_QUESTION} --server {server}"));
        } else {
            line("ask a question:");
            line(format!(
                "  {program} authorize DATA_REF --requester ID --jurisdiction CODE --server {server}"
            ));
        }
    }

    fn not_serving(&mut self, faults: &[Fault]) {
        note(format!("NOT SERVING: the bundle has {} fault(s), and no good one was kept:", faults.len()));
        faults.iter().for_each(|fault| note(format!("  {fault}")));
    }
}
