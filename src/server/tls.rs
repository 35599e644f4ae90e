//! The server's certificate, and the authorities of its clients: read at the start, and again when they
//! change. A bad new pair leaves the old one in place; a bad first one ends the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::files::{self, Contents, ReadError};
use super::identity::certificate;
use crate::config::{ClientAuth, Tls};
use crate::engine::Clock;
use crate::grpc::Health;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file is not PEM, or has not what it should.
    #[error("`{}` holds no {what}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why.
        source: PemError,
    },
    /// The certificate has ended.
    #[error("the certificate in `{}` ended at {ended}", path.display())]
    Ended {
        /// The file.
        path: PathBuf,
        /// When.
        ended: Timestamp,
    },
    /// The certificate cannot be read, or is not the key's.
    #[error("the certificate in `{}` and the key in `{}` are no pair", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// A client authority cannot be used.
    #[error("an authority in `{}` cannot be used", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The client authorities make no verifier.
    #[error("the client authorities cannot be used")]
    Verifier(#[from] VerifierBuilderError),
    /// The library cannot do TLS.
    #[error("TLS cannot be set up")]
    Library(#[from] rustls::Error),
}

/// The certificates that hold now.
pub(super) struct Certificates {
    tls: Tls,
    clock: Arc<dyn Clock>,
    first: Contents,
    current: ArcSwap<ServerConfig>,
}

// === impl Certificates ===

impl Certificates {
    /// Reads them.
    ///
    /// # Errors
    /// [`TlsError`]; nothing may then be served, least of all without TLS.
    pub async fn load(tls: Tls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let first = files::read(&paths(&tls)).await?;
        let config = build(&tls, &first, clock.now())?;
        Ok(Self { tls, clock, first, current: ArcSwap::from_pointee(config) })
    }

    /// What a handshake that begins now goes by.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Takes up each change of the files. Ends only with the server.
    pub async fn watch(self: Arc<Self>, health: Health) {
        let apply = |contents: &Contents| -> Result<(), TlsError> {
            self.current.store(Arc::new(build(&self.tls, contents, self.clock.now())?));
            Ok(())
        };
        let told = |is_good| {
            let health = health.clone();
            async move { health.set_certificates(is_good).await }
        };
        files::follow("certificates", paths(&self.tls), self.first.clone(), apply, told).await;
    }
}

fn paths(tls: &Tls) -> Vec<PathBuf> {
    [&tls.cert, &tls.key].into_iter().chain(&tls.client_ca).cloned().collect()
}

fn build(tls: &Tls, contents: &Contents, now: Timestamp) -> Result<ServerConfig, TlsError> {
    let mut contents = contents.iter().map(Vec::as_slice);
    let (cert, key, authorities) =
        (contents.next().unwrap_or_default(), contents.next().unwrap_or_default(), contents.next());
    let chain = certificates(&tls.cert, cert)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem {
        path: tls.key.clone(),
        what: "private key",
        source,
    })?;
    if let Some(ended) = chain.first().and_then(certificate::end).filter(|end| *end <= now) {
        return Err(TlsError::Ended { path: tls.cert.clone(), ended });
    }
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match (&tls.client_ca, authorities) {
        (Some(path), Some(authorities)) => {
            let optional = tls.client_auth == ClientAuth::Optional;
            builder.with_client_cert_verifier(verifier(path, authorities, optional, provider)?)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|source| TlsError::Pair {
        cert: tls.cert.clone(),
        key: tls.key.clone(),
        source,
    })?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A session that is taken up again would bring back a client whose certificate was not checked anew;
    // connections are few and long.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn verifier(
    path: &Path,
    authorities: &[u8],
    optional: bool,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, authorities)? {
        roots.add(authority).map_err(|source| TlsError::Authority { path: path.to_owned(), source })?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if optional { builder.allow_unauthenticated() } else { builder };
    Ok(builder.build()?)
}

/// The certificates of a file: at least one.
fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |source| TlsError::Pem { path: path.to_owned(), what: "certificate", source };
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if found.is_empty() { Err(bad(PemError::NoItemsFound)) } else { Ok(found) }
}
