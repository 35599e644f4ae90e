//! Who a token (JWT) names: verified by the issuer's keys, for this audience, at this time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Header, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::keys::{KeySet, Keys};
use super::signature::{self, ALGORITHMS};
use crate::config::Tokens;
use crate::domain::{Caller, Credential, Identity};
use crate::engine::Clock;

/// Most bytes of a token; what issuers make has one or two thousand.
const MAX_TOKEN: usize = 8 * 1024;
/// Most bytes of a subject.
const MAX_SUBJECT: usize = 255;
/// Most tokens that are remembered as verified: a caller sends the same one until it ends.
const MAX_KNOWN: usize = 4096;
/// What a token may say that it is: plain, or an access token of RFC 9068.
const TYPES: &[&str] = &["JWT", "at+jwt", "application/at+jwt"];

/// Why a token names nobody. The caller is not told which.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum TokenError {
    /// It is longer than any is.
    #[error("the token is too long")]
    TooLong,
    /// It is no token, or one of a kind that is not taken.
    #[error("the token is malformed, or of a kind that is not taken")]
    Malformed,
    /// It names no key of the issuer's.
    #[error("the token is by no known key")]
    Key,
    /// It was not signed by the key that it names, or not by this issuer, or not for this audience.
    #[error("the token is not valid: {0}")]
    Invalid(String),
    /// A claim is absent, or is not what it should be.
    #[error("the token's `{0}` is absent or malformed")]
    Claim(&'static str),
    /// It has ended.
    #[error("the token ended at {0}")]
    Ended(Timestamp),
    /// It does not hold yet.
    #[error("the token holds from {0}")]
    Early(Timestamp),
    /// There are no keys to be trusted. Worth a retry.
    #[error("the issuer's keys are not there")]
    NoKeys,
}

/// Reads tokens.
pub(in super::super) struct TokenReader {
    tokens: Tokens,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    known: Mutex<Verified>,
}

/// Tokens that were verified by a set of keys.
#[derive(Default)]
struct Verified {
    by: Option<Arc<KeySet>>,
    callers: HashMap<[u8; 32], Caller>,
}

// === impl TokenReader ===

impl TokenReader {
    pub fn new(tokens: Tokens, keys: Arc<Keys>, clock: Arc<dyn Clock>) -> Self {
        signature::install();
        Self { tokens, keys, clock, known: Mutex::default() }
    }

    /// The caller that a token names, until it ends.
    ///
    /// # Errors
    /// [`TokenError`]: it names nobody.
    pub async fn caller(&self, token: &str) -> Result<Caller, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token).into();
        let keys = self.keys.current();
        if let Some(caller) = keys.as_ref().and_then(|keys| self.recall(&digest, keys)) {
            return Ok(caller);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        let is_taken =
            header.typ.as_ref().is_none_or(|typ| TYPES.iter().any(|of| of.eq_ignore_ascii_case(typ)));
        // What is critical must be understood, and nothing beyond the standard is.
        if !is_taken || header.crit.is_some() || !ALGORITHMS.contains(&header.alg) {
            return Err(TokenError::Malformed);
        }
        let has_key = |keys: &Arc<KeySet>| keys.find(header.kid.as_deref(), header.alg).is_some();
        let keys = match keys.filter(has_key) {
            Some(keys) => keys,
            None => self.keys.looked_up().await.ok_or(TokenError::NoKeys)?,
        };
        let caller = self.verify(token, &header, &keys)?;
        self.remember(digest, &keys, &caller);
        Ok(caller)
    }

    fn verify(&self, token: &str, header: &Header, keys: &KeySet) -> Result<Caller, TokenError> {
        let key = keys.find(header.kid.as_deref(), header.alg).ok_or(TokenError::Key)?;
        let mut validation = Validation::new(header.alg);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.tokens.issuer]);
        validation.set_audience(&self.tokens.audience);
        // The time is judged below, by the clock that everything else goes by.
        validation.validate_exp = false;
        let claims = decode::<Map<String, Value>>(token, &key.key, &validation)
            .map_err(|error| TokenError::Invalid(error.to_string()))?
            .claims;
        // The library takes a list of issuers too, of which this one is one.
        let issuer = text(&claims, "iss").filter(|issuer| *issuer == self.tokens.issuer);
        let issuer = issuer.ok_or(TokenError::Claim("iss"))?.to_owned();
        let now = self.clock.now();
        let skew = SignedDuration::try_from(self.tokens.skew).map_err(|_| TokenError::Claim("exp"))?;
        let end = instant(&claims, "exp")?.ok_or(TokenError::Claim("exp"))?;
        let until = end.checked_add(skew).map_err(|_| TokenError::Claim("exp"))?;
        if until <= now {
            return Err(TokenError::Ended(end));
        }
        if let Some(begin) = instant(&claims, "nbf")?
            && begin.checked_sub(skew).map_err(|_| TokenError::Claim("nbf"))? > now
        {
            return Err(TokenError::Early(begin));
        }
        let is_subject =
            |sub: &&str| !sub.is_empty() && sub.len() <= MAX_SUBJECT && !sub.chars().any(char::is_control);
        let subject = text(&claims, "sub").filter(is_subject).ok_or(TokenError::Claim("sub"))?.to_owned();
        let identity = Identity {
            id: format!("{issuer}#{subject}"),
            credential: Credential::Token,
            subject,
            issuer,
            groups: groups(&claims, &self.tokens.groups_claim)?,
            claims: self.chosen(&claims),
        };
        Ok(Caller { identity: Arc::new(identity), until: Some(until), trace_id: String::new() })
    }

    /// The claims that the configuration names, as text. One that is a list, a table, or empty is none: an empty
    /// one would be equal to a tenant that a call does not name.
    fn chosen(&self, claims: &Map<String, Value>) -> BTreeMap<String, String> {
        let chosen = self.tokens.claims.iter().filter_map(|name| {
            let text = match claims.get(name)? {
                Value::String(text) => text.clone(),
                Value::Bool(is) => is.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            (!text.is_empty()).then(|| (name.clone(), text))
        });
        chosen.collect()
    }

    fn recall(&self, digest: &[u8; 32], keys: &Arc<KeySet>) -> Option<Caller> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.by.as_ref().filter(|by| Arc::ptr_eq(by, keys))?;
        let caller = known.callers.get(digest)?;
        caller.until.filter(|until| self.clock.now() < *until)?;
        Some(caller.clone())
    }

    fn remember(&self, digest: [u8; 32], keys: &Arc<KeySet>, caller: &Caller) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.by.as_ref().is_some_and(|by| Arc::ptr_eq(by, keys)) || known.callers.len() >= MAX_KNOWN {
            known.callers.clear();
            known.by = Some(Arc::clone(keys));
        }
        known.callers.insert(digest, caller.clone());
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// Seconds since 1970, with or without a fraction.
fn instant(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite()).ok_or(TokenError::Claim(name))?;
    let instant = SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| Timestamp::from_duration(since).ok());
    instant.map(Some).ok_or(TokenError::Claim(name))
}

/// The groups of a token: a list of names, or one. A list with anything else in it is refused, as a rule may
/// forbid what the rest of it would tell.
fn groups(claims: &Map<String, Value>, name: &str) -> Result<BTreeSet<String>, TokenError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(Value::String(group)) => Ok([group.clone()].into()),
        Some(Value::Array(groups)) => groups
            .iter()
            .map(|group| group.as_str().map(str::to_owned).ok_or(TokenError::Claim("groups")))
            .collect(),
        Some(_) => Err(TokenError::Claim("groups")),
    }
}
