//! Loading bundles: the first one, each edit of the folder, and on demand. A bundle is read aside, checked,
//! its cases run, and only then published, in one step.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use super::bundles::Kept;
use super::changes::{Changes, POLL};
use crate::domain::{Fault, Files};
use crate::engine::Clock;
use crate::grpc::Health;
use crate::policy::{self, Bundle, LoadError, Reader, Writer};
use crate::scenario;

/// Faults of one load that go to the log: a bad rule can break every case, and a person reads the first few.
const MAX_LOGGED: usize = 20;
/// How often a long load says how far it is.
const PROGRESS: Duration = Duration::from_secs(1);

/// A bundle that was just published.
#[derive(Clone)]
pub(super) struct Loaded {
    pub bundle: Arc<Bundle>,
    pub origin: String,
    pub changed: bool,
}

/// Loads and publishes bundles. Cheap to clone; loads are one at a time.
#[derive(Clone)]
pub(super) struct Reloader(Arc<Inner>);

struct Inner {
    folder: Option<PathBuf>,
    kept: Kept,
    writer: Mutex<Writer>,
    reader: Reader,
    health: Health,
    clock: Arc<dyn Clock>,
    /// What was read last of the folder, good or bad.
    seen: std::sync::Mutex<Option<Files>>,
    /// The current bundle could not be written to the data folder.
    unkept: AtomicBool,
}

impl Reloader {
    pub fn new(
        folder: Option<PathBuf>,
        kept: Kept,
        writer: Writer,
        reader: Reader,
        health: Health,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (writer, seen) = (Mutex::new(writer), std::sync::Mutex::default());
        let unkept = AtomicBool::new(false);
        Self(Arc::new(Inner { folder, kept, writer, reader, health, clock, seen, unkept }))
    }

    pub fn reader(&self) -> Reader {
        self.0.reader.clone()
    }

    /// Loads the first bundle; where it is bad, the last good one, loudly.
    pub async fn first(self) -> Result<Loaded, LoadError> {
        let error = match self.load().await {
            Ok(loaded) => return Ok(loaded),
            Err(error) => error,
        };
        let inner = Arc::clone(&self.0);
        let fallback = tokio::task::spawn_blocking(move || {
            let (version, files) = inner.kept.last()?;
            let bundle = Bundle::load(&files).ok()?.0;
            // What bears a version's name is that version, or nothing.
            (bundle.version() == version).then_some((version, bundle))
        });
        let Some((version, bundle)) = fallback.await.ok().flatten() else { return Err(error) };
        let origin = "the last good bundle".to_owned();
        tracing::error!(version, "the policies are bad; serving the last good bundle instead");
        let loaded = Loaded { bundle: Arc::new(bundle), origin, changed: true };
        let writer = self.0.writer.lock().await;
        let now = self.0.clock.now();
        writer.publish(Arc::clone(&loaded.bundle), &loaded.origin, now);
        writer.note_failure(error, now);
        self.0.health.set_ready(true).await;
        Ok(loaded)
    }

    /// Reads the folder and publishes what it holds, if that differs from the current bundle.
    pub async fn load(&self) -> Result<Loaded, LoadError> {
        self.load_or_read(None).await
    }

    /// Publishes these files, or else those of the folder.
    async fn load_or_read(&self, files: Option<Files>) -> Result<Loaded, LoadError> {
        // INVARIANT: the writer is held from reading to publishing, so of two loads the later read wins.
        let writer = self.0.writer.lock().await;
        let started = std::time::Instant::now();
        let inner = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || prepare(&inner, files));
        let outcome = read.await.unwrap_or_else(|error| {
            Err(LoadError { faults: vec![Fault::of_file("bundle", format!("loading ended early: {error}"))] })
        });
        let now = self.0.clock.now();
        match outcome {
            Ok(loaded) => {
                let failed_before = self.0.reader.status().failure.is_some();
                if loaded.changed || failed_before {
                    writer.publish(Arc::clone(&loaded.bundle), &loaded.origin, now);
                    tracing::info!(
                        version = loaded.bundle.version(),
                        policies = loaded.bundle.rules().len(),
                        millis = started.elapsed().as_millis(),
                        "published a bundle"
                    );
                }
                self.0.health.set_ready(true).await;
                self.0.health.set_bundle(true).await;
                Ok(loaded)
            }
            Err(error) => {
                for fault in error.faults.iter().take(MAX_LOGGED) {
                    tracing::error!(file = fault.file, line = fault.line, "bad bundle: {fault}");
                }
                if error.faults.len() > MAX_LOGGED {
                    let more = error.faults.len() - MAX_LOGGED;
                    tracing::error!(more, "bad bundle: `situs validate` shows every fault");
                }
                if self.0.reader.current().is_some() {
                    tracing::error!(faults = error.faults.len(), "the last good bundle keeps serving");
                }
                writer.note_failure(error.clone(), now);
                self.0.health.set_bundle(false).await;
                Err(error)
            }
        }
    }

    /// Loads again after each edit of the folder. Ends only with the server.
    pub async fn watch(self) {
        let Some(folder) = self.0.folder.clone() else {
            loop {
                tokio::time::sleep(POLL).await;
                self.keep_up().await;
            }
        };
        let mut changes = Changes::of_folder(&folder);
        loop {
            // The first look is at once: the folder may have changed since the first bundle was read.
            let files = changes.settled(|| read(&folder)).await;
            if files != self.0.seen() {
                // The log and the status carry what is wrong; there is nobody else to tell.
                let _noted = self.load_or_read(files).await;
            }
            changes.next().await;
            self.keep_up().await;
        }
    }

    /// Keeps the current bundle, where the disk did not let it be kept before.
    async fn keep_up(&self) {
        if self.0.unkept.load(Ordering::Relaxed)
            && let Some(bundle) = self.0.reader.current()
        {
            let inner = Arc::clone(&self.0);
            let kept = tokio::task::spawn_blocking(move || inner.keep(bundle.version(), bundle.files()));
            // What it could not do it has logged.
            let _ended = kept.await;
        }
    }
}

impl Inner {
    /// Keeps a bundle's files. Where that fails the bundle is served all the same, and this is tried again.
    fn keep(&self, version: &str, files: &Files) {
        let kept = self.kept.keep(version, files);
        self.unkept.store(kept.is_err(), Ordering::Relaxed);
        if let Err(error) = kept {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the bundle could not be kept: a restart during a bad edit could not fall back to it, and what it \
                 decides could not be decided again"
            );
        }
    }

    fn seen(&self) -> Option<Files> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The files to load, with where they come from.
    fn read(&self) -> Result<(Files, String), LoadError> {
        let Some(folder) = &self.folder else {
            return Ok((policy::default_files(), "the default bundle".to_owned()));
        };
        let files = policy::read_folder(folder).map_err(|error| {
            let mut message = error.to_string();
            if let Some(cause) = std::error::Error::source(&error) {
                message = format!("{message}: {cause}");
            }
            LoadError { faults: vec![Fault::of_file(&folder.display().to_string(), message)] }
        });
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = files.as_ref().ok().cloned();
        Ok((files?, folder.display().to_string()))
    }
}

/// Reads, checks and tries a bundle.
fn prepare(inner: &Inner, files: Option<Files>) -> Result<Loaded, LoadError> {
    let (files, origin) = match (files, &inner.folder) {
        (Some(files), Some(folder)) => {
            *inner.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(files.clone());
            (files, folder.display().to_string())
        }
        _ => inner.read()?,
    };
    tracing::info!(files = files.len(), "reading a bundle");
    let (bundle, report) = Bundle::load(&files)?;
    if let Some(current) = inner.reader.current().filter(|current| current.version() == bundle.version()) {
        let same_cases = current.files() == bundle.files();
        if same_cases {
            return Ok(Loaded { bundle: current, origin, changed: false });
        }
    }
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    try_cases(&bundle, &files, inner)?;
    inner.keep(bundle.version(), &files);
    Ok(Loaded { bundle: Arc::new(bundle), origin, changed: true })
}

fn try_cases(bundle: &Bundle, files: &Files, inner: &Inner) -> Result<(), LoadError> {
    let cases = scenario::read_cases(files, bundle.facts()).map_err(|faults| LoadError { faults })?;
    let now = inner.clock.now();
    let total: usize = cases.iter().map(|file| file.cases.len()).sum();
    tracing::info!(policies = bundle.rules().len(), cases = total, "its files are sound; trying its cases");
    let (mut outcomes, mut told) = (Vec::new(), std::time::Instant::now());
    for file in &cases {
        outcomes.extend(scenario::run_all(bundle, std::slice::from_ref(file), now));
        if told.elapsed() >= PROGRESS {
            tracing::info!(tried = outcomes.len(), cases = total, "trying its cases");
            told = std::time::Instant::now();
        }
    }
    let faults: Vec<Fault> = outcomes
        .into_iter()
        .filter(|outcome| !outcome.comparison.holds())
        .map(|outcome| Fault {
            file: outcome.path.clone(),
            line: outcome.case.line,
            message: format!(
                "case `{}` does not hold: {}",
                outcome.case.id,
                outcome.comparison.faults.join("; ")
            ),
            help: String::new(),
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(LoadError { faults }) }
}

/// What the folder holds; `None` where it cannot be read.
async fn read(folder: &Path) -> Option<Files> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || policy::read_folder(&folder).ok()).await.ok().flatten()
}
