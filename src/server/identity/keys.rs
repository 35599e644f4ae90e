//! The issuer's keys: from a file that is watched, or from an address, where a key that is not known yet is
//! looked for again, within bounds.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::fetch::{FetchError, Fetcher};
use super::signature::ALGORITHMS;
use crate::config::KeySource;
use crate::grpc::Health;
use crate::server::files::{self, Contents, ReadError};

/// Most keys of an issuer: those in use, and a few that come and go.
const MAX_KEYS: usize = 100;
/// The keys of an address are fetched this often without a need, so that those that were withdrawn go.
const REFRESH: Duration = Duration::from_secs(300);
/// The keys are fetched at most this often, but for a few times in a row: anyone can name a key that is not
/// known, and the issuer must not suffer from it.
const RETRY: Duration = Duration::from_secs(10);
const IN_A_ROW: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// Keys that could not be fetched again for this long are not trusted any more: the issuer may have withdrawn
/// them. Long enough for a person to mend what is broken.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The address cannot be fetched from.
    #[error("the issuer's keys cannot be fetched")]
    Fetch(#[from] FetchError),
    /// It is no key set.
    #[error("the issuer's keys are no JWKS")]
    Malformed(#[from] serde_json::Error),
    /// None of its keys can verify a token.
    #[error("none of the issuer's {found} keys can verify a signature here")]
    None {
        /// How many there are.
        found: usize,
    },
    /// There are too many.
    #[error("the issuer has {found} keys, and at most {MAX_KEYS} are taken")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

/// A key with what it is good for.
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub key: DecodingKey,
}

/// The keys of an issuer at one time.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// When they were last fetched; of a file, absent: it says itself what holds.
    fetched: Option<Instant>,
}

/// The keys that hold now.
pub(in super::super) struct Keys {
    from: From,
    current: ArcSwapOption<KeySet>,
}

enum From {
    File { path: PathBuf, first: Contents },
    Url { fetcher: Box<Fetcher>, turn: Mutex<DefaultDirectRateLimiter> },
}

// === impl KeySet ===

impl KeySet {
    fn read(bytes: &[u8], fetched: Option<Instant>) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let Set { keys } = serde_json::from_slice(bytes)?;
        let found = keys.len();
        if found > MAX_KEYS {
            return Err(KeysError::TooMany { found });
        }
        // A key of a kind that is not known here says nothing of the others.
        let known = keys.into_iter().filter_map(|key| Key::of(&serde_json::from_value(key).ok()?));
        let keys: Vec<Key> = known.collect();
        // Of two keys by one name it would be chance which one is asked.
        let mut names = HashSet::new();
        let twice = keys.iter().filter_map(|key| key.id.as_ref()).any(|id| !names.insert(id.clone()));
        if keys.is_empty() || twice {
            return Err(KeysError::None { found });
        }
        Ok(Self { keys, fetched })
    }

    /// The key that a token names; where it names none, the only one that there is.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let key = match (id, self.keys.as_slice()) {
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id))?,
            (None, [key]) => key,
            (None, _) => return None,
        };
        key.algorithms.contains(&algorithm).then_some(key)
    }
}

// === impl Key ===

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !signs || !verifies || matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let of_key = |algorithm: &Algorithm| {
            ALGORITHMS.contains(algorithm)
                && common.key_algorithm.is_none_or(|only| only == KeyAlgorithm::from(*algorithm))
        };
        let algorithms: Vec<Algorithm> = key.family().algorithms().iter().copied().filter(of_key).collect();
        (!algorithms.is_empty()).then(|| Self { id: common.key_id.clone(), algorithms, key })
    }
}

// === impl Keys ===

impl Keys {
    /// Opens the source. A file must hold keys now; an address may be out of reach, and then no token is known
    /// until it is reached.
    ///
    /// # Errors
    /// [`KeysError`] of a file.
    pub async fn open(source: &KeySource) -> Result<Self, KeysError> {
        match source {
            KeySource::File(path) => {
                let first = files::read(std::slice::from_ref(path)).await?;
                let set = KeySet::read(first.first().map(Vec::as_slice).unwrap_or_default(), None)?;
                let from = From::File { path: path.clone(), first };
                Ok(Self { from, current: ArcSwapOption::from_pointee(set) })
            }
            KeySource::Url { url, ca } => {
                let fetcher = Fetcher::new(url.clone(), ca.as_deref()).await?;
                let quota = Quota::with_period(RETRY).map(|quota| quota.allow_burst(IN_A_ROW));
                let quota = quota.unwrap_or(Quota::per_minute(IN_A_ROW));
                let from =
                    From::Url { fetcher: Box::new(fetcher), turn: Mutex::new(RateLimiter::direct(quota)) };
                let keys = Self { from, current: ArcSwapOption::empty() };
                if let Err(error) = keys.fetch_by_need().await {
                    tracing::error!(error = &error as &dyn std::error::Error, "no token is known yet");
                }
                Ok(keys)
            }
        }
    }

    /// The keys that hold now; absent: there are none to be trusted.
    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        let set = self.current.load_full()?;
        set.fetched.is_none_or(|fetched| fetched.elapsed() < MAX_AGE).then_some(set)
    }

    /// The keys after one more look, for a token whose key is not known: an issuer that changes its keys begins
    /// to use the new one at once.
    pub(super) async fn looked_up(&self) -> Option<Arc<KeySet>> {
        if let Err(error) = self.fetch_by_need().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the issuer's keys stay as they were");
        }
        self.current()
    }

    /// Fetches, unless others just did: callers that waited for them take what they got.
    async fn fetch_by_need(&self) -> Result<(), KeysError> {
        let From::Url { fetcher, turn } = &self.from else { return Ok(()) };
        let before = self.current();
        let turn = turn.lock().await;
        let is_other = match (&before, &self.current()) {
            (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
            (before, now) => before.is_some() != now.is_some(),
        };
        if is_other || turn.check().is_err() {
            return Ok(());
        }
        let fetched = fetcher.fetch().await?;
        let set = KeySet::read(&fetched, Some(Instant::now()))?;
        self.current.store(Some(Arc::new(set)));
        Ok(())
    }

    /// Keeps them as the source has them. Ends only with the server.
    pub async fn watch(self: Arc<Self>, health: Health) {
        match &self.from {
            From::File { path, first } => {
                let apply = |contents: &Contents| -> Result<(), KeysError> {
                    let bytes = contents.first().map(Vec::as_slice).unwrap_or_default();
                    self.current.store(Some(Arc::new(KeySet::read(bytes, None)?)));
                    Ok(())
                };
                let told = |is_good| {
                    let health = health.clone();
                    async move { health.set_token_keys(is_good).await }
                };
                files::follow("token keys", vec![path.clone()], first.clone(), apply, told).await;
            }
            From::Url { .. } => loop {
                health.set_token_keys(self.current().is_some()).await;
                // Until there are some, as often as a token may ask for it.
                let wait = if self.current().is_some() { REFRESH } else { RETRY };
                tokio::time::sleep(wait).await;
                let outcome = self.fetch_by_need().await;
                if let Err(error) = &outcome {
                    tracing::error!(
                        error = error as &dyn std::error::Error,
                        "the issuer's keys stay as they were"
                    );
                }
            },
        }
    }
}
