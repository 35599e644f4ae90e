//! The composition root: opens the parts, wires them, serves, and ends them in order.
//!
//! ```text
//! open catalogue, log ─> bind ─> first bundle ─> serve ──────────────┐
//!        NOT_SERVING ──────────────┘ SERVING     watch the folder    │
//!                                                                        ▼
//! exit <─ flush <─ close log <─ drain, at most the grace <─ NOT_SERVING, close streams
//! ```

mod adapters;
mod bundles;
mod changes;
mod connection;
mod example;
mod files;
mod format;
mod gate;
mod identity;
mod limits;
mod reload;
mod shutdown;
mod tls;
mod witness;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::audit::index::Index;
use crate::audit::{Log, LogDir, Options};
use crate::catalog::{self, Catalog, Codec, Sqlite};
use crate::config::Config;
use crate::engine::{Clock, Engine, SystemClock};
use crate::grpc::{self, Backends, Health, closer};
use crate::policy::{Bundle, Writer};

use self::adapters::{AuditLog, Authorizer, CatalogAdmin, PolicyAdmin};
pub use self::bundles::Kept;
pub use self::example::EXAMPLE;
use self::format::LogFormat;
use self::gate::Gate;
use self::identity::Identify;
pub use self::identity::KeysError;
use self::limits::Limits;
use self::reload::Reloader;
use self::tls::Certificates;
pub use self::tls::TlsError;

/// Why the server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be made.
    #[error("failed to make the data folder `{}`", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The catalogue's store cannot be opened.
    #[error("failed to open the catalogue")]
    Store(#[from] crate::catalog::StoreError),
    /// The catalogue cannot be read from its store.
    #[error("failed to load the catalogue")]
    Catalog(#[from] crate::catalog::OpenError),
    /// The log cannot be opened.
    #[error("failed to open the log of decisions")]
    Log(#[from] crate::audit::OpenError),
    /// The certificates cannot be used. It never serves without them instead.
    #[error("failed to set up TLS")]
    Tls(#[from] TlsError),
    /// The keys of tokens cannot be used.
    #[error("failed to set up tokens")]
    Tokens(#[from] KeysError),
    /// The address cannot be bound.
    #[error("failed to listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The example catalogue could not be registered.
    #[error("failed to register the example catalogue: {0}")]
    Example(String),
    /// The embedded description of the services is damaged.
    #[error("failed to set up reflection")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the server failed")]
    Transport(#[from] tonic::transport::Error),
    /// A part of the start did not come to its end.
    #[error("a part of the server ended early: {0}")]
    Ended(String),
}

/// What is told once the server listens, and once it has its first bundle.
pub trait Announce: Send + 'static {
    /// It records into the log of that origin, whose signatures that key checks.
    fn log(&mut self, origin: &str, verifier_key: &str);
    /// It listens.
    fn listening(&mut self, address: SocketAddr);
    /// It listens beyond this machine, and without TLS.
    fn insecure(&mut self, address: SocketAddr);
    /// It answers from this bundle; `origin` says where it came from.
    fn serving(&mut self, bundle: &Bundle, origin: &str, example: bool);
    /// There is no bundle that could be served.
    fn not_serving(&mut self, faults: &[crate::domain::Fault]);
}

/// One batch of the index takes milliseconds.
const INDEX_WAIT: Duration = Duration::from_secs(2);
/// How long the first calls wait for the first bundle before they are answered NOT_SERVING. A default bundle
/// loads in well under a second.
const FIRST_BUNDLE_WAIT: Duration = Duration::from_secs(3);
/// A peer that is silent this long is asked whether it is there, and cut off if it does not say so: a dead one
/// must not keep its place.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// A connection is asked to end after an hour, so that a client whose authority was withdrawn has to show its
/// certificate anew.
const CONNECTION_AGE: Duration = Duration::from_secs(3600);
/// Calls of one connection at once: as many as clients expect, so that one connection is enough for each.
const STREAMS: u32 = 128;
/// Bytes of a request's headers: a token has at most 8 KiB.
const HEADERS: u32 = 16 * 1024;
/// Calls that a client took back before they were looked at. Beyond it the connection is ended: taking back
/// costs the client less than it costs the server.
const RESETS: usize = 20;
/// How long a call may take that says nothing of it itself, its message included: the slowest answers wait for
/// a record for some milliseconds.
const CALL: Duration = Duration::from_secs(30);

/// Serves until a signal comes or a part fails.
///
/// # Errors
/// [`ServeError`] names the part.
pub async fn serve(config: Config, mut announce: impl Announce) -> Result<(), ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (identify, keys) = Identify::open(&config, Arc::clone(&clock)).await?;
    let certificates = match config.security.tls.clone() {
        Some(tls) => Some(Arc::new(Certificates::load(tls, Arc::clone(&clock)).await?)),
        None => None,
    };
    let (catalog, log) = open(&config).await?;
    let (writer, reader) = Writer::new();
    let engine =
        Engine::new(reader.clone(), catalog.clone(), log.clone(), Arc::clone(&clock), &config.durable);

    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|source| ServeError::Bind { address: config.listen, source })?;
    let address =
        listener.local_addr().map_err(|source| ServeError::Bind { address: config.listen, source })?;
    announce.listening(address);
    if config.is_insecure() {
        announce.insecure(address);
    }
    announce.log(log.origin(), &log.verifier().to_string());

    let (index, follower) = Index::open(&config.data_dir, &log, grpc::DECODE);
    let runtime = tokio::runtime::Handle::current();
    let indexing = tokio::task::spawn_blocking(move || follower.run(&runtime));
    let (health, health_service) = Health::new().await;
    let (closer, closing) = closer();
    let kept = Kept::of(&config.data_dir);
    prune(kept.clone(), log.reader());
    let reloader = Reloader::new(
        config.policies.clone(),
        kept,
        writer,
        reader.clone(),
        health.clone(),
        Arc::clone(&clock),
    );
    let limits = Limits::new(&config.limits);
    let backends = Backends {
        authorizer: Arc::new(Authorizer { engine: engine.clone(), limits: limits.clone() }),
        catalog: Arc::new(CatalogAdmin { catalog: catalog.clone(), engine: engine.clone() }),
        policies: Arc::new(PolicyAdmin { reader, engine: engine.clone(), reloader: reloader.clone() }),
        log: Arc::new(AuditLog { log: log.clone(), index, engine, clock: Arc::clone(&clock) }),
        vocabularies: Arc::new(adapters::Words(reloader.reader())),
        closing,
    };
    let routes = grpc::routes(backends)?.add_service(health_service);
    let incoming = connection::incoming(listener, certificates.clone(), config.limits.connections);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .max_connection_age(CONNECTION_AGE)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADERS)
        .http2_max_pending_accept_reset_streams(Some(RESETS))
        .http2_max_local_error_reset_streams(Some(RESETS))
        .timeout(CALL)
        .layer(Gate { identify: Arc::new(identify), limits })
        .add_routes(routes);

    // The socket takes connections from here on; they are served once the first bundle is in, or is late.
    let first = tokio::spawn(reloader.clone().first());
    let mut first = Box::pin(first);
    let early = tokio::time::timeout(FIRST_BUNDLE_WAIT, &mut first).await;
    let serving = tokio::spawn(server.serve_with_incoming_shutdown(incoming, async {
        // An error means that the sender is gone, and so the server ends too.
        let _ended = stopped.await;
    }));
    let first = match early {
        Ok(done) => done,
        Err(_late) => first.await,
    };
    match first.map_err(|error| ServeError::Ended(error.to_string()))? {
        Ok(loaded) => {
            let example = config.example && example::register(&catalog, &loaded.bundle).await?;
            announce.serving(&loaded.bundle, &loaded.origin, example);
        }
        Err(error) => announce.not_serving(&error.faults),
    }
    let mut watching = JoinSet::new();
    watching.spawn(reloader.watch());
    watching.spawn(shutdown::follow_log(log.clone(), health.clone()));
    watching.spawn(witness::cosign(log.clone(), config.log.witnesses.clone()));
    watching.spawn(witness::copy(log.clone(), config.log.copies.clone()));
    if let Some(certificates) = certificates {
        health.set_certificates(true).await;
        watching.spawn(certificates.watch(health.clone()));
    }
    if let Some(keys) = keys {
        health.set_token_keys(true).await;
        watching.spawn(keys.watch(health.clone()));
    }

    let mut serving = Box::pin(serving);
    let ended = tokio::select! {
        () = shutdown::signal() => None,
        ended = &mut serving => Some(ended),
    };
    health.set_ready(false).await;
    closer.close();
    let _gone = stop.send(());
    let outcome = match ended {
        Some(ended) => ended.map_err(|error| ServeError::Ended(error.to_string()))?.map_err(ServeError::from),
        None => match tokio::time::timeout(config.shutdown_grace, &mut serving).await {
            Ok(ended) => {
                ended.map_err(|error| ServeError::Ended(error.to_string()))?.map_err(ServeError::from)
            }
            Err(_late) => {
                tracing::warn!(grace = ?config.shutdown_grace, "calls were still in flight at the end of the grace");
                serving.abort();
                Ok(())
            }
        },
    };
    drop(watching);
    shutdown::close(log, catalog).await;
    // It ends with the log, unless a disk hangs; what it lacks then it takes at the next start.
    match tokio::time::timeout(INDEX_WAIT, indexing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the index over the log ended of itself"),
        Err(_late) => tracing::warn!("the index over the log did not end in time"),
    }
    outcome
}

/// Removes bundles that no kept record names, aside: it reads the whole log where there are many.
fn prune(kept: Kept, log: LogDir) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = kept.prune(&log) {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "bundles that no record names could not be removed");
        }
    });
}

/// Opens what is on disk, off the async workers.
async fn open(config: &Config) -> Result<(Catalog, Log), ServeError> {
    let (data_dir, settings) = (config.data_dir.clone(), config.log.clone());
    let opened = tokio::task::spawn_blocking(move || -> Result<_, ServeError> {
        std::fs::create_dir_all(&data_dir)
            .map_err(|source| ServeError::DataDir { path: data_dir.clone(), source })?;
        let store = Sqlite::open(&data_dir.join("catalog.db"), Sqlite::HISTORY)?;
        let codec = Codec { encode: grpc::encode_entry, decode: grpc::decode_entry };
        let catalog = Catalog::open(Arc::new(store), codec, catalog::Limits::default())?;
        let format = Arc::new(LogFormat { masking: settings.masking });
        let options = Options {
            key: settings.key,
            origin: settings.origin,
            checkpoint_interval: settings.interval,
            ..Options::default()
        };
        let (log, recovery) = Log::open(&data_dir, format, options)?;
        tracing::info!(
            revision = catalog.revision(),
            entries = recovery.entries,
            origin = log.origin(),
            key = %log.verifier(),
            "opened the data folder"
        );
        if let Some(torn) = recovery.torn {
            tracing::warn!(
                ?torn,
                "the last write of the former run was torn; its unacknowledged tail is cut"
            );
        }
        Ok((catalog, log))
    });
    opened.await.map_err(|error| ServeError::Ended(error.to_string()))?
}
