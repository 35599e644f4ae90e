//! Files that the server runs by, such as certificates and keys: read whole, and again when they change. What
//! was good last holds until something better comes, and what is wrong is told.

use std::io;
use std::path::PathBuf;

use super::changes::Changes;

/// What files hold, in the order in which they were named. It may be a secret: it is never logged.
pub(super) type Contents = Vec<Vec<u8>>;

/// A file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Reads files, off the async workers.
///
/// # Errors
/// The first that could not be read.
pub(super) async fn read(paths: &[PathBuf]) -> Result<Contents, ReadError> {
    let paths = paths.to_vec();
    let first = paths.first().cloned().unwrap_or_default();
    let read = move || {
        let each =
            paths.into_iter().map(|path| std::fs::read(&path).map_err(|source| ReadError { path, source }));
        each.collect()
    };
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(ReadError { path: first, source: io::Error::other(error) }))
}

/// Takes up each change of files: `apply` makes use of what they hold, or says why it cannot; `told` learns
/// whether it could. Ends only with the server.
pub(super) async fn follow<E: std::error::Error + 'static, F: Future<Output = ()>>(
    what: &'static str,
    paths: Vec<PathBuf>,
    first: Contents,
    apply: impl Fn(&Contents) -> Result<(), E>,
    told: impl Fn(bool) -> F,
) {
    let mut changes = Changes::of_files(&paths);
    let mut seen = Ok(first);
    loop {
        // The first look is at once: they may have changed since they were first read.
        let now = changes.settled(|| async { read(&paths).await.map_err(|error| chain(&error)) }).await;
        if now != seen {
            let outcome = match &now {
                Ok(contents) => apply(contents).map_err(|error| chain(&error)),
                Err(error) => Err(error.clone()),
            };
            match &outcome {
                Ok(()) => tracing::info!(what, "files changed, and are taken up"),
                Err(error) => {
                    tracing::error!(
                        what,
                        error,
                        "files changed, and cannot be used; the last good ones hold"
                    );
                }
            }
            told(outcome.is_ok()).await;
            seen = now;
        }
        changes.next().await;
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
