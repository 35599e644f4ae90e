//! Whether a part of the log works.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

/// Whether a part of the log works. It is tried again until it does.
#[derive(Debug)]
pub enum Health<E> {
    /// The last try succeeded.
    Ok,
    /// It did not.
    Failing {
        /// When the first of the failures in a row was seen, on the monotonic clock.
        since: Instant,
        /// What went wrong last.
        cause: Arc<E>,
    },
}

impl<E> Health<E> {
    /// Whether the last try succeeded.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        matches!(self, Self::Ok)
    }

    /// What went wrong last; `None` where nothing is.
    #[must_use]
    pub fn cause(&self) -> Option<Arc<E>> {
        match self {
            Self::Ok => None,
            Self::Failing { cause, .. } => Some(cause.clone()),
        }
    }

    /// Says that a try failed.
    pub(super) fn fail(sender: &watch::Sender<Self>, cause: Arc<E>) {
        sender.send_modify(|health| {
            let since = match health {
                Self::Failing { since, .. } => *since,
                Self::Ok => Instant::now(),
            };
            *health = Self::Failing { since, cause };
        });
    }
}

impl<E> Clone for Health<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Ok => Self::Ok,
            Self::Failing { since, cause } => Self::Failing { since: *since, cause: cause.clone() },
        }
    }
}
