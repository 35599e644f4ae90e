//! Logs and traces: what is set up at the start, and flushed at the end.

use std::io::IsTerminal;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Config, LogFormat};

/// Why telemetry was not set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address cannot be used.
    #[error("failed to set up traces to `{endpoint}`: {cause}")]
    Otlp {
        /// The address.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// Logs were set up before.
    #[error("failed to set up logs: {0}")]
    Logs(String),
}

/// Flushes what is left when it is dropped.
#[derive(Debug, Default)]
pub struct Guard(Option<SdkTracerProvider>);

/// Sets up logs on standard error, and traces where a collector is named. `RUST_LOG` filters both.
///
/// # Errors
/// [`TelemetryError`]; the caller can only mend the settings.
pub fn init(config: &Config) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Colour is for a person: in a file its codes are noise.
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let format = match config.log_format {
        LogFormat::Text => format.boxed(),
        LogFormat::Json => format.json().boxed(),
    };
    let provider = config.otlp_endpoint.as_deref().map(provider).transpose()?;
    let traces = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("situs")));
    tracing_subscriber::registry()
        .with(filter)
        .with(traces)
        .with(format)
        .try_init()
        .map_err(|error| TelemetryError::Logs(error.to_string()))?;
    Ok(Guard(provider))
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| {
            TelemetryError::Otlp { endpoint: endpoint.to_owned(), cause: error.to_string() }
        })?;
    let resource = Resource::builder().with_service_name("situs").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}
