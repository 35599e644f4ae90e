//! Fetching the issuer's keys from their address: one GET, bounded in time and size, trusted by TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tonic::codegen::Bytes;

use crate::server::files::{self, ReadError};

/// A fetch that takes longer is given up: callers wait for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a key set: a hundred keys with their certificates.
const MAX_BYTES: usize = 1024 * 1024;

/// Why keys could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The file of the authorities cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file of the authorities holds none that can be used.
    #[error("`{}` holds no certificate of an authority", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// The system's authorities cannot be read.
    #[error("the system's authorities cannot be read; name a file of them")]
    System(#[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// The address cannot be asked for.
    #[error("the address cannot be asked for")]
    Request(#[from] http::Error),
    /// It could not be reached.
    #[error("`{url}` could not be reached")]
    Reach {
        /// The address.
        url: String,
        /// Why.
        source: hyper_util::client::legacy::Error,
    },
    /// It answered with another status.
    #[error("`{url}` answered {status}")]
    Answer {
        /// The address.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// Its answer could not be read, or is too long.
    #[error("the answer of `{url}` could not be read: {cause}")]
    Body {
        /// The address.
        url: String,
        /// Why.
        cause: String,
    },
    /// It took too long.
    #[error("`{url}` did not answer in {TIMEOUT:?}")]
    Late {
        /// The address.
        url: String,
    },
}

/// Fetches from one address.
pub(super) struct Fetcher {
    url: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

// === impl Fetcher ===

impl Fetcher {
    /// For an address, trusted by the authorities of a file, else by the system's.
    ///
    /// # Errors
    /// [`FetchError`] of the authorities.
    pub async fn new(url: Uri, ca: Option<&Path>) -> Result<Self, FetchError> {
        let connector = HttpsConnectorBuilder::new();
        let connector = match ca {
            Some(path) => {
                let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(authorities(path).await?)
                    .with_no_client_auth();
                connector.with_tls_config(config)
            }
            None => connector
                .with_provider_and_native_roots(ring::default_provider())
                .map_err(FetchError::System)?,
        };
        let connector = connector.https_or_http().enable_http1().build();
        // It is asked every few minutes: no connection is kept.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { url, client })
    }

    /// What the address gives now.
    ///
    /// # Errors
    /// [`FetchError`]; worth a retry.
    pub async fn fetch(&self) -> Result<Bytes, FetchError> {
        tokio::time::timeout(TIMEOUT, self.get())
            .await
            .unwrap_or_else(|_late| Err(FetchError::Late { url: self.url.to_string() }))
    }

    async fn get(&self) -> Result<Bytes, FetchError> {
        let request = Request::get(self.url.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::new())?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|source| FetchError::Reach { url: self.url.to_string(), source })?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Answer { url: self.url.to_string(), status: response.status() });
        }
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| FetchError::Body { url: self.url.to_string(), cause: error.to_string() })
    }
}

async fn authorities(path: &Path) -> Result<RootCertStore, FetchError> {
    let contents = files::read(&[path.to_owned()]).await?;
    let pem = contents.first().map(Vec::as_slice).unwrap_or_default();
    let mut roots = RootCertStore::empty();
    let bad = || FetchError::Authorities { path: path.to_owned() };
    for authority in CertificateDer::pem_slice_iter(pem) {
        roots.add(authority.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() { Err(bad()) } else { Ok(roots) }
}
