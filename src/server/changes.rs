//! Learning that files changed: told by the system where it tells, looked at now and then where it does not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// An edit counts as done when nothing changed for this long: a checkout writes many files.
const QUIET: Duration = Duration::from_millis(100);
/// The files are looked at this often too, for file systems that send no events.
pub(super) const POLL: Duration = Duration::from_secs(5);
/// Events that wait; more say nothing new.
const EVENTS: usize = 64;
/// An edit that goes on for longer is read as it is; a half-written one fails its checks.
const MAX_EDIT: Duration = Duration::from_secs(3);

/// Tells of changes for as long as it lives.
pub(super) struct Changes {
    events: mpsc::Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Changes {
    /// Of a folder, and all that is in it.
    pub fn of_folder(folder: &Path) -> Self {
        Self::of([folder.to_owned()].into(), RecursiveMode::Recursive)
    }

    /// Of files. Their folders are watched, as a file may be a link that is swapped whole.
    pub fn of_files(files: &[PathBuf]) -> Self {
        let folders = files.iter().map(|file| match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        });
        Self::of(folders.collect(), RecursiveMode::NonRecursive)
    }

    fn of(folders: BTreeSet<PathBuf>, mode: RecursiveMode) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        let watcher = notify::recommended_watcher(move |_event: notify::Result<notify::Event>| {
            // A full queue already says that something changed.
            let _full = sender.try_send(());
        });
        let watched = watcher.and_then(|mut watcher| {
            folders.iter().try_for_each(|folder| watcher.watch(folder, mode))?;
            Ok(watcher)
        });
        let _watcher = watched
            .inspect_err(|error| {
                tracing::warn!(%error, every = ?POLL, ?folders, "files cannot be watched; they are read at intervals");
            })
            .ok();
        Self { events, _watcher }
    }

    /// What `read` gives, once two reads with quiet between them agree: what is read while an edit of several
    /// files goes on may be what nobody wrote.
    pub async fn settled<T: PartialEq, F: Future<Output = T>>(&mut self, read: impl Fn() -> F) -> T {
        let settle = async {
            let mut before = read().await;
            loop {
                while self.within(QUIET).await {}
                let now = read().await;
                if now == before {
                    return now;
                }
                before = now;
            }
        };
        match tokio::time::timeout(MAX_EDIT, settle).await {
            Ok(settled) => settled,
            Err(_late) => read().await,
        }
    }

    /// Waits for a change, or until it is time to look without one.
    pub async fn next(&mut self) {
        let _told = self.within(POLL).await;
    }

    /// Whether a change is told of in this time. Without a watcher none ever is, and the time passes.
    async fn within(&mut self, time: Duration) -> bool {
        let told = async {
            if self.events.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        tokio::time::timeout(time, told).await.is_ok()
    }
}
