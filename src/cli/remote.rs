//! What every command that asks a server shares: its address, a runtime, and how its errors read.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::output::{chain, note};
use crate::grpc::client::{Client, ClientError, Credentials};
use crate::grpc::words::WordsError;

/// Which server is asked.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Server {
    /// The server to ask: HOST:PORT, or https://HOST:PORT.
    #[arg(long, env = "SITUS_SERVER", value_name = "ADDR", default_value = "127.0.0.1:7171")]
    pub server: String,
    /// How long one call may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// PEM file of the authorities that the server's certificate is trusted by [default: the system's].
    #[arg(long, env = "SITUS_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of this client's certificate, with its chain, for a server that knows callers by theirs.
    #[arg(long, env = "SITUS_CERT", value_name = "FILE", requires = "client_key")]
    cert: Option<PathBuf>,
    /// PEM file of the key of that certificate.
    // Its id is its own: an entry of the catalogue has a key, too.
    #[arg(id = "client_key", long = "key", env = "SITUS_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// File of the token (JWT) that says who this is.
    #[arg(long, env = "SITUS_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Server {
    /// Connects; what fails is printed.
    pub async fn connect(&self) -> Result<Client, ExitCode> {
        let credentials = self.credentials()?;
        let timeout = Duration::from_secs(self.timeout);
        Client::connect(&self.server, credentials, timeout).await.map_err(failed)
    }

    fn credentials(&self) -> Result<Credentials, ExitCode> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| {
                note(format!("error: failed to read `{}`: {error}", path.display()));
                ExitCode::FAILURE
            })
        };
        let token = |path| {
            String::from_utf8(read(path)?).map_err(|_| {
                note(format!("error: `{}` holds no token", path.display()));
                ExitCode::FAILURE
            })
        };
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            _ => None,
        };
        Ok(Credentials {
            ca: self.ca.as_ref().map(read).transpose()?,
            identity,
            token: self.token_file.as_ref().map(token).transpose()?,
        })
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
