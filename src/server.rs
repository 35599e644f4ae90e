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
mod example;
mod format;
mod reload;
mod shutdown;
mod witness;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::service::InterceptorLayer;
use tonic::transport::server::TcpIncoming;

use crate::audit::index::Index;
use crate::audit::{Log, LogDir, Options};
use crate::catalog::{Catalog, Codec, Limits, Sqlite};
use crate::config::Config;
use crate::domain::Caller;
use crate::engine::{Clock, Engine, SystemClock};
use crate::grpc::{self, Backends, Health, closer};
use crate::policy::{Bundle, Writer};

use self::adapters::{AuditLog, Authorizer, CatalogAdmin, PolicyAdmin};
pub use self::bundles::Kept;
pub use self::example::EXAMPLE;
use self::format::LogFormat;
use self::reload::Reloader;

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
    /// It answers from this bundle; `origin` says where it came from.
    fn serving(&mut self, bundle: &Bundle, origin: &str, example: bool);
    /// There is no bundle that could be served.
    fn not_serving(&mut self, faults: &[crate::domain::Fault]);
}

/// How long the first calls wait for the first bundle before they are answered NOT_SERVING. A default bundle
/// loads in well under a second.
const FIRST_BUNDLE_WAIT: Duration = Duration::from_secs(3);
/// Keeps idle connections of dead peers from adding up.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves until a signal comes or a part fails.
///
/// # Errors
/// [`ServeError`] names the part.
pub async fn serve(config: Config, mut announce: impl Announce) -> Result<(), ServeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
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
    let backends = Backends {
        authorizer: Arc::new(Authorizer(engine.clone())),
        catalog: Arc::new(CatalogAdmin { catalog: catalog.clone(), engine: engine.clone() }),
        policies: Arc::new(PolicyAdmin { reader, engine: engine.clone(), reloader: reloader.clone() }),
        log: Arc::new(AuditLog { log: log.clone(), index, engine, clock: Arc::clone(&clock) }),
        vocabularies: Arc::new(adapters::Words(reloader.reader())),
        closing,
    };
    // The rights of a caller follow the listener: this one is bound to loopback, and has no TLS.
    let caller = Caller { identity: "local".to_owned(), local: true, trace_id: String::new() };
    let identify = InterceptorLayer::new(move |mut request: tonic::Request<()>| {
        request.extensions_mut().insert(caller.clone());
        Ok(request)
    });
    let routes = grpc::routes(backends)?.add_service(health_service);
    // An answer is one small write: it must not wait for an acknowledgement of the one before.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .layer(identify)
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
    let watching = tokio::spawn(reloader.watch());
    let sending = [
        tokio::spawn(witness::cosign(log.clone(), config.log.witnesses.clone())),
        tokio::spawn(witness::copy(log.clone(), config.log.copies.clone())),
    ];
    let log_health = tokio::spawn(shutdown::follow_log(log.clone(), health.clone()));

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
    watching.abort();
    log_health.abort();
    sending.iter().for_each(tokio::task::JoinHandle::abort);
    shutdown::close(log, catalog).await;
    // It ends with the log.
    if let Err(error) = indexing.await {
        tracing::error!(%error, "the index over the log was not closed cleanly");
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
    let masking = config.masking.clone();
    let opened = tokio::task::spawn_blocking(move || -> Result<_, ServeError> {
        std::fs::create_dir_all(&data_dir)
            .map_err(|source| ServeError::DataDir { path: data_dir.clone(), source })?;
        let store = Sqlite::open(&data_dir.join("catalog.db"), Sqlite::HISTORY)?;
        let codec = Codec { encode: grpc::encode_entry, decode: grpc::decode_entry };
        let catalog = Catalog::open(Arc::new(store), codec, Limits::default())?;
        let format = Arc::new(LogFormat { masking });
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
