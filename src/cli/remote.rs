//! What every command that asks a server shares: its address, a runtime, and how its errors read.

use std::process::ExitCode;
use std::time::Duration;

use super::output::{chain, note};
use crate::grpc::client::{Client, ClientError};
use crate::grpc::words::WordsError;

/// Which server is asked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Server {
    /// The server to ask: HOST:PORT.
    #[arg(long, env = "SITUS_SERVER", value_name = "ADDR", default_value = "127.0.0.1:7171")]
    pub server: String,
    /// How long one call may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

impl Server {
    /// Connects.
    pub async fn connect(&self) -> Result<Client, ClientError> {
        Client::connect(&self.server, Duration::from_secs(self.timeout)).await
    }
}

/// Runs a command that asks a server; what fails is printed.
pub(super) fn run(command: impl Future<Output = Result<ExitCode, ExitCode>>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => match runtime.block_on(command) {
            Ok(code) | Err(code) => code,
        },
        Err(error) => {
            note(format!("error: failed to start the runtime: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints an error of a call, with what to do.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn failed(error: ClientError) -> ExitCode {
    if let ClientError::Words(words) = &error {
        return bad_words(words);
    }
    note(format!("error: {}", chain(&error)));
    if !error.help().is_empty() {
        note(format!("  {}", error.help()));
    }
    ExitCode::FAILURE
}

/// Prints bad fields, one a line, with near words.
pub(super) fn bad_words(error: &WordsError) -> ExitCode {
    match error {
        WordsError::Bad(bad) => {
            bad.fields().iter().for_each(|field| note(format!("error: `{}`: {}", field.path, field.problem)));
            if bad.unnamed() > 0 {
                note(format!("and {} more", bad.unnamed()));
            }
        }
        error => note(format!("error: {error}")),
    }
    ExitCode::FAILURE
}
