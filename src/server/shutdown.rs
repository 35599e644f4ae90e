//! How the server ends: on which signals, and what is flushed.

use std::time::Duration;

use crate::audit::{Health as LogHealth, Log};
use crate::catalog::Catalog;
use crate::grpc::Health;

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

/// Says in the log and by health when decisions stop or start to be recorded, and to be published.
pub(super) async fn follow_log(log: Log, health: Health) {
    let (mut recording, mut publishing) = (log.health_rx(), log.publishing_rx());
    loop {
        let is_good = recording.borrow().is_ok() && publishing.borrow().is_ok();
        health.set_log(is_good).await;
        tokio::select! {
            changed = recording.changed() => {
                if changed.is_err() {
                    return;
                }
                match &*recording.borrow_and_update() {
                    LogHealth::Ok => tracing::info!("decisions are recorded again"),
                    LogHealth::Failing { cause, .. } => {
                        tracing::error!(error = %cause, "decisions cannot be recorded; answers that need a record are refused");
                    }
                }
            }
            changed = publishing.changed() => {
                if changed.is_err() {
                    return;
                }
                match &*publishing.borrow_and_update() {
                    LogHealth::Ok => tracing::info!("checkpoints are signed again"),
                    LogHealth::Failing { cause, .. } => {
                        tracing::error!(error = %cause, "no checkpoint can be written; what is recorded is in the journal");
                    }
                }
            }
        }
    }
}

/// Flushes the log, then closes the catalogue off the async workers.
pub(super) async fn close(log: Log, catalog: Catalog) {
    match tokio::time::timeout(CLOSE_WAIT, log.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the log was not closed cleanly"),
        Err(_late) => tracing::error!("the disk did not take the last records in time"),
    }
    let closed = tokio::task::spawn_blocking(move || drop(catalog)).await;
    if let Err(error) = closed {
        tracing::error!(%error, "the catalogue was not closed cleanly");
    }
}
