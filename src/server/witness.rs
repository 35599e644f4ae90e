//! Checkpoints on their way out: to witnesses, who sign that the log only grew, and into a folder elsewhere.
//!
//! Nothing waits for them. What fails is told and tried again with a newer checkpoint.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::rustls::crypto::ring;
use tonic::codegen::Bytes;

use crate::audit::{Checkpoint, Log, LogDir, NoteSignature, Witness};

/// Pause between checkpoints that are sent to witnesses: each is a signature and a sync of theirs.
const COSIGN_PAUSE: Duration = Duration::from_secs(10);
/// Pause between copies: 1,440 small files a day.
const COPY_PAUSE: Duration = Duration::from_secs(60);
/// A witness that takes longer is left out of this checkpoint.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of a witness's answer: some signatures, each on a line.
const MAX_ANSWER: usize = 64 << 10;

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;
type Checkpoints = watch::Receiver<Option<Arc<Checkpoint>>>;

/// Why a witness did not sign.
#[derive(Debug, thiserror::Error)]
enum CosignError {
    #[error("it could not be asked: {0}")]
    Ask(String),
    #[error("it did not answer in {TIMEOUT:?}")]
    Late,
    #[error("it answered {status}: {body}")]
    Answer { status: StatusCode, body: String },
    /// The log that it knows is longer, so this one lost its end.
    #[error("it has seen {seen} entries of this log, which has {size}: the log was set back")]
    SetBack { seen: u64, size: u64 },
    #[error("its signature is not to be used: {0}")]
    Signature(#[from] crate::audit::NoteError),
    #[error("the log's tiles cannot be read: {0}")]
    Tiles(#[from] crate::audit::ReadError),
}

/// Has checkpoints cosigned for as long as the log lives.
pub(super) async fn cosign(log: Log, witnesses: Vec<Witness>) {
    if witnesses.is_empty() {
        return;
    }
    let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider());
    let connector = match connector {
        Ok(connector) => connector.https_or_http().enable_http1().build(),
        Err(error) => {
            tracing::error!(%error, "the system's authorities cannot be read; no witness is asked");
            return;
        }
    };
    let client = Client::builder(TokioExecutor::new()).build(connector);
    // What each has seen; one that we know nothing of says so itself.
    let mut seen = HashMap::new();
    let mut checkpoints = log.checkpoint_rx();
    checkpoints.mark_changed();
    while let Some(checkpoint) = newest(&mut checkpoints).await {
        let mut asked = JoinSet::new();
        for witness in witnesses.clone() {
            let (client, dir, checkpoint) = (client.clone(), log.reader(), Arc::clone(&checkpoint));
            let before = seen.get(witness.key.name()).copied().unwrap_or(0);
            asked.spawn(async move {
                let signed = ask(&client, &dir, &witness, before, &checkpoint);
                let signed = tokio::time::timeout(TIMEOUT, signed).await.unwrap_or(Err(CosignError::Late));
                (witness, signed)
            });
        }
        let mut cosigned = Checkpoint::clone(&checkpoint);
        while let Some(Ok((witness, signed))) = asked.join_next().await {
            match signed {
                Ok(signature) => {
                    seen.insert(witness.key.name().to_owned(), checkpoint.size);
                    cosigned.note.signatures.push(signature);
                }
                Err(error @ CosignError::SetBack { .. }) => {
                    tracing::error!(witness = witness.key.name(), %error, "A WITNESS KNOWS MORE OF THE LOG");
                }
                Err(error) => {
                    tracing::warn!(witness = witness.key.name(), size = checkpoint.size, %error, "not cosigned");
                }
            }
        }
        let signed = cosigned.note.signatures.len() - 1;
        if signed > 0 {
            keep(log.reader(), cosigned).await;
        }
        tokio::time::sleep(COSIGN_PAUSE).await;
        if signed < witnesses.len() {
            checkpoints.mark_changed();
        }
    }
}

/// Copies a checkpoint into a folder now and then, for as long as the log lives.
pub(super) async fn copy(log: Log, folder: Option<PathBuf>) {
    let Some(folder) = folder else { return };
    let mut checkpoints = log.checkpoint_rx();
    checkpoints.mark_changed();
    while let Some(checkpoint) = newest(&mut checkpoints).await {
        let (to, dir) = (folder.clone(), log.reader());
        let copied = tokio::task::spawn_blocking(move || copy_one(&to, &checkpoint, &dir)).await;
        match copied.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(()) => tokio::time::sleep(COPY_PAUSE).await,
            Err(error) => {
                tracing::error!(%error, folder = %folder.display(), "a checkpoint was not copied");
                tokio::time::sleep(COSIGN_PAUSE).await;
                checkpoints.mark_changed();
            }
        }
    }
}

/// The newest checkpoint that was not seen yet, of a log that has entries; `None` once it is closed.
async fn newest(checkpoints: &mut Checkpoints) -> Option<Arc<Checkpoint>> {
    loop {
        checkpoints.changed().await.ok()?;
        let newest = checkpoints.borrow_and_update().clone();
        if newest.as_ref().is_some_and(|checkpoint| checkpoint.size > 0) {
            return newest;
        }
    }
}

/// Asks one witness; where it has seen another tree than we think, once more.
async fn ask(
    client: &HttpClient,
    dir: &LogDir,
    witness: &Witness,
    mut seen: u64,
    checkpoint: &Arc<Checkpoint>,
) -> Result<NoteSignature, CosignError> {
    for _ in 0..2 {
        let body = request(dir.clone(), seen, Arc::clone(checkpoint)).await?;
        let request = Request::post(format!("{}/add-checkpoint", witness.url))
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| CosignError::Ask(error.to_string()))?;
        let response = client.request(request).await.map_err(|error| CosignError::Ask(chain(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| CosignError::Ask(error.to_string()))?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        let known = body.trim_end().parse::<u64>().ok();
        match (status, known) {
            (StatusCode::OK, _) => return Ok(witness.cosignature(checkpoint, &body)?),
            (StatusCode::CONFLICT, Some(known)) if known > checkpoint.size => {
                return Err(CosignError::SetBack { seen: known, size: checkpoint.size });
            }
            (StatusCode::CONFLICT, Some(known)) if known != seen => seen = known,
            _ => {
                // A sentence is enough; the rest may be anything.
                let body = body.chars().take(200).collect();
                return Err(CosignError::Answer { status, body });
            }
        }
    }
    Err(CosignError::Answer { status: StatusCode::CONFLICT, body: String::from("its size changes") })
}

/// The request's body; the proof reads tiles, off the async workers.
async fn request(dir: LogDir, seen: u64, checkpoint: Arc<Checkpoint>) -> Result<String, CosignError> {
    let made = move || Witness::request(seen, &checkpoint, &dir.tiles(checkpoint.size));
    let made = tokio::task::spawn_blocking(made).await;
    Ok(made.map_err(|error| CosignError::Ask(error.to_string()))??)
}

async fn keep(dir: LogDir, cosigned: Checkpoint) {
    let kept = tokio::task::spawn_blocking(move || dir.keep_cosigned(&cosigned)).await;
    match kept {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "a cosigned checkpoint was not kept"),
        Err(error) => tracing::error!(%error, "a cosigned checkpoint was not kept"),
    }
}

/// Writes a checkpoint under its size, and the newest cosigned one under its own, whole or not at all.
fn copy_one(folder: &Path, checkpoint: &Checkpoint, dir: &LogDir) -> io::Result<()> {
    let cosigned = dir.cosigned().map_err(io::Error::other)?;
    for (checkpoint, kind) in [(Some(checkpoint), "checkpoint"), (cosigned.as_ref(), "cosigned")] {
        let Some(checkpoint) = checkpoint else { continue };
        let path = folder.join(format!("{:020}.{kind}", checkpoint.size));
        if path.exists() {
            continue;
        }
        let draft = path.with_extension("tmp");
        std::fs::write(&draft, checkpoint.to_string())?;
        std::fs::File::open(&draft)?.sync_all()?;
        std::fs::rename(&draft, &path)?;
    }
    std::fs::File::open(folder)?.sync_all()
}

/// An error with its causes: the client's own says only that it failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
