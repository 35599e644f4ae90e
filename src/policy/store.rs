//! The current bundle: published in one step, read without a lock, and kept when a later load fails.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::bundle::Bundle;
use super::load::LoadError;

/// Publishes bundles. One per process, so it is not `Clone`.
#[derive(Debug)]
pub struct Writer(Arc<Shared>);

/// Reads the current bundle. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Shared>);

struct Shared {
    current: ArcSwapOption<Bundle>,
    status: Mutex<Status>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How loading stands.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// When the current bundle was published.
    pub loaded_at: Option<Timestamp>,
    /// Where it came from.
    pub origin: String,
    /// The last load that failed, as long as none succeeded after it.
    pub failure: Option<Failure>,
    /// How many loads failed since the start.
    pub failures: u64,
}

/// A load that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub error: LoadError,
}

impl Writer {
    /// A store without a bundle.
    #[must_use]
    pub fn new() -> (Self, Reader) {
        let shared =
            Arc::new(Shared { current: ArcSwapOption::empty(), status: Mutex::new(Status::default()) });
        (Self(Arc::clone(&shared)), Reader(shared))
    }

    /// Makes a bundle the current one. What is being decided goes on under the one that it began with.
    pub fn publish(&self, bundle: Arc<Bundle>, origin: &str, at: Timestamp) {
        self.0.current.store(Some(bundle));
        let mut status = self.0.status.lock().unwrap_or_else(PoisonError::into_inner);
        *status = Status {
            loaded_at: Some(at),
            origin: origin.to_owned(),
            failure: None,
            failures: status.failures,
        };
    }

    /// Notes a load that failed; the current bundle stays.
    pub fn note_failure(&self, error: LoadError, at: Timestamp) {
        let mut status = self.0.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.failures += 1;
        status.failure = Some(Failure { at, error });
    }
}

impl Reader {
    /// The current bundle; `None` until the first was loaded.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Bundle>> {
        self.0.current.load_full()
    }

    /// How loading stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
