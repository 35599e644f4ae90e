//! How the server ends: on which signals, and what is flushed.

use std::time::Duration;

use crate::audit::{Journal, JournalHealth};
use crate::catalog::Catalog;

/// A disk that hangs must not keep the process from ending.
const CLOSE_WAIT: Duration = Duration::from_secs(10);

/// Waits for SIGTERM or SIGINT.
pub(super) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut stream) => {
                stream.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "a signal cannot be waited for");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => tracing::info!("SIGTERM; closing"),
        () = wait(SignalKind::interrupt()) => tracing::info!("SIGINT; closing"),
    }
}

/// Says in the log when the journal stops or starts to write.
pub(super) async fn follow_journal(journal: Journal) {
    let mut health = journal.health_rx();
    while health.changed().await.is_ok() {
        match &*health.borrow_and_update() {
            JournalHealth::Ok => tracing::info!("decisions are recorded again"),
            JournalHealth::Failing { cause, .. } => {
                tracing::error!(error = %cause, "decisions cannot be recorded; answers that need a record are refused");
            }
        }
    }
}

/// Flushes the journal, then closes the catalogue off the async workers.
pub(super) async fn close(journal: Journal, catalog: Catalog) {
    match tokio::time::timeout(CLOSE_WAIT, journal.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the journal was not closed cleanly"),
        Err(_late) => tracing::error!("the disk did not take the last records in time"),
    }
    let closed = tokio::task::spawn_blocking(move || drop(catalog)).await;
    if let Err(error) = closed {
        tracing::error!(%error, "the catalogue was not closed cleanly");
    }
}
